"""Copy: every version, delete marker, upload and part, each fact taken over as it is.

The target puts each version in its place in line, so that they may arrive in any order.
"""

from __future__ import annotations

import hashlib

from jobs.errors import JobFailed
from jobs.kinds.base import Item, Outcome, Page
from jobs.kinds.migration import position as at
from jobs.kinds.migration.facts import object_difference
from jobs.kinds.migration.ground import GONE, MIB, MOST_PARTS, Ground, Limits, Step, todo
from jobs.kinds.migration.keeping import VERSIONS
from jobs.kinds.migration.position import Position, decode
from jobs.kinds.migration.walking import (
    after_versions,
    all_parts,
    behind,
    fitting,
    next_parts,
    next_versions,
    page_of,
)
from proxy.backends.base import ReaderBody
from proxy.backends.values import (
    NULL_VERSION,
    Deletion,
    NewObject,
    ObjectInfo,
    PartRequest,
    UploadInfo,
)
from proxy.errors import InvalidPart, NoSuchUpload, ObjectLocked


def part_bytes(size: int, limits: Limits) -> int:
    """The size of the pieces of a large object: whole MiB above the limit, at most 10,000 pieces."""
    least = -(-size // MOST_PARTS)
    return limits.part_bytes if least <= limits.part_bytes else -(-least // MIB) * MIB


def collecting_id(ground: Ground, info: ObjectInfo) -> str:
    """The upload in which a large object is put together: the same for each attempt at the same copy."""
    of = f"{ground.target_route.place.incarnation} {info.etag} {info.version_id} {info.key}"
    return f"copy-{hashlib.sha256(of.encode()).hexdigest()[:40]}"


# -- pages ----------------------------------------------------------------------------------


def _page(ground: Ground, token: str | None) -> Page:
    position = decode(token)
    return _PAGES[position.section](ground, position)


def _objects_page(ground: Ground, position: Position) -> Page:
    if position.inside:
        return _pieces_page(ground, position)
    found, ends = next_versions(ground, ground.source, position)
    taken = fitting(found, ground.limits)
    if taken:
        whole = ends and len(taken) == len(found)
        goes_on = after_versions(ground) if whole else behind(position, taken[-1])
        return page_of(ground, [_to_copy(ground, info) for info in taken], goes_on)
    if found:
        return _enter_large(ground, position, found[0])
    return page_of(ground, [], after_versions(ground))


def _to_copy(ground: Ground, info: ObjectInfo) -> Item:
    """A delete marker has no more facts than its listing tells, and cannot be opened."""
    if not info.marker:
        _may_lose_its_id(ground, info)
        return todo("object", info.key, info.size, version=info.version_id)
    return todo(
        "marker", info.key,
        version=info.version_id, ordinal=info.ordinal, modified=info.last_modified, owner=info.owner_id,
    )  # fmt: skip


def _may_lose_its_id(ground: Ground, info: ObjectInfo) -> None:
    dropped = VERSIONS in ground.work.spec.get("drop", ())
    if not (ground.keeps_versions or dropped or info.version_id == NULL_VERSION):
        text = f"{info.key}: {ground.target_route.backend} cannot keep the version id {info.version_id}."
        raise JobFailed(text, "TargetCannotKeep")


def _enter_large(ground: Ground, position: Position, listed: ObjectInfo) -> Page:
    """Whole if its bytes need not move, else an upload on the target that collects its pieces."""
    _may_lose_its_id(ground, listed)
    key, version, past = listed.key, listed.version_id, behind(position, listed)
    try:
        reader = ground.source.open(key, version)
    except GONE:
        return page_of(ground, [], past)
    with reader:
        info = reader.info
        if ground.target.backend.can_link(reader):
            return page_of(ground, [todo("object", key, info.size, version=version)], past)
    if _is_there(ground, info):
        return page_of(ground, [todo("there", key, info.size)], past)
    upload_id = collecting_id(ground, info)
    inside = position.enter(key, version, upload=upload_id, etag=info.etag)
    begin = todo("begin", key, version=version, upload=upload_id, etag=info.etag)
    return page_of(ground, [begin], inside)


def _pieces_page(ground: Ground, position: Position) -> Page:
    key, version = position.inside, position.inside_id
    try:
        info = ground.source.head(key, version)
    except GONE:
        raise JobFailed(f"{key}: the object vanished while it was copied.", "NoSuchKey") from None
    same = {"version": version, "upload": position.upload, "etag": position.etag}
    if position.offset >= info.size:
        return page_of(ground, [todo("complete", key, info.size, **same)], position.past(key, version))
    length = part_bytes(info.size, ground.limits)
    items: list[Item] = []
    start = position.offset
    while start < info.size and (not items or start - position.offset < ground.limits.page_bytes):
        end = min(start + length, info.size)
        items.append(
            todo("piece", key, end - start, **same, number=start // length + 1, start=start, end=end)
        )
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
    """What vanished behind our back is passed over: the verification looks at what is there."""
    with ground.work.effect():
        try:
            reader = ground.source.open(item.key, item.data["version"])
        except GONE:
            return Outcome(skipped=True)
        with reader:
            body = ReaderBody(reader, pulse=ground.work.pulse)
            try:
                ground.target.put(NewObject.copy_of(ground.carried(reader.info)), body)
            except ObjectLocked:
                if not _is_there(ground, reader.info):
                    raise
            return Outcome(size=reader.info.size)


def _copy_marker(ground: Ground, item: Item) -> Outcome:
    data = item.data
    info = ObjectInfo(
        key=item.key,
        size=0,
        etag="",
        last_modified=data["modified"],
        owner_id=data["owner"],
        version_id=data["version"],
        ordinal=data["ordinal"],
        marker=True,
    )
    with ground.work.effect():
        ground.target.delete(Deletion(item.key, info.version_id, marker=True, carried=info))
    return Outcome()


def _begin(ground: Ground, item: Item) -> Outcome:
    info = ground.carried(_as_begun(ground, item))
    upload = UploadInfo(
        upload_id=item.data["upload"],
        key=item.key,
        initiated=ground.work.now_ms(),
        headers=info.headers,
        metadata=info.metadata,
        tags=info.tags,
        owner_id=info.owner_id,
        lock=info.lock,
        acl=info.acl,
    )
    with ground.work.effect():
        ground.target.create_upload(upload)
    return Outcome(objects=0)


def _copy_piece(ground: Ground, item: Item) -> Outcome:
    data = item.data
    with ground.work.effect(), ground.source.open(item.key, data["version"]) as reader:
        _same_as_begun(reader.info, data["etag"])
        body = ReaderBody(reader, data["start"], data["end"], pulse=ground.work.pulse)
        ground.target.put_part(data["upload"], data["number"], body)
    return Outcome(objects=0, size=item.size)


def _complete(ground: Ground, item: Item) -> Outcome:
    target, upload_id = ground.target, item.data["upload"]
    info = _as_begun(ground, item)
    with ground.work.effect():
        try:
            parts = [PartRequest(part.number, part.etag) for part in all_parts(target, upload_id)]
            copy = ground.carried(info)
            target.complete_upload(upload_id, parts, version_id=copy.version_id, carried=copy)
        except (NoSuchUpload, ObjectLocked):
            if not _is_there(ground, info):
                raise
    return Outcome()


def _as_begun(ground: Ground, item: Item) -> ObjectInfo:
    info = ground.source.head(item.key, item.data["version"])
    _same_as_begun(info, item.data["etag"])
    return info


def _same_as_begun(info: ObjectInfo, etag: str) -> None:
    if info.etag != etag:
        raise JobFailed(f"{info.key}: the object was replaced while it was copied.", "PreconditionFailed")


def _there(ground: Ground, item: Item) -> Outcome:
    """A walk before this one, whose cursor was lost, has copied it."""
    return Outcome(size=item.size)


def _is_there(ground: Ground, info: ObjectInfo) -> bool:
    """Whether an attempt before this one has completed the copy of a version of the source."""
    copy = ground.carried(info)
    try:
        return object_difference(copy, ground.target.head(copy.key, copy.version_id)) is None
    except GONE:
        return False


def _copy_upload(ground: Ground, item: Item) -> Outcome:
    with ground.work.effect():
        try:
            upload = ground.source.head_upload(item.data["upload"])
        except NoSuchUpload:
            return Outcome(objects=0, skipped=True)
        ground.target.create_upload(ground.carried_upload(upload))
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
        "marker": _copy_marker,
        "begin": _begin,
        "piece": _copy_piece,
        "complete": _complete,
        "there": _there,
        "upload": _copy_upload,
        "part": _copy_part,
    },
)
