"""Stage: a place of its own on the target, and proof that it is not the source.

The Route is in the job's state, and so in a checkpoint, before the place is made: whatever
happens, the unwinding finds it.
"""

from __future__ import annotations

from jobs.errors import JobFailed
from jobs.kinds.base import Item, Outcome, Page
from jobs.kinds.migration import places
from jobs.kinds.migration.ground import Ground, Step, route_note, same_place, todo
from proxy import routes
from proxy.backends.values import Route

_NAMED = "named"


def _page(ground: Ground, token: str | None) -> Page:
    if token is None or "target" not in ground.work.state:
        _name_the_places(ground)
        return Page(token=_NAMED, truncated=True)
    _refuse_what_is_there(ground)
    usage = ground.source.usage()
    ground.work.state.update(objects=usage.keys, bytes=usage.size, uploads=usage.uploads)
    return Page(items=[todo("make", ground.target_route.place.bucket)], total=1)


def _name_the_places(ground: Ground) -> None:
    work = ground.work
    if "target" in work.state:
        return
    place = routes.new_place(work.bucket.id, work.bucket.name)
    work.state["source"] = route_note(work.bucket.route)
    work.state["target"] = route_note(Route(work.spec["target_backend"], place))


def _refuse_what_is_there(ground: Ground) -> None:
    target = ground.target_route
    found = places.leftovers(target.backend, target.place.bucket, but=target.place)
    if found and not ground.work.spec.get("replace_target"):
        held = places.together(found)
        raise JobFailed(places.not_empty(target.backend, target.place.bucket, held), "TargetNotEmpty")
    ground.work.state["leftovers"] = [route_note(each.route) for each in found]


def _make(ground: Ground, item: Item) -> Outcome:
    source, target = ground.source, ground.target
    with ground.work.effect():
        target.backend.create_bucket(target.place)
        if same_place(target.backend, target.place, source.backend, source.place, target.place.incarnation):
            raise JobFailed("The source and the target are two names of one place.", "SamePlace")
    return Outcome()


STAGE = Step(_page, {"make": _make})
