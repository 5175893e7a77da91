"""Renewing multipart uploads: their changes are in no feed, so both sides are compared, upload by upload.

Done once while clients write, with all parts read back, it leaves little for when the gate is closed.
"""

from __future__ import annotations

from jobs.errors import JobFailed
from jobs.kinds import position as at
from jobs.kinds.base import Item, Outcome, Page
from jobs.kinds.migration.facts import part_difference, upload_difference
from jobs.kinds.migration.ground import Ground, todo
from jobs.kinds.migration.verifying_uploads import find_upload, verify_part
from jobs.kinds.migration.walking import next_parts, page_of
from jobs.kinds.position import Position
from proxy.backends.base import ReaderBody
from proxy.backends.values import PartInfo
from proxy.errors import BadDigest, InvalidPart, NoSuchUpload
from proxy.store import Store

CLOCK_MARGIN_MS = 3_600_000
"""By so much a clock may have been set back between two parts of which one is taken for the older."""


def uploads_page(ground: Ground, position: Position) -> Page:
    """Every upload of the source, finished ones too."""
    listing = ground.source.list_uploads(
        after=(position.after, position.after_id), limit=ground.limits.page_items, finished=True
    )
    items = [todo("renew upload", upload.key, upload=upload.upload_id) for upload in listing.uploads]
    goes_on = Position(at.PARTS) if listing.last is None else position.past(*listing.last)
    return page_of(ground, items, goes_on)


def parts_page(ground: Ground, position: Position) -> Page:
    """Every part of the open ones. Read back are those that were not when `parts_ms` was noted."""
    taken, goes_on = next_parts(ground.source, position, ground.limits)
    since = int(ground.work.state.get("parts_ms", 0)) - CLOCK_MARGIN_MS
    items = [
        todo(
            "renew part", upload.key, part.size,
            upload=upload.upload_id, number=part.number, etag=part.etag, proves=part.last_modified >= since,
        )
        for upload, part in taken
    ]  # fmt: skip
    return page_of(ground, items, goes_on)


def extras_page(ground: Ground, position: Position) -> Page:
    """Open uploads that only the target has: the clients' that ended meanwhile, and our own."""
    listing = ground.target.list_uploads(
        after=(position.after, position.after_id), limit=ground.limits.page_items
    )
    items = [
        todo("drop", upload.key, upload=upload.upload_id)
        for upload in listing.uploads
        if (theirs := find_upload(ground.source, upload.upload_id)) is None or theirs.completed is not None
    ]
    return page_of(ground, items, None if listing.last is None else position.past(*listing.last))


def renew_upload(ground: Ground, item: Item) -> Outcome:
    """Under the same id and with the same facts; one that ended meanwhile is replaced by its memory."""
    upload_id = item.data["upload"]
    with ground.work.effect():
        upload = find_upload(ground.source, upload_id)
        if upload is None:
            return Outcome(objects=0, skipped=True)
        wanted, there = ground.carried_upload(upload), find_upload(ground.target, upload_id)
        if there is not None and upload_difference(wanted, there) is None:
            return Outcome(objects=0)
        if there is not None and there.completed is None:
            ground.target.abort_upload(upload_id)
        ground.target.create_upload(wanted)
    return Outcome(objects=0)


def renew_part(ground: Ground, item: Item) -> Outcome:
    """Copy a part if it is another one than the target's, and read it back. Raises JobFailed, S3Error."""
    upload_id, number = item.data["upload"], item.data["number"]
    with ground.work.effect():
        try:
            copied = _copy_part(ground, upload_id, number)
        except (NoSuchUpload, InvalidPart, BadDigest):
            if not ground.writable:
                raise
            return Outcome(objects=0, skipped=True)
    if copied or item.data["proves"]:
        _prove_part(ground, item)
    return Outcome(objects=0)


def _copy_part(ground: Ground, upload_id: str, number: int) -> bool:
    theirs, ours = _part(ground.source, upload_id, number), _part(ground.target, upload_id, number)
    if theirs is None:
        raise InvalidPart()
    if ours is not None and part_difference(theirs, ours) is None:
        return False
    with ground.source.open_part(upload_id, number) as reader:
        body = ReaderBody(reader, pulse=ground.work.pulse)
        ground.target.put_part(upload_id, number, body, carried=theirs)
    return True


def _part(store: Store, upload_id: str, number: int) -> PartInfo | None:
    """Raises NoSuchUpload."""
    parts, _ = store.list_parts(upload_id, after=number - 1, limit=1)
    return next((part for part in parts if part.number == number), None)


def _prove_part(ground: Ground, item: Item) -> None:
    """As the verification does; while clients write, a part that was sent anew is no difference."""
    try:
        verify_part(ground, item)
    except JobFailed:
        if not (ground.writable and _was_sent_anew(ground, item)):
            raise


def _was_sent_anew(ground: Ground, item: Item) -> bool:
    try:
        there = _part(ground.source, item.data["upload"], item.data["number"])
    except NoSuchUpload:
        return True
    return there is None or there.etag != item.data["etag"]
