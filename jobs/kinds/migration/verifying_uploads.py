"""The part of the verification that is about multipart uploads and their parts.

The memory of finished uploads fades after a day on either side, so one that only the target
still remembers is no difference; an open one that only the target has is.
"""

from __future__ import annotations

from itertools import zip_longest

from jobs.kinds import position as at
from jobs.kinds.base import Item, Outcome, Page
from jobs.kinds.migration.facts import part_difference, upload_difference
from jobs.kinds.migration.ground import Ground, todo
from jobs.kinds.migration.proving import differs, prove_locked, prove_md5, prove_same
from jobs.kinds.migration.sides import parts_are_lost
from jobs.kinds.migration.walking import next_parts, page_of
from jobs.kinds.pieces import Span, all_parts, is_md5
from jobs.kinds.position import Position
from proxy.backends.sealing.reader import is_locked
from proxy.backends.values import UploadInfo
from proxy.errors import InvalidPart, NoSuchUpload
from proxy.store import Store


def uploads_page(ground: Ground, position: Position) -> Page:
    """Every upload of the source: its facts, and the list of its parts."""
    listing = ground.source.list_uploads(
        after=(position.after, position.after_id), limit=ground.limits.page_items, finished=True
    )
    items = [todo("upload", upload.key, upload=upload.upload_id) for upload in listing.uploads]
    goes_on = Position(at.EXTRAS) if listing.last is None else position.past(*listing.last)
    return page_of(ground, items, goes_on)


def extras_page(ground: Ground, position: Position) -> Page:
    """Every open upload of the target: the source must have it. Raises JobFailed."""
    listing = ground.target.list_uploads(
        after=(position.after, position.after_id), limit=ground.limits.page_items
    )
    for upload in listing.uploads:
        if find_upload(ground.source, upload.upload_id) is None:
            raise differs(_named(upload.key, upload.upload_id), "the source has no such upload")
    goes_on = Position(at.PARTS) if listing.last is None else position.past(*listing.last)
    return page_of(ground, [], goes_on)


def parts_page(ground: Ground, position: Position) -> Page:
    """Every part of an open upload: its bytes."""
    if not ground.source.backend.reads_parts:
        return page_of(ground, [], None)
    taken, goes_on = next_parts(ground.source, position, ground.limits)
    items = [
        todo("part", upload.key, part.size, upload=upload.upload_id, number=part.number, etag=part.etag)
        for upload, part in taken
    ]
    return page_of(ground, items, goes_on)


def verify_upload(ground: Ground, item: Item) -> Outcome:
    """Raises JobFailed unless both sides have the upload, with the same facts and parts."""
    upload_id = item.data["upload"]
    what = _named(item.key, upload_id)
    target, source = find_upload(ground.target, upload_id), find_upload(ground.source, upload_id)
    if source is None:
        return Outcome(objects=0, skipped=True)
    if target is None and parts_are_lost(ground.source, source):
        return Outcome(objects=0, skipped=True)
    if target is None:
        raise differs(what, "the target has no such upload")
    difference = upload_difference(ground.carried_upload(source), target)
    if difference is not None:
        raise differs(what, difference)
    if source.completed is None:
        _same_parts(ground, upload_id, what)
    return Outcome(objects=0)


def _same_parts(ground: Ground, upload_id: str, what: str) -> None:
    both = zip_longest(all_parts(ground.source, upload_id), all_parts(ground.target, upload_id))
    for theirs, ours in both:
        if ours is None or theirs is None:
            number = (ours or theirs).number
            raise differs(what, f"part {number} is not on both sides")
        difference = part_difference(theirs, ours)
        if difference is not None:
            raise differs(what, f"part {theirs.number}: {difference}")


def verify_part(ground: Ground, item: Item) -> Outcome:
    """Raises JobFailed unless the bytes of a part are those that its ETag, or the source, tells.

    On a target that gives parts back to nobody its ETag, which was compared, must do.
    """
    if ground.target.backend.confirms_copies or not ground.target.backend.reads_parts:
        return Outcome(objects=0)
    upload_id, number, etag = item.data["upload"], item.data["number"], item.data["etag"]
    what = f"{_named(item.key, upload_id)}, part {number}"
    try:
        with ground.target.open_part(upload_id, number) as target:
            if is_locked(target):
                with ground.source.open_part(upload_id, number) as source:
                    prove_locked(ground, target, source, what)
            elif is_md5(etag):
                prove_md5(ground, target, Span(0, item.size, etag), what)
            else:
                with ground.source.open_part(upload_id, number) as source:
                    prove_same(ground, target, source, Span(0, item.size), what)
    except (NoSuchUpload, InvalidPart):
        raise differs(what, "it is not on both sides") from None
    return Outcome(objects=0)


def find_upload(store: Store, upload_id: str) -> UploadInfo | None:
    """None if there is no such upload, open or finished."""
    try:
        return store.head_upload(upload_id)
    except NoSuchUpload:
        return None


def _named(key: str, upload_id: str) -> str:
    return f"{key} (upload {upload_id})"
