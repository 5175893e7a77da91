"""The aws-chunked encoding: signed, unsigned, with trailing headers; decoded as it arrives.

    size-in-hex[;chunk-signature=hex] CRLF data CRLF ... 0[;chunk-signature=hex] CRLF
    [name:value CRLF ...] [x-amz-trailer-signature:hex CRLF] CRLF

Sources: Amazon S3 API Reference, "Signature Calculations: Transferring Payload in Multiple
Chunks" and "... Including Trailing Headers". Data leaves before its chunk's signature is
verified; a wrong one raises before the iteration ends, and until then nothing is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from hashlib import sha256

from proxy.errors import IncompleteBody, InvalidRequest, MalformedTrailerError, SignatureDoesNotMatch
from proxy.wire import signing
from proxy.wire.sigv4 import Credentials

MAX_LINE_BYTES = 1024
MAX_TRAILERS = 8

_SIZE = re.compile(rb"[0-9a-fA-F]{1,15}")
_SIGNATURE = b"chunk-signature="
_TRAILER_SIGNATURE = "x-amz-trailer-signature"


class Decoder:
    """The data of one aws-chunked body: iterate once; then `trailers` holds what followed it.

    `credentials` make the chunks signed ones. `announced` are the trailers that must come, no
    more and no fewer. Iterating raises IncompleteBody, InvalidRequest, MalformedTrailerError and
    SignatureDoesNotMatch. Memory is bounded by one piece and one line.
    """

    def __init__(
        self, pieces: Iterable[bytes], credentials: Credentials | None, announced: frozenset[str]
    ) -> None:
        self.trailers: dict[str, str] = {}
        self._source = _Source(pieces)
        self._credentials = credentials
        self._announced = announced
        self._previous = credentials.signature if credentials else ""

    def __iter__(self) -> Iterator[memoryview]:
        while True:
            size, signature = self._header()
            running = sha256()
            left = size
            while left:
                data = self._source.take(left)
                left -= len(data)
                if self._credentials is not None:
                    running.update(data)
                yield data
            if self._credentials is not None:
                self._verify(running.hexdigest(), signature)
            if size == 0:
                break
            if self._source.line():
                raise InvalidRequest("A chunk of the body is longer than its header says.")
        self._read_trailers()
        if not self._source.at_end():
            raise InvalidRequest("The body goes on after its last chunk.")

    def _header(self) -> tuple[int, str]:
        line = self._source.line()
        if line is None:
            raise IncompleteBody("The body ended before its last chunk.")
        size, _, extension = line.partition(b";")
        if not _SIZE.fullmatch(size):
            raise InvalidRequest("A chunk of the body does not begin with its size.")
        if extension.startswith(_SIGNATURE):
            return int(size, 16), extension[len(_SIGNATURE) :].decode("latin-1")
        return int(size, 16), ""

    def _verify(self, chunk_sha256: str, signature: str) -> None:
        assert self._credentials is not None
        self._compare(
            signing.chunk_string_to_sign(
                self._credentials.timestamp, self._credentials.scope, self._previous, chunk_sha256
            ),
            signature,
        )

    def _compare(self, text: str, signature: str) -> None:
        assert self._credentials is not None
        if not signing.same(signature, signing.sign(self._credentials.signing_key, text)):
            raise SignatureDoesNotMatch(
                fields={
                    "AWSAccessKeyId": self._credentials.access_key,
                    "StringToSign": text,
                    "SignatureProvided": signature,
                }
            )
        self._previous = signature

    def _read_trailers(self) -> None:
        signed = b""
        signature = ""
        # Some clients leave out the last empty line; the end of the body does as well.
        while line := self._source.line():
            name, colon, value = line.decode("latin-1").partition(":")
            name, value = name.strip().lower(), value.strip()
            if name == _TRAILER_SIGNATURE:
                signature = value
                continue
            if not colon or name in self.trailers or len(self.trailers) == MAX_TRAILERS:
                raise MalformedTrailerError()
            self.trailers[name] = value
            signed += f"{name}:{value}\n".encode("latin-1")
        if self.trailers.keys() != self._announced:
            raise MalformedTrailerError()
        if self._credentials is not None and self.trailers:
            text = signing.trailer_string_to_sign(
                self._credentials.timestamp, self._credentials.scope, self._previous, signed
            )
            self._compare(text, signature)


class _Source:
    """Lines and runs of bytes out of pieces of any size."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._piece = b""
        self._at = 0

    def _more(self) -> bool:
        """Whether there is an unread byte in the current piece, once the next one was got."""
        while self._at == len(self._piece):
            following = next(self._pieces, None)
            if following is None:
                return False
            self._piece, self._at = following, 0
        return True

    def at_end(self) -> bool:
        return not self._more()

    def take(self, most: int) -> memoryview:
        """At least one byte and at most so many, without a copy. Raises IncompleteBody."""
        if not self._more():
            raise IncompleteBody()
        end = min(len(self._piece), self._at + most)
        data = memoryview(self._piece)[self._at : end]
        self._at = end
        return data

    def line(self) -> bytes | None:
        """Up to the next line feed, without it and without the CR before it; None at the end.

        Raises InvalidRequest for a line that is too long, IncompleteBody for half a line.
        """
        start = b""
        while self._more():
            end = self._piece.find(b"\n", self._at, self._at + MAX_LINE_BYTES)
            if end >= 0:
                line = start + self._piece[self._at : end]
                self._at = end + 1
                return line.removesuffix(b"\r")
            start += self._piece[self._at : self._at + MAX_LINE_BYTES]
            if len(start) >= MAX_LINE_BYTES:
                raise InvalidRequest("A line of the aws-chunked body is too long.")
            self._at = len(self._piece)
        if start:
            raise IncompleteBody()
        return None
