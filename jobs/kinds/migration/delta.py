"""Delta: with the gate closed, what changed since it was last looked at, and then the uploads.

Nobody writes any more, so the feed has an end. If it was lost, everything is copied as without a precopy.
"""

from __future__ import annotations

from dataclasses import replace

from jobs.kinds import position as at
from jobs.kinds.base import Page
from jobs.kinds.migration import renewing_uploads, unchanged
from jobs.kinds.migration.copying import objects_page
from jobs.kinds.migration.feed import noted
from jobs.kinds.migration.following import follow_page
from jobs.kinds.migration.ground import Ground, Step
from jobs.kinds.migration.precopying import DOES
from jobs.kinds.migration.proofs import locks_may_change
from jobs.kinds.migration.pruning import prune_page
from jobs.kinds.migration.staging import note_held
from jobs.kinds.migration.walking import page_of
from jobs.kinds.position import START, Position, decode, encode
from proxy.backends.values import FeedLost


def is_whole(ground: Ground) -> bool:
    """Whether everything is copied and verified anew, since it is not known what changed."""
    return bool(ground.work.state.get("whole"))


def _page(ground: Ground, token: str | None) -> Page:
    if token is None:
        return _begin(ground)
    position = decode(token)
    page = _PAGES[position.section](ground, position)
    return page if page.truncated else _goes_on(ground, position.section, page)


def _begin(ground: Ground) -> Page:
    """Clients may have made things meanwhile that the target cannot keep, or that leave no trace.

    Raises JobFailed.
    """
    state = ground.work.state
    note_held(ground)
    state["whole"] = bool(state.get("given_up")) or locks_may_change(ground)
    state.setdefault("gated_seq", noted(ground).position.seq)
    return page_of(ground, [], replace(START, fed=1) if state["whole"] else Position(at.FOLLOW))


def _follow(ground: Ground, position: Position) -> Page:
    """The end of the feed: from here on any change is one behind the gate, and fails the job at the flip."""
    unchanged.begin(ground)
    here = noted(ground)
    try:
        if not here.inside and not ground.source.changes(here.position, limit=1).changes:
            return page_of(ground, [], None)
        return follow_page(ground, position, proves=True)
    except FeedLost:
        ground.work.state["whole"] = True
        return page_of(ground, [], START.after_feeding())


def _copied(ground: Ground, position: Position) -> Page:
    page = objects_page(ground, position)
    stays = page.truncated and decode(page.token).section == at.OBJECTS
    return page if stays else replace(page, token=encode(Position(at.PRUNE)), truncated=True)


def _uploads(ground: Ground, position: Position) -> Page:
    page = renewing_uploads.uploads_page(ground, position)
    stays = decode(page.token).section == at.UPLOADS
    return page if stays else replace(page, token=encode(Position(at.EXTRAS)))


def _goes_on(ground: Ground, section: str, page: Page) -> Page:
    following = _BEHIND[section] if ground.keeps_uploads else None
    return page if following is None else replace(page, token=encode(Position(following)), truncated=True)


_PAGES = {
    at.FOLLOW: _follow,
    at.OBJECTS: _copied,
    at.PRUNE: prune_page,
    at.UPLOADS: _uploads,
    at.EXTRAS: renewing_uploads.extras_page,
    at.PARTS: renewing_uploads.parts_page,
}
_BEHIND = {at.FOLLOW: at.UPLOADS, at.PRUNE: at.UPLOADS, at.EXTRAS: at.PARTS, at.PARTS: None}
"""What comes after the last page of a section."""

DELTA = Step(_page, DOES)
