"""Reading a place in order: the pieces of the walks that copy, verify and cleanup share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from jobs.kinds.base import Item, Page
from jobs.kinds.migration.ground import Ground, Limits
from jobs.kinds.pieces import all_parts
from jobs.kinds.position import PARTS, UPLOADS, Position, encode
from proxy.backends.values import ObjectInfo, PartInfo, UploadInfo
from proxy.store import Store

UPLOADS_LOOKED_AT = 200
"""Open uploads that one page looks into for parts."""


def page_of(ground: Ground, items: Sequence[Item], goes_on: Position | None) -> Page:
    """A page that goes on at a position, or ends the walk; with the totals that staging counted."""
    return Page(
        items=items,
        token=None if goes_on is None else encode(goes_on),
        truncated=goes_on is not None,
        total=ground.objects,
        total_bytes=ground.size,
    )


def next_versions(ground: Ground, store: Store, position: Position) -> tuple[Sequence[ObjectInfo], bool]:
    """Versions and markers from `position` on, and whether these are the last.

    Where the target cannot keep versions they are the current objects alone.
    """
    limit = ground.limits.page_items
    if ground.keeps_versions:
        history = store.list_versions(after=(position.after, position.after_id), limit=limit)
        return history.versions, history.last is None
    listing = store.list(after=position.after, limit=limit)
    return listing.objects, listing.last is None


def behind(position: Position, info: ObjectInfo) -> Position:
    """Where to go on once a version is done."""
    return position.past(info.key, info.version_id)


def after_versions(ground: Ground) -> Position | None:
    """Where to go on once all versions are done; None if nothing else moves."""
    return Position(UPLOADS) if ground.keeps_uploads else None


def fitting(objects: Iterable[ObjectInfo], limits: Limits) -> list[ObjectInfo]:
    """The first objects that make up a page: before a large one, within the page's bytes."""
    taken: list[ObjectInfo] = []
    size = 0
    for info in islice(objects, limits.page_items):
        size += info.size
        if info.size > limits.large_bytes or (taken and size > limits.page_bytes):
            break
        taken.append(info)
    return taken


def next_parts(
    store: Store, position: Position, limits: Limits
) -> tuple[Sequence[tuple[UploadInfo, PartInfo]], Position | None]:
    """Parts of open uploads from `position` on, and where to go on; None at the end."""
    listing = store.list_uploads(after=(position.after, position.after_id), limit=UPLOADS_LOOKED_AT)
    taken: list[tuple[UploadInfo, PartInfo]] = []
    size, at = 0, Position(PARTS, position.after, position.after_id)
    for upload in listing.uploads:
        resumed = upload.upload_id == position.inside
        at = at.enter(upload.upload_id).at(position.offset if resumed else 0)
        for part in all_parts(store, upload.upload_id, at.offset):
            size += part.size
            if len(taken) == limits.page_items or (taken and size > limits.page_bytes):
                return taken, at
            taken.append((upload, part))
            at = at.at(part.number)
        at = at.past(upload.key, upload.upload_id)
    return taken, at if listing.last is not None else None
