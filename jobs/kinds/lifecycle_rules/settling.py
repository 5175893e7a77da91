"""Doing what is decided about single things: those that had to be looked at, and those that failed before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from jobs.kinds.base import Item, Outcome
from jobs.kinds.lifecycle_rules import walking
from jobs.kinds.lifecycle_rules.decisions import LOOK, Does
from jobs.kinds.lifecycle_rules.facts import unpack
from jobs.kinds.lifecycle_rules.ground import Ground, Here
from jobs.kinds.lifecycle_rules.looking import again, decide_current
from jobs.kinds.lifecycle_rules.planning import Behind
from jobs.kinds.lifecycle_rules.position import UPLOADS, VERSIONS, Position
from jobs.kinds.lifecycle_rules.removing import MAKES, abort_all, removed, together
from jobs.kinds.lifecycle_rules.transitions import transition_one
from jobs.kinds.lifecycle_rules.walking import Found, Sight
from jobs.kinds.pieces import GONE


def look(ground: Ground, item: Item) -> Outcome:
    """Each is looked at, decided by all its facts, and done. Raises S3Error, Deferred, LeaseLost."""
    with ground.here() as here:
        sight = ground.sight(here)
        found = [again(sight, _unpacked(told)) for told in item.data["those"]]
        removed = _remove(here, found)
    return together([removed, *_transitions(ground, found)])


def _unpacked(told: Sequence[list[int]]) -> Found:
    what, behind = told
    return Found(unpack(what), LOOK, Behind(*behind) if behind else None)


def look_again(ground: Ground, item: Item) -> Outcome:
    """Everything of one key: what is behind its current version, that version, its uploads."""
    key = item.key
    with ground.here() as here:
        sight = ground.sight(here)
        done: list[Outcome] = []
        if here.has_versions and ground.spec.about_versions:
            done += _versions(ground, here, sight, key)
        current = list(_current(sight, key))
        done.append(_remove(here, current))
        if ground.spec.about_uploads:
            done += _uploads(ground, here, sight, key)
    done += _transitions(ground, current)
    total = together(done)
    return total if total.objects or total.issues else Outcome(skipped=True)


def _current(sight: Sight, key: str) -> Iterator[Found]:
    try:
        head = sight.store.head(key)
    except GONE:
        return
    yield Found(head, decide_current(sight, head))


def _versions(ground: Ground, here: Here, sight: Sight, key: str) -> Iterator[Outcome]:
    at: Position | None = Position(VERSIONS)
    while at is not None:
        ground.work.pulse()
        found, at = walking.versions(sight, at, key)
        looked = [again(sight, each) if each.decision is LOOK else each for each in found]
        yield _remove(here, looked)


def _uploads(ground: Ground, here: Here, sight: Sight, key: str) -> Iterator[Outcome]:
    at: Position | None = Position(UPLOADS)
    while at is not None:
        found, at = walking.uploads(sight, at, key)
        due = [each.upload.upload_id for each in found if each.decision.does is Does.ABORT_UPLOAD]
        yield abort_all(here, due, ground.work.pulse)


def _remove(here: Here, found: Sequence[Found]) -> Outcome:
    """What is to be removed, each in its way; the rest is left. Raises S3Error, to be tried again."""
    outcomes = []
    for does, makes in MAKES.items():
        infos = [each.info for each in found if each.decision.does == does]
        ends = removed(here, makes, infos)
        ends.raise_passing()
        outcomes.append(ends.outcome)
    rest = [each for each in found if each.decision.does in (Does.NOTHING, Does.KEEP)]
    return together([*outcomes, Outcome(len(rest), left=len(rest))])


def _transitions(ground: Ground, found: Sequence[Found]) -> Iterator[Outcome]:
    """Outside of the bucket's gate: they enter that of their destination."""
    rules = {rule.id: rule for rule in ground.spec.rules}
    for each in found:
        if each.decision.does is Does.TRANSITION:
            yield transition_one(ground, rules[each.decision.rule], each.info)
