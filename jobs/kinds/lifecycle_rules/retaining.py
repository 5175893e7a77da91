"""Which objects the rules retain: all is ranked before anything is deleted, and what is kept is confirmed.

A listing that was cut short by whatever (an error, a budget, the end of a run) has ranked nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from jobs.kinds.lifecycle_rules.filters import fits, is_folder, tagged
from jobs.kinds.lifecycle_rules.planning import qualifies
from jobs.kinds.lifecycle_rules.ranking import Ranking
from jobs.kinds.lifecycle_rules.spec import Rule, Spec, common_prefix
from jobs.kinds.pieces import GONE
from proxy.backends.values import ObjectInfo, Pulse
from proxy.store import Store


def begun(spec: Spec) -> dict[str, Ranking]:
    """Nothing ranked yet."""
    return {rule.id: Ranking(rule.count or 0) for rule in spec.retaining}


def rank_more(
    store: Store, spec: Spec, rankings: Mapping[str, Ranking], after: str, limit: int, now_ms: int
) -> str | None:
    """Rank the next objects of a listing; where to go on, None once all were."""
    listing = store.list(prefix=common_prefix(spec.retaining), after=after, limit=limit)
    for rule in spec.retaining:
        rankings[rule.id].add(_counted(store, rule, listing.objects, now_ms))
    return listing.last


def _counted(store: Store, rule: Rule, infos: Iterable[ObjectInfo], now_ms: int) -> Iterator[ObjectInfo]:
    return (info for info in infos if _counts(rule, info, now_ms) and _has_tags(store, rule, info))


def _counts(rule: Rule, info: ObjectInfo, now_ms: int) -> bool:
    return not is_folder(info) and fits(rule, info) and qualifies(rule, info, now_ms)


def _has_tags(store: Store, rule: Rule, info: ObjectInfo) -> bool:
    """A listing tells none; what is gone meanwhile does not count."""
    if not rule.tags:
        return True
    try:
        return tagged(rule, store.head(info.key).tags)
    except GONE:
        return False


def confirmed(store: Store, spec: Spec, rankings: Mapping[str, Ranking], now_ms: int, pulse: Pulse) -> bool:
    """Whether all that is to be kept is still there: itself, or a newer body that counts as well.

    Rules that delete nothing, since there is no more than they keep, need no look. `pulse` is called
    between the looks, and may raise.
    """
    for rule in spec.retaining:
        ranking = rankings[rule.id]
        if not ranking.deletes:
            continue
        for key, etag in ranking.kept.items():
            pulse()
            if not _is_there(store, rule, key, etag, now_ms):
                return False
    return True


def _is_there(store: Store, rule: Rule, key: str, etag: str, now_ms: int) -> bool:
    try:
        info = store.head(key)
    except GONE:
        return False
    return info.etag == etag or (_counts(rule, info, now_ms) and tagged(rule, info.tags))
