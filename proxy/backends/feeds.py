"""A page of a change feed from the rows of a log, pure and the same for every backend that has one.

A log holds one row per change, its numbers without gaps, and forgets the oldest. `floor` is the number
before its first row: who has read up to there, or further, has missed nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from proxy.backends.values import Change, ChangeListing, FeedLost, FeedPosition, Place


class Bounds(NamedTuple):
    """What a log can tell of: changes after `floor`, up to and with `head`."""

    floor: int
    head: int


def require_life(place: Place, after: FeedPosition) -> None:
    """Raises FeedLost if the position is one of another life of the bucket, or of another bucket."""
    if (after.bucket_id, after.incarnation) != (place.bucket_id, place.incarnation):
        raise FeedLost("The position belongs to another life of the bucket.")


def require_held(bounds: Bounds, after: FeedPosition) -> None:
    """Raises FeedLost if the log forgot what comes next, or never came as far as the position says."""
    if after.seq < bounds.floor:
        raise FeedLost(f"What happened after {after.seq} is not known any more.")
    if after.seq > bounds.head:
        raise FeedLost(f"No change has the number {after.seq} yet.")


def page(after: FeedPosition, head: int, rows: Sequence[Change]) -> ChangeListing:
    """The rows that follow a position as a page: each key once, at its last change."""
    last = {change.key: change for change in rows}
    seq = rows[-1].seq if rows else after.seq
    return ChangeListing(
        tuple(change for change in rows if last[change.key] is change),
        FeedPosition(after.bucket_id, after.incarnation, seq),
        more=seq < head,
    )
