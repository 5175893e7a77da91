"""Objects: wraps are renewed a page at a time, bodies written again one by one, the rest is passed over.

What is done to a version is decided from how it is sealed at that moment: after a crash, what was done
already is right, and is passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from jobs.kinds.base import Issue, Item, Outcome, Page
from jobs.kinds.pieces import GONE, Limits
from jobs.kinds.position import Position, decode
from jobs.kinds.reencryption.deciding import Aim, Way, way
from jobs.kinds.reencryption.ground import Ground
from jobs.kinds.reencryption.large import begin, complete, enter_large, pieces_page, unchanged, write_piece
from jobs.kinds.steps import Step, todo
from proxy.backends.base import ReaderBody
from proxy.backends.seals import SealEntry
from proxy.backends.values import NewObject
from proxy.errors import S3Error

TOGETHER_BY_SERVICE = 25
"""Versions whose wraps one item changes where each change is a call to a service."""

# -- pages ----------------------------------------------------------------------------------


def _page(ground: Ground, token: str | None) -> Page:
    position = decode(token)
    if position.inside:
        return pieces_page(ground, position)
    if token is None and not ground.survey.changes:
        return ground.page(_all_passed_over(ground), None)
    listing = ground.seals_after(position)
    found = _decided(listing.entries, ground.aim)
    taken = fitting(found, ground.limits)
    if found and not taken:
        return enter_large(ground, position, found[0][0])
    together = TOGETHER_BY_SERVICE if ground.store.backend.seals_ahead else ground.limits.page_entries
    items = _items(taken, position, together)
    if len(taken) < len(found):
        last, _ = taken[-1]
        return ground.page(items, position.past(last.key, last.version_id))
    return ground.page(items, None if listing.last is None else position.past(*listing.last))


def _all_passed_over(ground: Ground) -> list[Item]:
    number = ground.survey.objects
    return [todo("pass over", ground.work.bucket.name, number=number)] if number else []


Decided = tuple[SealEntry, Way]


def _decided(entries: Sequence[SealEntry], aim: Aim) -> list[Decided]:
    return [(entry, way(entry, aim)) for entry in entries]


def fitting(found: Sequence[Decided], limits: Limits) -> Sequence[Decided]:
    """The first ones that make up a page: before a large body, within what one page may move. Pure."""
    moved = size = 0
    for index, (entry, how) in enumerate(found):
        if how is not Way.REWRITE:
            continue
        moved, size = moved + 1, size + entry.size
        if entry.size > limits.large_bytes or moved > limits.page_items:
            return found[:index]
        if moved > 1 and size > limits.page_bytes:
            return found[:index]
    return found


def _items(taken: Sequence[Decided], position: Position, together: int) -> list[Item]:
    """One item for each body, one for the wraps of each stretch, one for all that is passed over."""
    bodies = [entry for entry, how in taken if how is Way.REWRITE]
    items = [todo("rewrite", entry.key, entry.size, version=entry.version_id) for entry in bodies]
    wraps, after = 0, [position.after, position.after_id]
    for start in range(0, len(taken), together):
        stretch = taken[start : start + together]
        number = sum(how is Way.REWRAP for _, how in stretch)
        if number:
            items.append(todo("rewrap", stretch[0][0].key, number=number, after=after, among=len(stretch)))
        wraps, after = wraps + number, [stretch[-1][0].key, stretch[-1][0].version_id]
    passed = len(taken) - len(bodies) - wraps
    if passed:
        items.append(todo("pass over", taken[0][0].key, number=passed))
    return items


# -- effects --------------------------------------------------------------------------------


def _pass_over(ground: Ground, item: Item) -> Outcome:
    return Outcome(objects=item.data["number"], skipped=True)


def _rewrap(ground: Ground, item: Item) -> Outcome:
    """All of them in one commit. What does not open, or was changed meanwhile, fails alone.

    They are listed once more: of a page's wraps an item says no more than where they are.
    """
    after, among = item.data["after"], item.data["among"]
    with ground.work.effect():
        listing = ground.store.backend.list_seals(ground.route.place, after=(after[0], after[1]), limit=among)
        entries = [entry for entry, how in _decided(listing.entries, ground.aim) if how is Way.REWRAP]
        found = ground.resealing.rewrapped(entries)
        changes = [each for each in found if not isinstance(each, S3Error)]
        done = iter(ground.store.backend.reseal(ground.route.place, changes))
    issues = []
    for entry, each in zip(entries, found, strict=True):
        if isinstance(each, S3Error):
            issues.append(Issue(entry.key, each.code, each.message, entry.version_id))
        elif not next(done):
            text = "It was changed behind the gate; it stays as it is."
            issues.append(Issue(entry.key, "PreconditionFailed", text, entry.version_id))
    return Outcome(objects=item.data["number"] - len(issues), issues=tuple(issues))


def _rewrite(ground: Ground, item: Item) -> Outcome:
    """The version in its own place again, every fact as it was. One that is gone is passed over."""
    with ground.work.effect():
        try:
            reader = ground.store.open(item.key, item.data["version"])
        except GONE:
            return Outcome(skipped=True)
        with reader:
            new = replace(NewObject.copy_of(ground.carried(reader.info)), sealed_anew=True)
            body = ReaderBody(reader, pulse=ground.work.pulse)
            ground.store.put(new, body, unchanged(reader.info))
            return Outcome(size=reader.info.size)


OBJECTS = Step(
    _page,
    {
        "pass over": _pass_over,
        "rewrap": _rewrap,
        "rewrite": _rewrite,
        "begin": begin,
        "piece": write_piece,
        "complete": complete,
    },
)
