"""Survey: what there is to do is counted before it is begun. Reads only."""

from __future__ import annotations

from jobs.kinds.base import Page
from jobs.kinds.position import UPLOADS, Position, decode, encode
from jobs.kinds.reencryption.ground import Ground
from jobs.kinds.reencryption.tally import Tally
from jobs.kinds.steps import Step


def _page(ground: Ground, token: str | None) -> Page:
    position = decode(token)
    tally = Tally() if token is None else ground.survey
    read = _uploads if position.section == UPLOADS else _versions
    goes_on = read(ground, position, tally)
    held = ground.work.state.setdefault("held", _held(ground))
    ground.work.state["survey"] = tally.told()
    return Page(token=None if goes_on is None else encode(goes_on), truncated=goes_on is not None, total=held)


def _held(ground: Ground) -> int:
    """About how many versions there are, for the survey's own progress."""
    usage = ground.store.backend.usage(ground.route.place, patience_s=1.0)
    return usage.keys + usage.versions


def _versions(ground: Ground, position: Position, tally: Tally) -> Position:
    store = ground.store
    listing = store.backend.list_seals(
        store.place, after=(position.after, position.after_id), limit=ground.limits.page_entries
    )
    tally.add(listing.entries, ground.aim)
    return Position(UPLOADS) if listing.last is None else position.past(*listing.last)


def _uploads(ground: Ground, position: Position, tally: Tally) -> Position | None:
    listing = ground.store.list_uploads(
        after=(position.after, position.after_id), limit=ground.limits.page_entries
    )
    tally.add_uploads(listing.uploads, ground.aim)
    return None if listing.last is None else position.past(*listing.last)


SURVEY = Step(_page, {})
