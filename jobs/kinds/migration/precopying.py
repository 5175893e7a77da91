"""Copying and proving while clients write: the walks of copy and verify, and the change feed in between.

What changes behind a walk is in the feed: it is followed whenever a whole page of changes waits, and at the
end until few are left. If the feed is lost, the copy begins again, and what only the target has then goes.
"""

from __future__ import annotations

from dataclasses import replace

from jobs.kinds import position as at
from jobs.kinds.base import Page
from jobs.kinds.migration import catching_up, proofs, renewing_uploads
from jobs.kinds.migration.copying import COPY, objects_page
from jobs.kinds.migration.feed import Following, begin, note, noted, pending
from jobs.kinds.migration.following import follow_page
from jobs.kinds.migration.ground import Ground, Step
from jobs.kinds.migration.pruning import prune_page
from jobs.kinds.migration.renewing import prune, renew, renew_marker, retell
from jobs.kinds.migration.renewing_uploads import renew_part, renew_upload
from jobs.kinds.migration.walking import page_of
from jobs.kinds.position import START, Position, decode, encode
from proxy.backends.values import FeedLost

MOST_FED = 8
"""Pages of changes in a row before the walk goes on."""
MOST_AGAIN = 3
"""How often a copy begins again while clients write. Then the rest is done with the gate closed."""


def _precopy_page(ground: Ground, token: str | None) -> Page:
    """All versions as copy has them; nothing is proved yet, and uploads come with their proof."""
    position = decode(token)
    if proofs.locks_may_change(ground):
        return _give_up(ground)
    if _is_due(ground, position):
        return _followed(ground, position, proves=False)
    page = objects_page(ground, position)
    return page if _stays(page, at.OBJECTS) else replace(page, token=None, truncated=False)


def _prove_page(ground: Ground, token: str | None) -> Page:
    """Everything that was copied is read again, and the feed is followed until little of it is left."""
    if ground.work.state.get("given_up") or proofs.locks_may_change(ground):
        return _give_up(ground)
    if token is None:
        lost = ground.work.state.get("lost")
        return page_of(ground, [], Position(at.PRUNE)) if lost else start_proof(ground)
    position = decode(token)
    if _is_due(ground, position):
        return _followed(ground, position, proves=True)
    return _PROVING[position.section](ground, position)


def _is_due(ground: Ground, position: Position) -> bool:
    """Whether so many changes wait that the walk does."""
    if position.section == at.FOLLOW or position.fed >= MOST_FED:
        return False
    return pending(ground) >= ground.limits.page_items


def _followed(ground: Ground, position: Position, *, proves: bool) -> Page:
    try:
        return follow_page(ground, position, proves=proves)
    except FeedLost:
        return _begin_again(ground, position)


def _begin_again(ground: Ground, position: Position) -> Page:
    """What changed is not known: everything is copied anew. After some times the closed gate must do."""
    state = ground.work.state
    state["lost"] = int(state.get("lost", 0)) + 1
    begin(ground)
    if state["lost"] > MOST_AGAIN:
        return _give_up(ground)
    return page_of(ground, [], replace(START, fed=position.fed + 1))


def _give_up(ground: Ground) -> Page:
    """Copy and verify everything with the gate closed, as without a precopy."""
    ground.work.state["given_up"] = True
    return page_of(ground, [], None)


def start_proof(ground: Ground) -> Page:
    """Up to here the feed was followed: what did not change since must be the same on both sides.

    What was done for changes behind it was not proved, and is done again.
    """
    position = noted(ground).position
    note(ground, Following(position))
    ground.work.state.update(proof=position.seq, round=None)
    return page_of(ground, [], Position(at.PROOF))


# -- sections ---------------------------------------------------------------------------------------


def _copied_again(ground: Ground, position: Position) -> Page:
    """The copy, in the phase that proves, after the feed was lost."""
    page = objects_page(ground, position)
    return (
        page if _stays(page, at.OBJECTS) else replace(page, token=encode(Position(at.PRUNE)), truncated=True)
    )


def _pruned(ground: Ground, position: Position) -> Page:
    page = prune_page(ground, position)
    return page if page.truncated else replace(start_proof(ground), items=page.items)


def _proved(ground: Ground, position: Position) -> Page:
    page = proofs.walk_page(ground, position)
    if _stays(page, at.PROOF):
        return page
    ground.work.state["parts_ms"] = 0
    ground.work.state["parts_began_ms"] = ground.work.now_ms()
    section = at.UPLOADS if ground.keeps_uploads else at.FOLLOW
    return replace(page, token=encode(Position(section)), truncated=True)


def _parts(ground: Ground, position: Position) -> Page:
    page = renewing_uploads.parts_page(ground, position)
    if page.truncated:
        return page
    ground.work.state["parts_ms"] = ground.work.state["parts_began_ms"]
    return replace(page, token=encode(Position(at.FOLLOW)), truncated=True)


def _caught_up(ground: Ground, position: Position) -> Page:
    if catching_up.is_near(ground):
        return page_of(ground, [], None)
    return _followed(ground, position, proves=True)


def _stays(page: Page, section: str) -> bool:
    return page.truncated and decode(page.token).section == section


_PROVING = {
    at.OBJECTS: _copied_again,
    at.PRUNE: _pruned,
    at.PROOF: _proved,
    at.UPLOADS: renewing_uploads.uploads_page,
    at.PARTS: _parts,
    at.FOLLOW: _caught_up,
}

DOES = {
    **COPY.does,
    **proofs.PROOFS,
    "renew": renew,
    "renew marker": renew_marker,
    "retell": retell,
    "prune": prune,
    "renew upload": renew_upload,
    "renew part": renew_part,
}
"""What is done to an item while the feed is followed, in whichever phase."""

PRECOPY = Step(_precopy_page, DOES)
PROVE = Step(_prove_page, DOES)
