"""Stage: a place of its own on the target, and proof that it is not the source.

The Route is in the job's state, and so in a checkpoint, before the place is made: whatever
happens, the unwinding finds it.
"""

from __future__ import annotations

from jobs.errors import JobError, JobFailed
from jobs.kinds.base import Item, Outcome, Page
from jobs.kinds.migration import counting, feed, keeping, places
from jobs.kinds.migration.ground import Ground, Step, route_from, route_note, same_place, todo
from jobs.kinds.migration.versioning import prepare_versions
from proxy import routes
from proxy.backends.values import Route, Usage
from proxy.errors import BucketAlreadyExists, BucketNotEmpty
from proxy.records import find_bucket

_NAMED = "named"


def _page(ground: Ground, token: str | None) -> Page:
    if token is None or "target" not in ground.work.state:
        _name_the_places(ground)
        return Page(token=_NAMED, truncated=True)
    if token == _NAMED and not ground.source.backend.counts_changes:
        return counting.begin(ground)
    if token != _NAMED:
        page = counting.page(ground, token)
        if page.truncated:
            return page
    _refuse_what_is_there(ground)
    if ground.writable:
        feed.begin(ground)
    note_held(ground)
    ground.work.state["seq_staged"] = ground.source.backend.head_seq(ground.source.place)
    return Page(items=[todo("make", ground.target_route.place.bucket)], total=1)


def note_held(ground: Ground) -> None:
    """How much is to be moved, now. Raises JobFailed if something of it would be lost."""
    held = _refuse_what_would_be_lost(ground)
    older, older_bytes = (held.versions, held.versions_size) if ground.keeps_versions else (0, 0)
    ground.work.state.update(
        objects=held.keys + older,
        bytes=held.size + older_bytes,
        uploads=held.uploads,
    )


def _name_the_places(ground: Ground) -> None:
    work = ground.work
    if "target" in work.state:
        return
    target = work.spec["target_backend"]
    place = routes.new_place(work.bucket.id, work.bucket.name, target)
    work.state["source"] = route_note(work.bucket.route)
    work.state["target"] = route_note(Route(target, place))


def _refuse_what_is_there(ground: Ground) -> None:
    target = ground.target_route
    replace = bool(ground.work.spec.get("replace_target"))
    try:
        found = places.leftovers(target.backend, target.place.bucket, but=target.place)
        places.check(target.backend, target.place.bucket, found, replace=replace)
    except JobError as refusal:
        raise JobFailed(refusal.message, refusal.code) from None
    ground.work.state["leftovers"] = [route_note(each.route) for each in found]


def _refuse_what_would_be_lost(ground: Ground) -> Usage:
    """What the source holds at this moment."""
    work = ground.work
    settings = find_bucket(work.bucket.name).settings
    held = counting.counted(ground) or ground.source.usage()
    try:
        keeping.check(ground.source, held, settings, ground.target.backend, work.spec.get("drop", ()))
    except JobError as refusal:
        raise JobFailed(refusal.message, refusal.code) from None
    return held


def _make(ground: Ground, item: Item) -> Outcome:
    source, target = ground.source, ground.target
    with ground.work.effect():
        try:
            target.backend.create_bucket(target.place)
        except (BucketNotEmpty, BucketAlreadyExists):
            if not _remove_leftovers(ground):
                raise
            target.backend.create_bucket(target.place)
        if same_place(target.backend, target.place, source.backend, source.place, target.place.incarnation):
            raise JobFailed("The source and the target are two names of one place.", "SamePlace")
        prepare_versions(ground)
    return Outcome()


def _remove_leftovers(ground: Ground) -> bool:
    """Make room where one name has one place: what is left there goes before the move, if it may go.

    Only what `replace_target` allows; whether there was anything.
    """
    if not ground.work.spec.get("replace_target"):
        return False
    found = [route_from(note) for note in ground.work.state["leftovers"]]
    for route in found:
        if not places.in_use(route):
            routes.backend(route.backend).delete_bucket(route.place, force=True)
    return bool(found)


STAGE = Step(_page, {"make": _make})
