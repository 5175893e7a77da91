"""Proofs of copies whose originals may change meanwhile.

What changed since is no difference: it is in the feed of changes, behind the moment at which it was
looked at, and what follows the feed copies and proves it again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from jobs.errors import JobFailed
from jobs.kinds.base import Item, Outcome, Page
from jobs.kinds.migration.feed import is_pending
from jobs.kinds.migration.ground import GONE, Ground, todo
from jobs.kinds.migration.verifying import (
    spans_page,
    verify_facts,
    verify_marker,
    verify_object,
    verify_span,
)
from jobs.kinds.migration.walking import fitting, next_versions, page_of
from jobs.kinds.position import PROOF, UPLOADS, Position
from proxy.backends.values import ObjectInfo
from proxy.records import find_bucket

Check = Callable[[Ground, Item], Outcome]


def moved_on(ground: Ground, key: str, version: str, at: int) -> bool:
    """Whether a version of the source was changed, or is gone, since the sequence number `at`.

    Where only what a GET finds is copied, it may also be an older version that came back into sight.
    """
    try:
        changed = ground.source.head(key, version).seq > at
    except GONE:
        return True
    return changed or (not ground.keeps_versions and is_pending(ground, key))


def locks_may_change(ground: Ground) -> bool:
    """Whether object lock is on by now: locks change without a trace, and whoever is asked tells no more."""
    return find_bucket(ground.work.bucket.name).settings.object_lock


def unless_moved_on(check: Check) -> Check:
    """A check that only counts if its version is still what it was at `item.data["at"]`."""

    def tolerant(ground: Ground, item: Item) -> Outcome:
        try:
            return check(ground, item)
        except JobFailed:
            moved = moved_on(ground, item.key, item.data["version"], item.data["at"])
            if moved or (ground.writable and locks_may_change(ground)):
                return Outcome(objects=0, skipped=True)
            raise

    return tolerant


def walk_page(ground: Ground, position: Position) -> Page:
    """Versions of the source that are what they were when the proof began: their copies are read again."""
    at = int(ground.work.state["proof"])
    if position.inside:
        return proof_page(ground, position, at)
    found, ends = next_versions(ground, ground.source, position)
    taken = fitting(found, ground.limits)
    if found and not taken:
        first = found[0]
        past = position.past(first.key, first.version_id)
        return page_of(ground, [], past if first.seq > at else past.enter(first.key, first.version_id))
    items = [_to_prove(info, at) for info in taken if info.seq <= at]
    if ends and len(taken) == len(found):
        return page_of(ground, items, Position(UPLOADS))
    return page_of(ground, items, position.past(taken[-1].key, taken[-1].version_id))


def _to_prove(info: ObjectInfo, at: int) -> Item:
    does = "prove marker" if info.marker else "prove"
    return todo(does, info.key, info.size, version=info.version_id, at=at)


def proof_page(ground: Ground, position: Position, at: int) -> Page:
    """The next spans of a large version, which had the sequence number `at`, or an older one."""
    key, version = position.inside, position.inside_id
    if moved_on(ground, key, version, at):
        return page_of(ground, [], Position(PROOF).past(key, version))
    page = spans_page(ground, position, at=at)
    if position.offset:
        return page
    facts = todo("facts", key, version=version, at=at)
    return replace(page, items=[facts, *page.items])


PROOFS: dict[str, Check] = {
    "prove": unless_moved_on(verify_object),
    "prove marker": verify_marker,
    "facts": unless_moved_on(verify_facts),
    "span": unless_moved_on(verify_span),
}
