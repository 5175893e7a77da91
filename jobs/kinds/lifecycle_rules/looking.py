"""Looking at single objects where a listing does not tell enough: their tags, and their locks. Reads only."""

from __future__ import annotations

from collections.abc import Callable

from jobs.kinds.lifecycle_rules.decisions import NOTHING, Decision, Does, Kept, kept
from jobs.kinds.lifecycle_rules.planning import Behind, of_current, of_noncurrent
from jobs.kinds.lifecycle_rules.walking import Found, Sight
from jobs.kinds.pieces import GONE
from proxy.backends.values import ObjectInfo


def again(sight: Sight, found: Found) -> Found:
    """The same, decided by all its facts. What is not there any more, or was changed, is left."""
    info = found.info
    head = _head(lambda: sight.store.head(info.key, "" if found.behind is None else info.version_id))
    if head is None or (head.size, head.etag) != (info.size, info.etag):
        return Found(info, NOTHING, found.behind)
    if found.behind is None:
        return Found(head, decide_current(sight, head))
    return Found(head, decide_noncurrent(sight, head, found.behind), found.behind)


def decide_current(sight: Sight, head: ObjectInfo) -> Decision:
    """`head` tells all facts."""
    return of_current(sight.spec.about_current, head, sight.now_ms, sight.rankings, head.tags)


def decide_noncurrent(sight: Sight, head: ObjectInfo, behind: Behind) -> Decision:
    """`head` tells all facts, its lock among them."""
    decision = of_noncurrent(sight.spec.about_versions, head, behind, sight.now_ms, head.tags)
    if decision.does is Does.DELETE_VERSION and head.lock.binds(sight.now_ms):
        return kept(Kept.LOCKED, decision.rule, lock_text(head))
    return decision


def lock_text(info: ObjectInfo) -> str:
    """What keeps a locked version, in words."""
    return "A legal hold keeps it." if info.lock.hold else f"A {info.lock.mode.lower()} retention keeps it."


def _head(call: Callable[[], ObjectInfo]) -> ObjectInfo | None:
    try:
        return call()
    except GONE:
        return None
