"""Pruning: versions that only the target has go, after it is not known any more what was removed."""

from __future__ import annotations

from jobs.kinds.base import Page
from jobs.kinds.migration.ground import GONE, Ground, todo
from jobs.kinds.migration.walking import next_versions, page_of
from jobs.kinds.position import Position
from proxy.backends.values import CURRENT, ObjectInfo
from proxy.errors import MethodNotAllowed


def prune_page(ground: Ground, position: Position) -> Page:
    """The next versions of the target, each looked for at the source."""
    found, ends = next_versions(ground, ground.target, position)
    extra: dict[str, list[str]] = {}
    for info in found:
        if not _has(ground, info):
            extra.setdefault(info.key, []).append(info.version_id)
    items = [todo("prune", key, versions=versions) for key, versions in extra.items()]
    return page_of(ground, items, None if ends else position.past(found[-1].key, found[-1].version_id))


def _has(ground: Ground, info: ObjectInfo) -> bool:
    """Whether the source has that version, or where versions do not move, a current one of that key."""
    try:
        ground.source.head(info.key, info.version_id if ground.keeps_versions else CURRENT)
    except MethodNotAllowed:
        return ground.keeps_versions
    except GONE:
        return False
    return True
