"""Unwind: before the flip, everything that the job made goes; the source is not touched."""

from __future__ import annotations

from jobs.kinds.base import Issue, Item, Outcome, Page
from jobs.kinds.migration import places
from jobs.kinds.migration.ground import Ground, Step, same_place, todo
from proxy.errors import NoSuchBucket


def _page(ground: Ground, token: str | None) -> Page:
    if "target" not in ground.work.state:
        return Page()
    return Page(items=[todo("remove", ground.target_route.place.bucket)], total=1)


def _remove(ground: Ground, item: Item) -> Outcome:
    """A place is removed with all that is in it only once it has shown that it is not the source.

    Locks do not keep it: no client was ever served from it, and the locked versions are at the source.
    """
    target = ground.target
    with ground.work.effect():
        if target.place not in target.backend.places(target.place.bucket):
            return Outcome()
        if places.in_use(target.route):
            return Outcome(issues=(_stays(item, "InUse", "a bucket is served from it"),))
        if _is_the_source(ground):
            return Outcome(issues=(_stays(item, "SamePlace", "it is the source under another name"),))
        target.backend.delete_bucket(target.place, force=True, unserved=True)
    return Outcome()


def _is_the_source(ground: Ground) -> bool:
    """A source that clients have deleted, while they could still write, is not."""
    source, target = ground.source, ground.target
    try:
        return same_place(
            target.backend, target.place, source.backend, source.place, target.place.incarnation
        )
    except NoSuchBucket:
        return False


def _stays(item: Item, code: str, why: str) -> Issue:
    return Issue(item.key, code, f"The staged place was not removed: {why}.")


UNWIND = Step(_page, {"remove": _remove})
