"""Uploads from HTML forms: multipart/form-data as a bounded stream. Pure.

The fields come first and are kept; the file comes last and flows through. What comes behind the file
is thrown away, as S3 does. Sources: RFC 7578; Amazon S3 API Reference, "POST Object".
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from proxy.errors import (
    InvalidArgument,
    MalformedPOSTRequest,
    MaxPostPreDataLengthExceeded,
    PreconditionFailed,
)

MAX_FIELD_BYTES = 20 * 1024
MAX_FIELDS_BYTES = 64 * 1024
"""Names and values of all fields before the file together."""
FILE = "file"


@dataclass(slots=True)
class Form:
    """The fields before the file, by lower-case name, and the file's own name ("" if it has none)."""

    fields: dict[str, str] = field(default_factory=dict)
    filename: str = ""


class FormReader:
    """One form. First `head`, which reads as far as the file, then once `file`."""

    def __init__(self, content_type: str, pieces: Iterable[bytes | memoryview]) -> None:
        """Raises PreconditionFailed unless it is multipart/form-data with a boundary."""
        self._framing = _Framing(_boundary(content_type))
        self._pieces = iter(pieces)

    def head(self) -> Form:
        """Raises MalformedPOSTRequest, MaxPostPreDataLengthExceeded, InvalidArgument."""
        form, total = Form(), 0
        for part in self._framing.parts(self._pieces):
            name = part.name.lower()
            if name == FILE:
                form.filename = part.filename
                return form
            value = bytearray()
            for data in part.data:
                value += data
                if len(value) > MAX_FIELD_BYTES or total + len(value) > MAX_FIELDS_BYTES:
                    raise MaxPostPreDataLengthExceeded()
            total += len(value) + len(name)
            if name in form.fields:
                raise _wrong(name, "A field of the form was given more than once.")
            form.fields[name] = _text(bytes(value))
        raise _wrong(FILE, "POST requires exactly one file upload per request.", "0")

    def file(self) -> Iterator[bytes]:
        """The file in pieces. Raises MalformedPOSTRequest if the form ends too early."""
        yield from self._framing.data(self._pieces)
        for piece in self._pieces:
            self._framing.skip(piece)
        self._framing.finish()


@dataclass(slots=True)
class _Part:
    name: str
    filename: str
    data: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class _Begin:
    disposition: bytes


class _Framing:
    """The library's callbacks as a stream of events that can be pulled.

    An event is the beginning of a part (its Content-Disposition), a piece of its data, or its end.
    """

    def __init__(self, boundary: bytes) -> None:
        self._events: deque[_Begin | bytes | None] = deque()
        self._disposition = b""
        self._name = b""
        self._value = b""
        self._complete = False
        self._skipping = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": lambda: self._events.append(_Begin(self._disposition)),
                "on_part_data": self._data,
                "on_part_end": lambda: self._events.append(None),
                "on_end": self._finished,
            },
        )

    def parts(self, pieces: Iterator[bytes | memoryview]) -> Iterator[_Part]:
        """Each part in turn; its data must be taken before the next is asked for."""
        while isinstance(event := self._next(pieces), _Begin):
            yield self._part(event, pieces)

    def data(self, pieces: Iterator[bytes | memoryview]) -> Iterator[bytes]:
        """What is left of the part at hand."""
        while isinstance(event := self._next(pieces), bytes):
            yield event

    def skip(self, piece: bytes | memoryview) -> None:
        """Look at the frame only."""
        self._skipping = True
        self._events.clear()
        self._write(piece)

    def finish(self) -> None:
        """Raise MalformedPOSTRequest unless the last boundary was seen."""
        if not self._complete:
            raise MalformedPOSTRequest()

    def _next(self, pieces: Iterator[bytes | memoryview]) -> _Begin | bytes | None:
        """The next event; None at the end of the form. Raises MalformedPOSTRequest."""
        while not self._events:
            if self._complete:
                return None
            piece = next(pieces, None)
            if piece is None:
                raise MalformedPOSTRequest()
            self._write(piece)
        return self._events.popleft()

    def _write(self, piece: bytes | memoryview) -> None:
        try:
            self._parser.write(bytes(piece))
        except FormParserError:
            raise MalformedPOSTRequest() from None

    def _part(self, begin: _Begin, pieces: Iterator[bytes | memoryview]) -> _Part:
        kind, options = parse_options_header(begin.disposition)
        if kind != b"form-data" or b"name" not in options:
            raise MalformedPOSTRequest()
        return _Part(_text(options[b"name"]), _text(options.get(b"filename", b"")), self.data(pieces))

    # -- what the parser calls -----------------------------------------------------------
    def _begin(self) -> None:
        self._disposition = self._name = self._value = b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = self._value
        self._name = self._value = b""

    def _data(self, data: bytes, start: int, end: int) -> None:
        if not self._skipping:
            self._events.append(data[start:end])

    def _finished(self) -> None:
        self._complete = True


def _boundary(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 1 <= len(boundary) <= 256:
        raise PreconditionFailed(
            fields={"Condition": "Bucket POST must be of the enclosure-type multipart/form-data"}
        )
    return boundary


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise MalformedPOSTRequest("The fields of a form must be UTF-8.") from None


def _wrong(name: str, message: str, value: str = "") -> InvalidArgument:
    return InvalidArgument(message, fields={"ArgumentName": name, "ArgumentValue": value})
