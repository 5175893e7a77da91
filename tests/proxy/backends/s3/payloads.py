"""Streams for tests of the client."""

from __future__ import annotations

from collections.abc import Iterator


class Pieces:
    """A payload of these pieces; counts how many were taken. `length` may lie."""

    def __init__(self, *pieces: bytes, length: int | None = None) -> None:
        self.length = sum(map(len, pieces)) if length is None else length
        self.taken = 0
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.taken += 1
            yield piece
