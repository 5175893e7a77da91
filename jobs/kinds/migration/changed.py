"""What differs between the two sides of one key that was changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jobs.kinds.migration.facts import same_entry
from jobs.kinds.migration.ground import GONE, Ground
from jobs.kinds.migration.keeping import refuse_lost_id
from proxy.backends.values import CURRENT, NULL_VERSION, ObjectInfo
from proxy.store import Store

_FIRST_LOOK, _MOST = 8, 1000
"""How many versions are listed at first, and at most, at once: few keys have many."""


@dataclass(frozen=True, slots=True)
class Line:
    """The versions of the source that the target lacks or may have otherwise, and those that only it has.

    Of those in `told` the target has the body, and at most what is said about them has changed.
    """

    renew: list[ObjectInfo]
    told: frozenset[str]
    extra: list[str]


def line_of(ground: Ground, key: str, since: int) -> Line:
    """What differs, if both sides were the same at the sequence number `since`. Raises JobFailed."""
    if not ground.keeps_versions:
        return _in_sight(ground, key)
    return differing(list(_line(ground.source, key)), list(_line(ground.target, key)), since)


def _in_sight(ground: Ground, key: str) -> Line:
    """Where only what a GET finds is copied: that, whatever it was before."""
    theirs = _found(ground.source, key)
    if theirs is not None:
        refuse_lost_id(ground, theirs)
        return Line([theirs], frozenset(), [])
    return Line([], frozenset(), [] if _found(ground.target, key) is None else [NULL_VERSION])


def _found(store: Store, key: str) -> ObjectInfo | None:
    try:
        return store.head(key, CURRENT)
    except GONE:
        return None


def differing(theirs: Sequence[ObjectInfo], ours: Sequence[ObjectInfo], since: int) -> Line:
    """From all versions of a key as both sides list them. Pure.

    What was put since has a greater ordinal: each put gives one that is no smaller than its number.
    """
    have = {info.version_id: info for info in ours}
    renew = [info for info in theirs if info.seq > since or not _same(info, have.get(info.version_id))]
    told = frozenset(
        info.version_id
        for info in renew
        if info.ordinal <= since
        and not info.marker
        and (copy := have.get(info.version_id)) is not None
        and (copy.marker, copy.size, copy.etag) == (False, info.size, info.etag)
    )
    wanted = {info.version_id for info in theirs}
    return Line(renew, told, [version for version in have if version not in wanted])


def _same(info: ObjectInfo, copy: ObjectInfo | None) -> bool:
    return copy is not None and same_entry(info, copy)


def _line(store: Store, key: str) -> Iterator[ObjectInfo]:
    after, limit = ("", ""), _FIRST_LOOK
    while True:
        listing = store.list_versions(prefix=key, after=after, limit=limit)
        for info in listing.versions:
            if info.key != key:
                return
            yield info
        if listing.last is None:
            return
        after, limit = listing.last, min(limit * 8, _MOST)
