"""What differs between the two sides of one key that was changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from jobs.kinds.migration.facts import same_entry
from jobs.kinds.migration.ground import GONE, Ground
from jobs.kinds.migration.keeping import refuse_lost_id
from proxy.backends.values import CURRENT, ObjectInfo
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
    exactly = ground.target.backend.counts_changes
    line = differing(
        _versions(ground, ground.source, key), _versions(ground, ground.target, key), since,
        there=ground.there, in_line=ground.keeps_versions and exactly,
    )  # fmt: skip
    for info in line.renew:
        refuse_lost_id(ground, info)
    return line


def differing(
    theirs: Sequence[ObjectInfo],
    ours: Sequence[ObjectInfo],
    since: int,
    *,
    there: Callable[[str], str],
    in_line: bool,
) -> Line:
    """`there` gives the target's id for a version; `in_line`: what a listing tells is compared too. Pure.

    What was put since has a greater ordinal: each put gives one that is no smaller than its number.
    """
    have = {info.version_id: info for info in ours}
    renew = [
        info
        for info in theirs
        if info.seq > since
        or (copy := have.get(there(info.version_id))) is None
        or (in_line and not same_entry(info, copy))
    ]
    wanted = {there(info.version_id) for info in theirs}
    told = frozenset(
        info.version_id
        for info in renew
        if info.ordinal <= since
        and not info.marker
        and (copy := have.get(there(info.version_id))) is not None
        and (copy.marker, copy.size, copy.etag) == (False, info.size, info.etag)
    )
    return Line(renew, told, [version for version in have if version not in wanted])


def _versions(ground: Ground, store: Store, key: str) -> Sequence[ObjectInfo]:
    """All versions and markers of a key as they are listed; where they do not move, what a GET finds."""
    if ground.keeps_versions:
        return list(_line(store, key))
    try:
        return [store.head(key, CURRENT)]
    except GONE:
        return []


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
