"""The newest objects that a rule keeps, found in one walk over everything. Pure.

Newer is what was modified later; of two of the same millisecond, the one whose key is greater.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from proxy.backends.values import ObjectInfo

Rank = tuple[int, bytes]
"""What objects are ordered by: milliseconds of their last change, then the bytes of their key."""


def rank_of(info: ObjectInfo) -> Rank:
    return info.last_modified, info.key.encode()


@dataclass(slots=True)
class Ranking:
    """The newest `count` objects of those that were added."""

    count: int
    seen: int = 0
    """How many there were."""
    _heap: list[tuple[Rank, str]] = field(default_factory=list)
    """Of each its rank and its ETag; the oldest is first."""
    _etags: dict[str, str] | None = None

    def add(self, infos: Iterable[ObjectInfo]) -> None:
        """They qualify."""
        self._etags = None
        for info in infos:
            self.seen += 1
            entry = (rank_of(info), info.etag)
            if len(self._heap) < self.count:
                heapq.heappush(self._heap, entry)
            else:
                heapq.heappushpop(self._heap, entry)

    @property
    def deletes(self) -> bool:
        """Whether there were more than are to be kept; else nothing goes, whatever comes meanwhile."""
        return self.seen > self.count

    @property
    def oldest(self) -> Rank:
        """Of those that are kept. Raises IndexError if there are none."""
        return self._heap[0][0]

    def keeps(self, info: ObjectInfo) -> bool:
        """Whether it is one of those that are kept, or another body under the key of one."""
        return info.key in self.kept

    @property
    def kept(self) -> Mapping[str, str]:
        """Key and ETag of each that is kept."""
        if self._etags is None:
            self._etags = {key.decode(): etag for (_, key), etag in self._heap}
        return self._etags

    def as_json(self) -> dict[str, Any]:
        entries = [[at, key.decode(), etag] for (at, key), etag in sorted(self._heap)]
        return {"count": self.count, "seen": self.seen, "kept": entries}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Ranking:
        heap = [((int(at), str(key).encode()), str(etag)) for at, key, etag in told["kept"]]
        return cls(int(told["count"]), int(told["seen"]), heap)
