"""HTTP/1.1 as a client speaks it: heads written and read, how a body is framed. Pure.

Reading a head with the standard library costs more than all the rest of a call, so it is done here.
Source: RFC 9112.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

MAX_HEAD_BYTES = 64 * 1024
MAX_LINE_BYTES = 8 * 1024
"""Of the line before a chunk."""

CHUNKED = -1
TO_THE_END = -2
"""In place of a body's length: it comes in chunks; it ends with the connection."""

_STATUS = re.compile(r"HTTP/1\.([01]) ([1-5][0-9]{2})(?: |$)")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;.*)?", re.DOTALL)
_FORBIDDEN = re.compile(r"[\r\n\0]")
_BODILESS = frozenset({204, 304})


class NotHTTP(ValueError):
    """What arrived is not HTTP/1.1, or goes past a bound; or what was to be sent is not."""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of an answer. Names are lower-case; values of one name are joined by commas."""

    status: int
    headers: Mapping[str, str]
    keeps: bool
    """The connection may be used again."""


def write_head(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    """A request's head; target and values are latin-1 text. Raises NotHTTP for what would break out of it."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    text = f"{method} {target} HTTP/1.1\r\n{lines}\r\n"
    if text.count("\n") != len(headers) + 2 or text.count("\r") != len(headers) + 2 or "\0" in text:
        raise NotHTTP("a header holds a line break")
    return text.encode("latin-1")


def read_head(raw: bytes) -> Head:
    """From everything before the empty line. Raises NotHTTP."""
    first, *lines = raw.decode("latin-1").split("\r\n")
    if _FORBIDDEN.search("".join((first, *lines))):
        raise NotHTTP("a line break within a line")
    status = _STATUS.match(first)
    if status is None:
        raise NotHTTP("no status line")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _NAME.fullmatch(name):
            raise NotHTTP("a header that is none")
        name, value = name.lower(), value.strip(" \t")
        headers[name] = value if name not in headers else _joined(name, headers[name], value)
    options = headers.get("connection", "").lower()
    keeps = "close" not in options and (status[1] == "1" or "keep-alive" in options)
    if "transfer-encoding" in headers and (status[1] == "0" or "content-length" in headers):
        keeps = False  # two framings: whoever reads the other one waits for something else next
    return Head(int(status[2]), headers, keeps)


def _joined(name: str, before: str, value: str) -> str:
    if name == "content-length" and before != value:
        raise NotHTTP("two lengths")
    return value if before == value else f"{before}, {value}"


def body_length(method: str, head: Head) -> int:
    """Bytes of the body, CHUNKED or TO_THE_END. Raises NotHTTP (RFC 9112, 6.3)."""
    if method == "HEAD" or head.status < 200 or head.status in _BODILESS:
        return 0
    coding = head.headers.get("transfer-encoding")
    if coding is not None:
        if coding.lower() != "chunked":
            raise NotHTTP("an unknown transfer encoding")
        return CHUNKED
    length = head.headers.get("content-length")
    if length is None:
        return TO_THE_END
    if not (length.isascii() and length.isdigit()) or len(length) > 18:
        raise NotHTTP("a length that is none")
    return int(length)


def chunk_size(line: bytes) -> int:
    """What a chunk's first line says; 0 is the last one. Raises NotHTTP."""
    found = _CHUNK.fullmatch(line)
    if found is None:
        raise NotHTTP("a chunk without its size")
    return int(found[1], 16)
