"""Survey: what there is to do is counted before it is begun. Reads only."""

from __future__ import annotations

from jobs.kinds.base import Page
from jobs.kinds.position import UPLOADS, Position, decode, encode
from jobs.kinds.reencryption.deciding import SEALED, Way
from jobs.kinds.reencryption.ground import Ground
from jobs.kinds.reencryption.tally import Count, Tally
from jobs.kinds.steps import Step
from proxy.crypto.wraps import CUSTOMER, name_of


def _page(ground: Ground, token: str | None) -> Page:
    position = decode(token)
    glance = at_a_glance(ground) if token is None else None
    if glance is not None:
        ground.work.state["survey"] = glance.told()
        return Page(total=glance.objects)
    tally = Tally() if token is None else ground.survey
    read = _uploads if position.section == UPLOADS else _versions
    goes_on = read(ground, position, tally)
    held = ground.work.state.setdefault("held", _held(ground))
    ground.work.state["survey"] = tally.told()
    return Page(token=None if goes_on is None else encode(goes_on), truncated=goes_on is not None, total=held)


def at_a_glance(ground: Ground) -> Tally | None:
    """What counts alone say, where they say that nothing is to be done to any version; else None.

    So a key of the ring is rotated without a walk: if as many versions and uploads are sealed as there
    are, with delete markers, then all are.
    """
    aim, store = ground.aim, ground.store
    if aim.asked or aim.mode != SEALED or store.backend.seals_ahead:
        return None
    held, sealed = store.usage(), store.backend.count_seals(store.place)
    known = sum(sealed.values()) == held.keys + held.versions + held.uploads
    if not known or any(name_of(by).kind == CUSTOMER for by in sealed):
        return None
    all_of_it = Count(held.keys + held.versions, held.size + held.versions_size)
    return Tally({Way.RIGHT: all_of_it}, {SEALED: all_of_it}, {Way.RIGHT: held.uploads})


def _held(ground: Ground) -> int:
    """About how many versions there are, for the survey's own progress."""
    usage = ground.store.backend.usage(ground.route.place, patience_s=1.0)
    return usage.keys + usage.versions


def _versions(ground: Ground, position: Position, tally: Tally) -> Position:
    listing = ground.seals_after(position)
    tally.add(listing.entries, ground.aim)
    return Position(UPLOADS) if listing.last is None else position.past(*listing.last)


def _uploads(ground: Ground, position: Position, tally: Tally) -> Position | None:
    listing = ground.uploads_after(position)
    tally.add_uploads(listing.uploads, ground.aim)
    return None if listing.last is None else position.past(*listing.last)


SURVEY = Step(_page, {})
