"""What kinds that move bodies share: how much is done between two checkpoints, and large bodies in pieces."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from proxy.backends.values import PartInfo
from proxy.errors import MethodNotAllowed, NoSuchKey, NoSuchUpload, NoSuchVersion
from proxy.store import Store

GONE = (NoSuchKey, NoSuchVersion, MethodNotAllowed)
"""What a place says of a version that it does not have, or that is a delete marker by now."""

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is done between two checkpoints.

    Bodies above `large_bytes` are moved (and verified) in pieces of `part_bytes`, so that a
    slice can end inside an object. A page holds at most `page_items` items and, unless its
    first item alone is larger, `page_bytes` bytes. `page_entries` are looked at together where
    no body moves.
    """

    large_bytes: int = 64 * MIB
    part_bytes: int = 64 * MIB
    page_items: int = 250
    page_bytes: int = 128 * MIB
    page_entries: int = 1000


MOST_PARTS = 10_000
"""Parts of one multipart upload. Source: Amazon S3 User Guide, "Multipart upload limits"."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes [start, end) of a body: a part, by its number."""

    number: int
    start: int
    end: int

    @property
    def size(self) -> int:
        return self.end - self.start


def part_bytes(size: int, limits: Limits) -> int:
    """The size of the pieces of a large object: whole MiB above the limit, at most 10,000 pieces."""
    least = -(-size // MOST_PARTS)
    return limits.part_bytes if least <= limits.part_bytes else -(-least // MIB) * MIB


def pieces(size: int, start: int, limits: Limits) -> list[Piece]:
    """The pieces of a page of a body of that size, from `start` on: at least one, unless it ends there."""
    length = part_bytes(size, limits)
    found: list[Piece] = []
    at = start
    while at < size and (not found or at - start < limits.page_bytes):
        end = min(at + length, size)
        found.append(Piece(at // length + 1, at, end))
        at = end
    return found


def all_parts(store: Store, upload_id: str, after: int = 0) -> Iterable[PartInfo]:
    """The parts of an open upload; none if it is gone."""
    more = True
    while more:
        try:
            parts, more = store.list_parts(upload_id, after=after)
        except NoSuchUpload:
            return
        yield from parts
        after = parts[-1].number if parts else after
        more = more and bool(parts)
