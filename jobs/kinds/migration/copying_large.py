"""The part of the copy that is about large objects: pieces, collected in an upload on the target."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable

from jobs.errors import JobFailed
from jobs.kinds.base import Item, Outcome, Page
from jobs.kinds.migration.ground import GONE, Ground, todo
from jobs.kinds.migration.sides import is_copied, refuse_lost_lock
from jobs.kinds.migration.walking import behind, page_of
from jobs.kinds.pieces import all_parts, collecting, copy_piece, page_of_pieces, piece_items
from jobs.kinds.position import Position
from proxy.backends.sealing.reader import is_locked
from proxy.backends.values import CURRENT, Amendment, ObjectInfo, PartRequest
from proxy.errors import NoSuchUpload


def collecting_id(ground: Ground, info: ObjectInfo, occasion: str = "") -> str:
    """The upload in which a large object is put together: the same for each attempt at the same copy.

    `occasion` sets apart copies of one version: what is complete is not put together again under the same id.
    """
    place = ground.target_route.place.incarnation
    of = f"{place} {occasion} {info.seq} {info.etag} {info.version_id} {info.key}"
    return f"copy-{hashlib.sha256(of.encode()).hexdigest()[:40]}"


def enter_large(ground: Ground, position: Position, listed: ObjectInfo, occasion: str = "") -> Page:
    """Whole if its bytes need not move, or nobody here could take them apart; else an upload on the target
    that collects its pieces."""
    key, version, past = listed.key, listed.version_id, behind(position, listed)
    try:
        reader = ground.source.open(key, version)
    except GONE:
        return page_of(ground, [], past)
    with reader:
        info = reader.info
        if ground.target.backend.can_link(reader) or is_locked(reader):
            return page_of(ground, [todo("object", key, info.size, version=version)], past)
    if is_copied(ground, info):
        return page_of(ground, [todo("there", key, info.size)], past)
    upload_id = collecting_id(ground, info, occasion)
    inside = position.enter(key, version, upload=upload_id, etag=info.etag)
    item = todo("begin", key, version=version, upload=upload_id, etag=info.etag)
    return page_of(ground, [item], inside)


def pieces_page(ground: Ground, position: Position) -> Page:
    """The next pieces, or the end of the object. Raises JobFailed if it is gone and nobody may write."""
    key, version = position.inside, position.inside_id
    try:
        info = ground.source.head(key, version)
        if ground.writable:
            _same_as_begun(info, position.etag)
            _require_in_sight(ground, info)
    except Replaced:
        return _drop_page(ground, position)
    except GONE:
        if ground.writable:
            return _drop_page(ground, position)
        raise JobFailed(f"{key}: the object vanished while it was copied.", "NoSuchKey") from None
    same = {"version": version, "upload": position.upload, "etag": position.etag}
    if position.offset >= info.size:
        return page_of(ground, [todo("complete", key, info.size, **same)], position.past(key, version))
    taken = page_of_pieces(info, position.offset, ground.limits, ground.target.backend.least_part_bytes)
    return page_of(ground, piece_items(key, taken, **same), position.at(taken[-1][1].end))


def _drop_page(ground: Ground, position: Position) -> Page:
    item = todo("drop", position.inside, upload=position.upload)
    return page_of(ground, [item], position.past(position.inside, position.inside_id))


Does = Callable[[Ground, Item], Outcome]


def _unless_moved_on(does: Does) -> Does:
    """While clients write, an object that is another one by now, or gone, is passed over.

    Then the next page drops what there is of its copy. Else JobFailed or S3Error are raised.
    """

    @functools.wraps(does)
    def tolerant(ground: Ground, item: Item) -> Outcome:
        try:
            return does(ground, item)
        except (*GONE, NoSuchUpload, Replaced):
            if not ground.writable:
                raise
            return Outcome(objects=0, skipped=True)

    return tolerant


class Replaced(JobFailed):
    """The object is not the one whose copy was begun."""


@_unless_moved_on
def begin(ground: Ground, item: Item) -> Outcome:
    """Open the upload that collects. Raises JobFailed if the object is another one by now, or locked."""
    found = _as_begun(ground, item)
    refuse_lost_lock(ground, found)
    upload = collecting(item.data["upload"], ground.carried(found), ground.work.now_ms())
    with ground.work.effect():
        ground.target.create_upload(upload)
    return Outcome(objects=0)


@_unless_moved_on
def move_piece(ground: Ground, item: Item) -> Outcome:
    """Raises JobFailed if the object is another one by now."""
    with ground.work.effect(), ground.source.open(item.key, item.data["version"]) as reader:
        _same_as_begun(reader.info, item.data["etag"])
        return copy_piece(reader, ground.target, item, ground.work.pulse)


@_unless_moved_on
def complete(ground: Ground, item: Item) -> Outcome:
    """Make the version of its pieces. Raises JobFailed if the object is another one by now."""
    target, upload_id = ground.target, item.data["upload"]
    info = _as_begun(ground, item)
    if ground.writable:
        _require_in_sight(ground, info)
    with ground.work.effect():
        try:
            parts = [PartRequest(part.number, part.etag) for part in all_parts(target, upload_id)]
            copy = ground.carried(info)
            made = target.complete_upload(upload_id, parts, version_id=copy.version_id, carried=copy)
            if (made.tags, made.acl) != (copy.tags, copy.acl):  # (they were changed since it was begun)
                target.amend(copy.key, copy.version_id, Amendment(tags=copy.tags, acl=copy.acl))
        except NoSuchUpload:
            if not is_copied(ground, info):
                raise
    return Outcome()


def _as_begun(ground: Ground, item: Item) -> ObjectInfo:
    info = ground.source.head(item.key, item.data["version"])
    _same_as_begun(info, item.data["etag"])
    return info


def _same_as_begun(info: ObjectInfo, etag: str) -> None:
    if info.etag != etag:
        raise Replaced(f"{info.key}: the object was replaced while it was copied.", "PreconditionFailed")


def _require_in_sight(ground: Ground, info: ObjectInfo) -> None:
    """Where only what a GET finds is copied: raises Replaced, NoSuchKey if it finds another version by now.

    That one may have been copied while this one was on its way.
    """
    if not ground.keeps_versions and ground.source.head(info.key, CURRENT).version_id != info.version_id:
        raise Replaced(f"{info.key}: another version came into sight.", "PreconditionFailed")


def pass_over(ground: Ground, item: Item) -> Outcome:
    """A walk before this one, whose cursor was lost, has copied it."""
    return Outcome(size=item.size)


def drop(ground: Ground, item: Item) -> Outcome:
    """Remove an upload of the target, if it is there: nothing comes of it."""
    with ground.work.effect():
        try:
            ground.target.abort_upload(item.data["upload"])
        except NoSuchUpload:
            pass
    return Outcome(objects=0, skipped=True)
