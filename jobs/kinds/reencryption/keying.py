"""Keys: the bucket's keys get the newest key of the ring; where wraps are renewed, there is a fresh one.

One record per bucket key, whatever the size of the bucket. The walk goes: what is there, a fresh key
unless one was made since, which one it is. So a job that is taken up again makes no second one.
"""

from __future__ import annotations

from jobs.errors import BadToken
from jobs.kinds.base import Item, Outcome, Page
from jobs.kinds.reencryption.deciding import PLAIN, SEALED, Aim, Way
from jobs.kinds.reencryption.ground import UNSCRUBBED, Ground
from jobs.kinds.reencryption.tally import Tally
from jobs.kinds.steps import Step, todo

_FRESH, _NOTED = "fresh", "noted"


def _page(ground: Ground, token: str | None) -> Page:
    state, resealing, name = ground.work.state, ground.resealing, ground.work.bucket.name
    if token is None:
        state["before"] = resealing.newest_key()
        items = [todo("rewrap", name)]
        if leaves_plaintext(ground.aim, ground.survey) and ground.store.backend.scrubs:
            items.append(todo("remember", name))
        return Page(items, token=_FRESH, truncated=True) if needs_fresh(ground) else Page(items)
    if token == _FRESH:
        there = resealing.newest_key() == state["before"]
        return Page([todo("fresh", name)] if there else [], token=_NOTED, truncated=True)
    if token != _NOTED:
        raise BadToken("The token is not of this job's kind.")
    state["fresh"] = resealing.newest_key()
    return Page()


def needs_fresh(ground: Ground) -> bool:
    """Whether something will be sealed by a key that was made for this job."""
    survey = ground.survey
    wraps = survey.of(Way.REWRAP).objects or survey.uploads.get(Way.REWRAP, 0)
    return bool(ground.asked and (wraps or ground.aim.mode == SEALED))


def leaves_plaintext(aim: Aim, survey: Tally) -> bool:
    """Whether plain bodies are replaced by sealed ones: nothing of them may stay. Pure."""
    return aim.mode == SEALED and PLAIN in survey.modes and survey.of(Way.REWRITE).objects > 0


def _rewrap(ground: Ground, item: Item) -> Outcome:
    with ground.work.effect():
        return Outcome(objects=ground.resealing.rewrap_keys())


def _remember(ground: Ground, item: Item) -> Outcome:
    """Bodies will be replaced: whatever becomes of this job, what they leave must go."""
    with ground.work.effect():
        ground.store.backend.mark(ground.route.place, UNSCRUBBED, ground.work.holder)
    return Outcome(objects=0)


def _fresh(ground: Ground, item: Item) -> Outcome:
    with ground.work.effect():
        ground.resealing.make_key()
    return Outcome(objects=0)


KEYS = Step(_page, {"rewrap": _rewrap, "remember": _remember, "fresh": _fresh})
