"""The pages of a lifecycle job: what is looked at next, and the items for what is decided about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from jobs.errors import BadToken, JobFailed
from jobs.kinds.base import Item, Page
from jobs.kinds.lifecycle_rules import walking
from jobs.kinds.lifecycle_rules.decisions import Does
from jobs.kinds.lifecycle_rules.facts import pack
from jobs.kinds.lifecycle_rules.ground import RANKINGS, Ground, Here
from jobs.kinds.lifecycle_rules.large import leftovers
from jobs.kinds.lifecycle_rules.position import (
    CURRENT,
    KEYS,
    RANK,
    UPLOADS,
    VERSIONS,
    Position,
    decode,
    encode,
)
from jobs.kinds.lifecycle_rules.retaining import begun, confirmed, rank_more
from jobs.kinds.lifecycle_rules.spec import TRANSITION
from jobs.kinds.lifecycle_rules.tally import Tally
from jobs.kinds.lifecycle_rules.walking import Found, FoundUpload
from jobs.kinds.steps import todo
from proxy.errors import NoSuchBucket
from proxy.records import find_bucket

MOST_RANKINGS = 3
"""How often a run ranks anew because something that it was to keep is gone."""

T = TypeVar("T")
Turned = tuple[list[Item], Position | None]
"""The items of a page, and where to go on; None at the end of a section."""

RUN = (RANK, VERSIONS, CURRENT, UPLOADS)
RETRY = (RANK, KEYS)
"""The sections of a run, and of one over single keys.

Versions come first: what is hidden by this very run has only just become noncurrent.
"""


def page(ground: Ground, sections: Sequence[str], token: str | None) -> Page:
    """Raises BadToken, Deferred, JobFailed, S3Error."""
    state = ground.work.state
    position = Position("") if token is None else decode(token)
    if token is None:
        state.clear()
        state["run"] = ground.work.run_id
    elif position.section not in sections or (
        ground.spec.retaining and state.get("run") != ground.work.run_id
    ):
        raise BadToken("What is retained is ranked by each run for itself.")
    items: list[Item] = []
    goes_on: Position | None = None
    with ground.here() as here:
        wanted = [name for name in sections if _wanted(ground, here, name)]
        if token is None:
            _check_destinations(ground)
            state["total"] = _total(here, wanted)
            position = Position(wanted[0] if wanted else "")
        if position.section in wanted:
            items, goes_on = SECTIONS[position.section](ground, here, position)
    goes_on = goes_on or _next(position, sections, wanted)
    token = None if goes_on is None else encode(goes_on)
    return Page(items, token=token, truncated=goes_on is not None, total=state.get("total"))


def _next(at: Position, sections: Sequence[str], wanted: Sequence[str]) -> Position | None:
    """The beginning of the section that follows."""
    rest = (
        [name for name in sections[sections.index(at.section) + 1 :] if name in wanted] if at.section else []
    )
    return Position(rest[0], page=at.page + 1) if rest else None


def _total(here: Here, wanted: Sequence[str]) -> int | None:
    """How many versions will be looked at; None where it takes too long to find out."""
    if CURRENT not in wanted and VERSIONS not in wanted:
        return None
    usage = here.store.usage(patience_s=1.0)
    once = usage.keys if CURRENT in wanted else 0
    again = usage.keys + usage.versions if VERSIONS in wanted else 0
    return once + again if usage.exact else None


def _wanted(ground: Ground, here: Here, section: str) -> bool:
    """Whether any rule is about what the section goes through."""
    spec = ground.spec
    return {
        RANK: bool(spec.retaining),
        CURRENT: bool(spec.about_current),
        VERSIONS: bool(spec.about_versions) and here.has_versions,
        UPLOADS: bool(spec.about_uploads),
        KEYS: True,
    }[section]


def _check_destinations(ground: Ground) -> None:
    """Raises JobFailed: nothing can go where there is no bucket."""
    for rule in ground.spec.rules:
        if rule.action == TRANSITION and rule.destination is not None:
            try:
                find_bucket(rule.destination.bucket)
            except NoSuchBucket:
                text = f"The destination {rule.destination.bucket} does not exist."
                raise JobFailed(text, "NoSuchBucket") from None


# -- the sections -----------------------------------------------------------------------------


def _rank(ground: Ground, here: Here, at: Position) -> Turned:
    """Nothing is done before all is ranked."""
    rankings = ground.rankings if at.after else begun(ground.spec)
    now_ms, limit = ground.work.now_ms(), ground.steps.entries
    last = rank_more(here.store, ground.spec, rankings, at.after, limit, now_ms)
    ground.work.state[RANKINGS] = {rule: each.as_json() for rule, each in rankings.items()}
    return [], None if last is None else replace(at, after=last, page=at.page + 1)


def _current(ground: Ground, here: Here, at: Position) -> Turned:
    if not _is_confirmed(ground, here):
        return [], Position(RANK, page=at.page + 1)
    found, goes_on = walking.current(ground.sight(here), at)
    _note(ground, found)
    before = [] if at.after else list(leftovers(ground))
    return [*before, *_items(ground, found)], goes_on


def _is_confirmed(ground: Ground, here: Here) -> bool:
    """Whether what is retained is there; looked at before the first delete, and then now and again."""
    spec, state, now_ms = ground.spec, ground.work.state, ground.work.now_ms()
    if not spec.retaining or 0 <= now_ms - state.get("confirmed_ms", -1) < ground.steps.confirm_s * 1000:
        return True
    if confirmed(here.store, spec, ground.rankings, now_ms, ground.work.pulse):
        state["confirmed_ms"] = now_ms
        return True
    state["ranked"] = state.get("ranked", 1) + 1
    if state["ranked"] > MOST_RANKINGS:
        text = "What was to be retained went away again and again; nothing more is deleted."
        raise JobFailed(text, "RetainedWentAway")
    state.pop("confirmed_ms", None)
    return False


def _versions(ground: Ground, here: Here, at: Position) -> Turned:
    found, goes_on = walking.versions(ground.sight(here), at)
    _note(ground, found)
    return list(_items(ground, found)), goes_on


def _uploads(ground: Ground, here: Here, at: Position) -> Turned:
    found, goes_on = walking.uploads(ground.sight(here), at)
    tally = Tally.read(ground.work.state.get("tally", {}))
    tally.add_uploads(found)
    ground.work.state["tally"] = tally.told()
    due = [each for each in found if each.decision.does is Does.ABORT_UPLOAD]
    return [_abort(some) for some in _in_batches(due, ground.steps.looks)], goes_on


def _abort(some: Sequence[FoundUpload]) -> Item:
    return todo("abort-upload", some[0].upload.key, those=[each.upload.upload_id for each in some])


def _keys(ground: Ground, here: Here, at: Position) -> Turned:
    """Of a run over single objects: all of them. What is retained must be there, as ever."""
    if not _is_confirmed(ground, here):
        return [], Position(RANK, page=at.page + 1)
    return [todo("again", key) for key in ground.work.keys], None


SECTIONS: dict[str, Callable[[Ground, Here, Position], Turned]] = {
    RANK: _rank,
    CURRENT: _current,
    VERSIONS: _versions,
    UPLOADS: _uploads,
    KEYS: _keys,
}


# -- items ------------------------------------------------------------------------------------


def _note(ground: Ground, found: Sequence[Found]) -> None:
    """For the report: what was decided."""
    tally = Tally.read(ground.work.state.get("tally", {}))
    tally.add(found)
    ground.work.state["tally"] = tally.told()


def _items(ground: Ground, found: Sequence[Found]) -> Iterator[Item]:
    """Removals in batches, each transition alone, looks in small batches, the rest as one."""
    by_does: dict[Does, list[Found]] = {}
    for each in found:
        by_does.setdefault(each.decision.does, []).append(each)
    for does in (Does.DELETE, Does.DELETE_VERSION, Does.DELETE_MARKER):
        for some in _in_batches(by_does.get(does, ()), ground.steps.together):
            infos = [each.info for each in some]
            size = sum(info.size for info in infos)
            yield todo(does.value, infos[0].key, size, those=[pack(info) for info in infos])
    for each in by_does.get(Does.TRANSITION, ()):
        info = each.info
        yield todo("transition", info.key, info.size, rule=each.decision.rule, what=pack(info))
    for some in _in_batches(by_does.get(Does.LOOK, ()), ground.steps.looks):
        yield todo("look", some[0].info.key, those=[_to_look_at(each) for each in some])
    passed = len(by_does.get(Does.NOTHING, ())) + len(by_does.get(Does.KEEP, ()))
    if passed:
        yield todo("pass over", found[0].info.key, number=passed)


def _to_look_at(found: Found) -> list[Any]:
    behind = found.behind
    return [pack(found.info), None if behind is None else [behind.since_ms, behind.newer]]


def _in_batches(things: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (things[start : start + size] for start in range(0, len(things), size))
