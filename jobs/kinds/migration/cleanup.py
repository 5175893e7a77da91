"""Cleanup, after the flip: what the request said is to go, and nothing that came later.

It never looks at the target: what the source held at the flip was verified there, and the
bucket has moved on since. What was written to the source behind our back stays and is told, and
so do locked versions: a lock binds this copy of the version as it binds the one that moved.
"""

from __future__ import annotations

from django.conf import settings

from jobs.kinds.base import Issue, Item, Outcome, Page
from jobs.kinds.migration import places
from jobs.kinds.migration.clearing import clear_key
from jobs.kinds.migration.ground import Ground, Step, route_from, todo
from jobs.kinds.position import OBJECTS, PARTS, UPLOADS, Position, decode, encode
from proxy import routes
from proxy.backends.values import Usage
from proxy.errors import BucketNotEmpty, NoSuchBucket, NoSuchUpload, ObjectLocked

# -- pages: leftovers of the target, the grace, then the source: keys, uploads, the place --------


def _page(ground: Ground, token: str | None) -> Page:
    if token is None:
        return _first_page(ground)
    position = decode(token)
    wait_s = _grace_left_s(ground)
    if wait_s > 0:
        return Page(token=token, truncated=True, wait_s=wait_s)
    try:
        return _PAGES[position.section](ground, position)
    except NoSuchBucket:
        return Page()  # the place is gone; nothing is left to be done


def _first_page(ground: Ground) -> Page:
    items = [todo("leftover", note["bucket"], route=note) for note in ground.work.state.get("leftovers", ())]
    if not ground.work.spec.get("delete_source"):
        return Page(items=items, total=len(items))
    return Page(items=items, token=encode(Position(OBJECTS)), truncated=True, total=ground.objects)


def _grace_left_s(ground: Ground) -> float:
    """How long a read that took its Route before the flip may still be at the source."""
    since_ms = ground.work.now_ms() - int(ground.work.state["flipped_ms"])
    grace_s: float = settings.CLEANUP_GRACE_SECONDS
    return grace_s - max(0, since_ms) / 1000


def _keys_page(ground: Ground, position: Position) -> Page:
    """A key is one item however many versions it has: a token inside it would not outlive its version."""
    listing = ground.source.list_versions(after=(position.after, ""), limit=ground.limits.page_items)
    by_key: dict[str, list[str]] = {}
    for info in listing.versions:
        by_key.setdefault(info.key, []).append(info.version_id)
    items = [todo("key", key, versions=versions) for key, versions in by_key.items()]
    if listing.last is None:
        return Page(items=items, token=encode(Position(UPLOADS)), truncated=True, total=ground.objects)
    last = listing.versions[-1].key
    items[-1] = todo("key", last)  # it may have more
    return Page(items=items, token=encode(position.past(last)), truncated=True, total=ground.objects)


def _uploads_page(ground: Ground, position: Position) -> Page:
    listing = ground.source.list_uploads(
        after=(position.after, position.after_id), limit=ground.limits.page_items
    )
    flipped_ms = int(ground.work.state["flipped_ms"])
    items = [
        todo("upload", upload.key, upload=upload.upload_id, later=upload.initiated > flipped_ms)
        for upload in listing.uploads
    ]
    goes_on = Position(PARTS) if listing.last is None else position.past(*listing.last)
    return Page(items=items, token=encode(goes_on), truncated=True, total=ground.objects)


def _place_page(ground: Ground, position: Position) -> Page:
    return Page(items=[todo("place", ground.source_route.place.bucket)], total=ground.objects)


_PAGES = {OBJECTS: _keys_page, UPLOADS: _uploads_page, PARTS: _place_page}


# -- effects --------------------------------------------------------------------------------


def _remove_leftover(ground: Ground, item: Item) -> Outcome:
    route = route_from(item.data["route"])
    with ground.work.effect():
        if places.in_use(route):
            issue = Issue(item.key, "InUse", "A bucket is served from this leftover; it stays.")
            return Outcome(objects=0, issues=(issue,))
        try:
            routes.backend(route.backend).delete_bucket(route.place, force=True)
        except ObjectLocked:
            issue = Issue(item.key, "ObjectLocked", "This leftover holds locked versions; it stays.")
            return Outcome(objects=0, issues=(issue,))
    return Outcome(objects=0)


def _abort_upload(ground: Ground, item: Item) -> Outcome:
    if item.data["later"]:
        text = f"Upload {item.data['upload']} was begun after the flip; it stays."
        return Outcome(objects=0, issues=(_stays(item.key, text),))
    with ground.work.effect():
        try:
            ground.source.abort_upload(item.data["upload"])
        except NoSuchUpload:
            pass
    return Outcome(objects=0)


def _remove_place(ground: Ground, item: Item) -> Outcome:
    source = ground.source
    with ground.work.effect():
        try:
            source.backend.delete_bucket(source.place)
        except BucketNotEmpty:
            issue = Issue(item.key, "BucketNotEmpty", _still_holds(source.usage()))
            return Outcome(objects=0, issues=(issue,))
        except NoSuchBucket:
            pass
    return Outcome(objects=0)


def _stays(key: str, text: str) -> Issue:
    return Issue(key, "WrittenAfterFlip", text)


def _still_holds(held: Usage) -> str:
    return (
        f"The source still holds {held.keys} objects and {held.versions} older versions, {held.locked} of"
        f" them locked, and {held.uploads} uploads; its place stays."
    )


CLEANUP = Step(
    _page,
    {
        "leftover": _remove_leftover,
        "key": clear_key,
        "upload": _abort_upload,
        "place": _remove_place,
    },
)
