"""Bytes on their way to a service: checked before the last of them is handed over.

A service keeps what it got in full. So the last piece is held back until the body has ended by itself
and was found to be what its sender announced; whatever fails before leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Protocol

from proxy.backends.base import Body, SealedBody
from proxy.backends.bodies import Running
from proxy.backends.seals import PlainFacts, SealedSegment
from proxy.errors import IncompleteBody

AT_HAND_BYTES = 1024 * 1024
"""Bodies up to this are known as a whole before any of it is sent, and are sent again after a fault."""

Judge = Callable[[PlainFacts], None]
"""Raises if a body is not what it must be."""


def _anything(facts: PlainFacts) -> None:
    """Judge of a body of which nothing is known beforehand."""


class Source(Protocol):
    """A body as it is stored; `facts` and `segments` tell of it once it has ended by itself."""

    length: int | None

    def __iter__(self) -> Iterator[bytes]: ...
    @property
    def facts(self) -> PlainFacts: ...
    @property
    def segments(self) -> tuple[SealedSegment, ...]: ...


class Plain:
    """A plain body, hashed on its way."""

    segments: tuple[SealedSegment, ...] = ()

    def __init__(self, body: Body, names: Iterable[str], judge: Judge = _anything) -> None:
        self.length = body.length
        self._body = body
        self._judge = judge
        self._running = Running(names)
        self._facts: PlainFacts | None = None

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._body:
            self._running.add(piece)
            if self.length is not None and self._running.size > self.length:
                raise IncompleteBody()
            yield piece
        if self.length is not None and self._running.size != self.length:
            raise IncompleteBody()
        self._facts = self._running.facts(self._body.checksums)
        self._judge(self._facts)

    @property
    def facts(self) -> PlainFacts:
        assert self._facts is not None
        return self._facts


class Sealed:
    """A sealed body: its own facts are those of what it was made of."""

    def __init__(self, body: SealedBody, judge: Judge = _anything) -> None:
        self.length = body.length
        self._body = body
        self._judge = judge

    def __iter__(self) -> Iterator[bytes]:
        yield from self._body
        self._judge(self._body.plain)

    @property
    def facts(self) -> PlainFacts:
        return self._body.plain

    @property
    def segments(self) -> tuple[SealedSegment, ...]:
        return self._body.segments


class HeldBack:
    """A source as a payload of that length whose last piece waits for the end of the source."""

    def __init__(self, pieces: Iterable[bytes], length: int) -> None:
        self.length = length
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        held = b""
        for piece in self._pieces:
            if held and piece:
                yield held
            held = piece or held
        if held:
            yield held


def at_hand(source: Source, most: int = AT_HAND_BYTES) -> bytes | Iterator[bytes]:
    """All bytes, if they are no more than `most` by their length or turn out to be; else the source again."""
    if source.length is not None and source.length > most:
        return iter(source)
    pieces = iter(source)
    taken: list[bytes] = []
    size = 0
    for piece in pieces:
        taken.append(piece)
        size += len(piece)
        if size > most:
            return chain(taken, pieces)
    return b"".join(taken)


def in_parts(pieces: Iterable[bytes], sizes: Iterator[int]) -> Iterator[bytes]:
    """The same bytes in stretches of these sizes, the last one shorter or as long."""
    size, taken = next(sizes), bytearray()
    for piece in pieces:
        view = memoryview(piece)
        while len(taken) + len(view) > size:
            cut = size - len(taken)
            taken += view[:cut]
            view = view[cut:]
            yield bytes(taken)
            size, taken = next(sizes), bytearray()
        taken += view
    yield bytes(taken)
