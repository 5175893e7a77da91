"""Bodies for tests that talk to a backend directly."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence

from proxy.backends.base import ObjectReader
from proxy.backends.values import PIECE_BYTES
from proxy.wire.checksums import compute


class Bytes:
    """Bytes at hand as a Body; `sums` names the checksums that are complete at its end."""

    def __init__(self, data: bytes, *sums: str, length: int | None = -1) -> None:
        self.data = data
        self.length = len(data) if length == -1 else length
        self.checksums: Mapping[str, str] = {}
        self._sums = sums

    def __iter__(self) -> Iterator[bytes]:
        for at in range(0, len(self.data), PIECE_BYTES):
            yield self.data[at : at + PIECE_BYTES]
        self.checksums = {name: compute(name, self.data) for name in self._sums}


class Pieces:
    """A body that comes in pieces of its own."""

    def __init__(self, pieces: Sequence[bytes], length: int | None = None) -> None:
        self.length = length
        self.checksums: Mapping[str, str] = {}
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)


class Failing:
    """A body whose sender lied: all its pieces come, then the error."""

    def __init__(self, pieces: Iterable[bytes], error: Exception, length: int | None = None) -> None:
        self.length = length
        self.checksums: Mapping[str, str] = {}
        self._pieces = pieces
        self._error = error

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces
        raise self._error


def noise(size: int, seed: int = 0) -> bytes:
    """The same random bytes for the same seed."""
    return random.Random(seed).randbytes(size)


def content(reader: ObjectReader) -> bytes:
    """All bytes of an open object; closes it."""
    with reader:
        return b"".join(reader.read(0, reader.info.size))
