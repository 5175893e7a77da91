"""Copy: every object, every upload and every part, each fact taken over as it is."""

from __future__ import annotations

import hashlib

from jobs.errors import JobFailed
from jobs.kinds.base import Item, Outcome, Page
from jobs.kinds.migration import position as at
from jobs.kinds.migration.facts import object_difference
from jobs.kinds.migration.ground import MIB, MOST_PARTS, Ground, Limits, Step, todo
from jobs.kinds.migration.position import Position, decode
from jobs.kinds.migration.walking import all_parts, fitting, next_parts, page_of
from proxy.backends.base import ReaderBody
from proxy.backends.values import (
    NewObject,
    ObjectInfo,
    PartRequest,
    UploadInfo,
)
from proxy.errors import InvalidPart, NoSuchKey, NoSuchUpload


def part_bytes(size: int, limits: Limits) -> int:
    """The size of the pieces of a large object: whole MiB above the limit, at most 10,000 pieces."""
    least = -(-size // MOST_PARTS)
    return limits.part_bytes if least <= limits.part_bytes else -(-least // MIB) * MIB


def collecting_id(ground: Ground, info: ObjectInfo) -> str:
    """The upload in which a large object is put together: the same for each attempt at the same copy."""
    of = f"{ground.target_route.place.incarnation} {info.etag} {info.key}"
    return f"copy-{hashlib.sha256(of.encode()).hexdigest()[:40]}"


# -- pages ----------------------------------------------------------------------------------


def _page(ground: Ground, token: str | None) -> Page:
    position = decode(token)
    return _PAGES[position.section](ground, position)


def _objects_page(ground: Ground, position: Position) -> Page:
    if position.inside:
        return _pieces_page(ground, position)
    listing = ground.source.list(after=position.after, limit=ground.limits.page_items)
    taken = fitting(listing.objects, ground.limits)
    if taken:
        whole = len(taken) == len(listing.objects) and listing.last is None
        goes_on = Position(at.UPLOADS) if whole else position.past(taken[-1].key)
        return page_of(ground, [todo("object", info.key, info.size) for info in taken], goes_on)
    if listing.objects:
        return _enter_large(ground, position, listing.objects[0].key)
    return page_of(ground, [], Position(at.UPLOADS))


def _enter_large(ground: Ground, position: Position, key: str) -> Page:
    """Whole if its bytes need not move, else an upload on the target that collects its pieces."""
    try:
        reader = ground.source.open(key)
    except NoSuchKey:
        return page_of(ground, [], position.past(key))
    with reader:
        info = reader.info
        if ground.target.backend.can_link(reader):
            return page_of(ground, [todo("object", key, info.size)], position.past(key))
    if _is_there(ground, info):
        return page_of(ground, [todo("there", key, info.size)], position.past(key))
    upload_id = collecting_id(ground, info)
    inside = position.enter(key, upload=upload_id, etag=info.etag)
    return page_of(ground, [todo("begin", key, upload=upload_id, etag=info.etag)], inside)


def _pieces_page(ground: Ground, position: Position) -> Page:
    try:
        info = ground.source.head(position.inside)
    except NoSuchKey:
        raise JobFailed(f"{position.inside}: the object vanished while it was copied.", "NoSuchKey") from None
    if position.offset >= info.size:
        item = todo("complete", info.key, info.size, upload=position.upload, etag=position.etag)
        return page_of(ground, [item], position.past(info.key))
    length = part_bytes(info.size, ground.limits)
    items: list[Item] = []
    start = position.offset
    while start < info.size and (not items or start - position.offset < ground.limits.page_bytes):
        end = min(start + length, info.size)
        items.append(
            todo(
                "piece", info.key, end - start,
                upload=position.upload, etag=position.etag, number=start // length + 1, start=start, end=end,
            )
        )  # fmt: skip
        start = end
    return page_of(ground, items, position.at(start))


def _uploads_page(ground: Ground, position: Position) -> Page:
    listing = ground.source.list_uploads(
        after=(position.after, position.after_id), limit=ground.limits.page_items, finished=True
    )
    items = [todo("upload", upload.key, upload=upload.upload_id) for upload in listing.uploads]
    goes_on = Position(at.PARTS) if listing.last is None else position.past(*listing.last)
    return page_of(ground, items, goes_on)


def _parts_page(ground: Ground, position: Position) -> Page:
    taken, goes_on = next_parts(ground.source, position, ground.limits)
    items = [
        todo("part", upload.key, part.size, upload=upload.upload_id, number=part.number)
        for upload, part in taken
    ]
    return page_of(ground, items, goes_on)


_PAGES = {at.OBJECTS: _objects_page, at.UPLOADS: _uploads_page, at.PARTS: _parts_page}


# -- effects --------------------------------------------------------------------------------


def _copy_object(ground: Ground, item: Item) -> Outcome:
    """A key that vanished behind our back is passed over: the verification looks at what is there."""
    with ground.work.effect():
        try:
            reader = ground.source.open(item.key)
        except NoSuchKey:
            return Outcome(skipped=True)
        with reader:
            body = ReaderBody(reader, pulse=ground.work.pulse)
            ground.target.put(NewObject.copy_of(reader.info), body)
            return Outcome(size=reader.info.size)


def _begin(ground: Ground, item: Item) -> Outcome:
    info = ground.source.head(item.key)
    _same_as_begun(info, item.data["etag"])
    upload = UploadInfo(
        upload_id=item.data["upload"],
        key=item.key,
        initiated=ground.work.now_ms(),
        headers=info.headers,
        metadata=info.metadata,
        tags=info.tags,
        owner_id=info.owner_id,
    )
    with ground.work.effect():
        ground.target.create_upload(upload)
    return Outcome(objects=0)


def _copy_piece(ground: Ground, item: Item) -> Outcome:
    data = item.data
    with ground.work.effect(), ground.source.open(item.key) as reader:
        _same_as_begun(reader.info, data["etag"])
        body = ReaderBody(reader, data["start"], data["end"], pulse=ground.work.pulse)
        ground.target.put_part(data["upload"], data["number"], body)
    return Outcome(objects=0, size=item.size)


def _complete(ground: Ground, item: Item) -> Outcome:
    target, upload_id = ground.target, item.data["upload"]
    info = ground.source.head(item.key)
    _same_as_begun(info, item.data["etag"])
    with ground.work.effect():
        try:
            parts = [PartRequest(part.number, part.etag) for part in all_parts(target, upload_id)]
            target.complete_upload(upload_id, parts, carried=info)
        except NoSuchUpload:
            if not _is_there(ground, info):
                raise
    return Outcome()


def _same_as_begun(info: ObjectInfo, etag: str) -> None:
    if info.etag != etag:
        raise JobFailed(f"{info.key}: the object was replaced while it was copied.", "PreconditionFailed")


def _there(ground: Ground, item: Item) -> Outcome:
    """A walk before this one, whose cursor was lost, has copied it."""
    return Outcome(size=item.size)


def _is_there(ground: Ground, info: ObjectInfo) -> bool:
    """Whether an attempt before this one has completed the copy."""
    try:
        return object_difference(info, ground.target.head(info.key)) is None
    except NoSuchKey:
        return False


def _copy_upload(ground: Ground, item: Item) -> Outcome:
    with ground.work.effect():
        try:
            upload = ground.source.head_upload(item.data["upload"])
        except NoSuchUpload:
            return Outcome(objects=0, skipped=True)
        ground.target.create_upload(upload)
    return Outcome(objects=0)


def _copy_part(ground: Ground, item: Item) -> Outcome:
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


COPY = Step(
    _page,
    {
        "object": _copy_object,
        "begin": _begin,
        "piece": _copy_piece,
        "complete": _complete,
        "there": _there,
        "upload": _copy_upload,
        "part": _copy_part,
    },
)
