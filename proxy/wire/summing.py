"""A body with another checksum than it brings along."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from proxy.wire.checksums import algorithm, value_of


class Pieces(Protocol):
    """Bytes that can be read once; `length` is None if it is not known."""

    length: int | None

    def __iter__(self) -> Iterator[bytes]: ...


class SummedBody:
    """The same bytes; `checksums` is complete after the last of them, and of that algorithm alone.

    See `proxy.backends.base.Body`.
    """

    def __init__(self, body: Pieces, name: str) -> None:
        self.length = body.length
        self.checksums: Mapping[str, str] = {}
        self._body = body
        self._name = name

    def __iter__(self) -> Iterator[bytes]:
        running = algorithm(self._name).new()
        for piece in self._body:
            running.update(piece)
            yield piece
        self.checksums = {self._name: value_of(running.digest())}
