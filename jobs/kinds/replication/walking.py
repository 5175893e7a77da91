"""The reconcile walk: both listings side by side, and what has to be done about each key.

Listings alone decide what is looked at; whoever then copies or deletes looks at the objects themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from jobs.kinds.base import Item
from jobs.kinds.replication.deciding import Act, Decision, decide
from jobs.kinds.replication.ground import Ground
from jobs.kinds.replication.grouping import Wanted, items_of
from jobs.kinds.replication.merging import Merged, Pair, Stream
from jobs.kinds.steps import todo

_HELD = "walk"


@dataclass(slots=True)
class Walk:
    """A stretch of the walk: what was found, and up to which relative key both sides are done."""

    items: list[Item]
    after: str
    ended: bool


def walk(ground: Ground, after: str) -> Walk:
    """From a relative key on: up to a page of work, the end of the listings or of some time."""
    merged, until_ms = listings(ground, after), ground.work.now_ms() + ground.limits.look_ms
    most_bytes = ground.limits.page_bytes
    wanted: list[Wanted] = []
    settled, size, ended = 0, 0, False
    for pair, decision in decided(ground, merged):
        if decision.act is Act.LEAVE:
            settled += 1
        else:
            size += _note(ground, pair, wanted)
            if len(wanted) >= ground.limits.page_items or size >= most_bytes or ground.notes.is_full:
                break
        if not merged.at_hand and (wanted or ground.work.now_ms() >= until_ms):
            break
    else:
        ended = True
    hold(ground, merged)
    items = items_of(ground.spec.source.prefix, wanted, ground.limits)
    if settled:
        items.append(todo("settled", "", objects=settled))
    return Walk(items, merged.after, ended)


def _note(ground: Ground, pair: Pair, wanted: list[Wanted]) -> int:
    """Among what is wanted, or among the large ones that wait; how many bytes the page moves for it."""
    size = 0 if pair.source is None else pair.source.size
    if size > ground.limits.large_bytes:
        ground.notes.add_large(pair.relative)
        return 0
    wanted.append(Wanted(pair.relative, size, pair.destination is None))
    return size


def decided(ground: Ground, merged: Merged) -> Iterator[tuple[Pair, Decision]]:
    """The pairs that the rule is about, and what becomes of each."""
    spec = ground.spec
    conflict, deletes = spec.conflict, spec.deletes
    for pair in merged:
        if spec.is_about(pair.relative):
            yield pair, decide(pair.source, pair.destination, conflict, deletes=deletes)


def listings(ground: Ground, after: str) -> Merged:
    """Both sides from a relative key on; those of the page before, if they are still at hand there."""
    held: Merged | None = ground.work.local.pop(_HELD, None)
    if held is not None and held.after == after:
        return held
    spec, limit = ground.spec, ground.limits.page_entries
    return Merged(
        Stream(ground.source, spec.source, after, limit),
        Stream(ground.destination, spec.destination, after, limit),
        after,
    )


def hold(ground: Ground, merged: Merged) -> None:
    """Keep what was read of the listings for the next page of this slice."""
    ground.work.local[_HELD] = merged
