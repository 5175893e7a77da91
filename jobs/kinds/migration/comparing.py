"""Compare: with the gate closed, both places side by side once more, from their listings alone.

Every body of the target was read while clients wrote, or when the delta copied it, and every change
since has its trace in the source's listing. What is left to prove is that nothing is missing, too much or in
another place in line; the facts of what changed last are looked at besides.
"""

from __future__ import annotations

from dataclasses import replace

from jobs.kinds import position as at
from jobs.kinds.base import Item, Page
from jobs.kinds.migration.delta import is_whole
from jobs.kinds.migration.ground import Ground, Step, todo
from jobs.kinds.migration.verifying import VERIFY, goes_on, paired
from jobs.kinds.migration.verifying_uploads import extras_page, uploads_page
from jobs.kinds.migration.walking import after_versions, behind, page_of
from jobs.kinds.position import Position, decode
from proxy.backends.values import ObjectInfo

LISTINGS = 20
"""Pairs of listings that one page of this walk compares."""


def _page(ground: Ground, token: str | None) -> Page:
    if is_whole(ground):
        return VERIFY.page(ground, token)
    position = decode(token)
    if position.section not in _PAGES:
        return VERIFY.page(ground, token)
    page = _PAGES[position.section](ground, position)
    return page if page.truncated else goes_on(ground, position.section, page)


def _objects_page(ground: Ground, position: Position) -> Page:
    """Raises JobFailed where the two differ."""
    wide = replace(ground, limits=replace(ground.limits, page_items=ground.limits.page_entries))
    since = int(ground.work.state["gated_seq"])
    items: list[Item] = []
    for _ in range(LISTINGS):
        both, ends = paired(wide, position)
        items += [_to_look_at(info) for info in both if info.seq > since]
        if ends:
            return page_of(ground, items, after_versions(ground))
        position = behind(position, both[-1])
        if len(items) >= ground.limits.page_items:
            break
        ground.work.pulse()
    return page_of(ground, items, position)


def _to_look_at(info: ObjectInfo) -> Item:
    return todo("marker" if info.marker else "facts", info.key, version=info.version_id)


def _extras_page(ground: Ground, position: Position) -> Page:
    """The last uploads; their parts were read back when they were copied."""
    page = extras_page(ground, position)
    ended = decode(page.token).section == at.PARTS
    return replace(page, token=None, truncated=False) if ended else page


_PAGES = {at.OBJECTS: _objects_page, at.UPLOADS: uploads_page, at.EXTRAS: _extras_page}

COMPARE = Step(_page, VERIFY.does)
