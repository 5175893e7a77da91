"""The part of the copy that is about multipart uploads and their parts."""

from __future__ import annotations

from jobs.errors import JobFailed
from jobs.kinds import position as at
from jobs.kinds.base import Item, Outcome, Page
from jobs.kinds.migration.ground import Ground, todo
from jobs.kinds.migration.keeping import UPLOADS
from jobs.kinds.migration.sides import parts_are_lost
from jobs.kinds.migration.walking import next_parts, page_of
from jobs.kinds.position import Position
from proxy.backends.base import ReaderBody
from proxy.errors import InvalidPart, NoSuchUpload


def uploads_page(ground: Ground, position: Position) -> Page:
    """Every upload, finished ones too."""
    listing = ground.source.list_uploads(
        after=(position.after, position.after_id), limit=ground.limits.page_items, finished=True
    )
    items = [todo("upload", upload.key, upload=upload.upload_id) for upload in listing.uploads]
    goes_on = Position(at.PARTS) if listing.last is None else position.past(*listing.last)
    return page_of(ground, items, goes_on)


def parts_page(ground: Ground, position: Position) -> Page:
    """Every part of the open ones that can be read."""
    if not ground.source.backend.reads_parts:
        return page_of(ground, [], None)
    taken, goes_on = next_parts(ground.source, position, ground.limits)
    items = [
        todo("part", upload.key, part.size, upload=upload.upload_id, number=part.number)
        for upload, part in taken
    ]
    return page_of(ground, items, goes_on)


def copy_upload(ground: Ground, item: Item) -> Outcome:
    """Under the same id; one that is gone by now is passed over, and one whose parts cannot be read.

    Raises JobFailed if nobody allowed that such a one is lost.
    """
    with ground.work.effect():
        try:
            upload = ground.source.head_upload(item.data["upload"])
        except NoSuchUpload:
            return Outcome(objects=0, skipped=True)
        if parts_are_lost(ground.source, upload):
            if UPLOADS not in ground.work.spec.get("drop", ()):
                raise JobFailed(
                    f"{item.key}: the parts of an open upload cannot be read.", "SourceCannotRead"
                )
            return Outcome(objects=0, skipped=True)
        ground.target.create_upload(ground.carried_upload(upload))
    return Outcome(objects=0)


def copy_part(ground: Ground, item: Item) -> Outcome:
    """One that is gone by now is passed over."""
    upload_id, number = item.data["upload"], item.data["number"]
    with ground.work.effect():
        try:
            parts, _ = ground.source.list_parts(upload_id, after=number - 1, limit=1)
            reader = ground.source.open_part(upload_id, number)
        except (NoSuchUpload, InvalidPart):
            return Outcome(objects=0, skipped=True)
        with reader:
            body = ReaderBody(reader, pulse=ground.work.pulse)
            ground.target.put_part(upload_id, number, body, carried=parts[0])
    return Outcome(objects=0)
