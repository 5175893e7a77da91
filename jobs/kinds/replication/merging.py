"""Two sorted listings as one stream of pairs.

Each side is read page by page as it is needed, so that never more than a page of each is held.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from jobs.kinds.replicas.sides import Side
from proxy.backends.values import ObjectInfo
from proxy.store import Store


class Pair(NamedTuple):
    """What both sides list of a relative key; one of them may lack it."""

    relative: str
    source: ObjectInfo | None
    destination: ObjectInfo | None


@dataclass(slots=True)
class Stream:
    """One side's listing from a relative key on, in byte order. Raises what listing raises."""

    store: Store
    side: Side
    after: str = ""
    limit: int = 1000
    pages: int = 0
    _held: list[ObjectInfo] = field(default_factory=list)
    _last: str = ""
    _ended: bool = False

    def peek(self) -> tuple[str, ObjectInfo] | None:
        """The next relative key and its facts; None at the end."""
        while not self._held:
            if self._ended:
                return None
            self._fetch()
        info = self._held[-1]
        return info.key[len(self.side.prefix) :], info

    def skip(self) -> None:
        """Past what `peek` showed."""
        self._held.pop()

    @property
    def at_hand(self) -> bool:
        """Whether `peek` needs no listing."""
        return bool(self._held) or self._ended

    def _fetch(self) -> None:
        begins = self._last or (self.side.key(self.after) if self.after else "")
        listing = self.store.list(prefix=self.side.prefix, after=begins, limit=self.limit)
        self._held = list(reversed(listing.objects))
        self.pages += 1
        self._ended = listing.last is None
        self._last = listing.last or ""  # the whole key: it may be the prefix itself


@dataclass(slots=True)
class Merged:
    """The pairs of two streams, in order; `after` is the relative key of the last one that was given."""

    source: Stream
    destination: Stream
    after: str = ""

    @classmethod
    def of(cls, source: Stream, destination: Stream) -> Merged:
        return cls(source, destination, source.after)

    def __iter__(self) -> Iterator[Pair]:
        while (pair := self._next()) is not None:
            self.after = pair.relative
            yield pair

    @property
    def at_hand(self) -> bool:
        """Whether the next pair needs no listing."""
        return self.source.at_hand and self.destination.at_hand

    def _next(self) -> Pair | None:
        theirs, ours = self.source.peek(), self.destination.peek()
        if theirs is None and ours is None:
            return None
        if ours is None or (theirs is not None and theirs[0] < ours[0]):
            assert theirs is not None
            self.source.skip()
            return Pair(theirs[0], theirs[1], None)
        if theirs is None or ours[0] < theirs[0]:
            self.destination.skip()
            return Pair(ours[0], None, ours[1])
        self.source.skip()
        self.destination.skip()
        return Pair(ours[0], theirs[1], ours[1])
