"""Copy: every version, delete marker, upload and part, each fact taken over as it is.

The target puts each version in its place in line, so that they may arrive in any order.
"""

from __future__ import annotations

from jobs.kinds import position as at
from jobs.kinds.base import Item, Outcome, Page
from jobs.kinds.migration.copying_large import (
    begin,
    complete,
    drop,
    enter_large,
    move_piece,
    pass_over,
    pieces_page,
)
from jobs.kinds.migration.copying_uploads import copy_part, copy_upload, parts_page, uploads_page
from jobs.kinds.migration.ground import GONE, Ground, Step, todo
from jobs.kinds.migration.keeping import refuse_lost_id
from jobs.kinds.migration.sides import is_copied, refuse_lost_lock
from jobs.kinds.migration.walking import after_versions, behind, fitting, next_versions, page_of
from jobs.kinds.position import Position, decode
from proxy.backends.base import ReaderBody
from proxy.backends.values import Deletion, NewObject, ObjectInfo
from proxy.errors import ObjectLocked

# -- pages ----------------------------------------------------------------------------------


def _page(ground: Ground, token: str | None) -> Page:
    position = decode(token)
    return _PAGES[position.section](ground, position)


def objects_page(ground: Ground, position: Position) -> Page:
    """The next versions; behind the last of them the uploads. Raises JobFailed."""
    if position.inside:
        return pieces_page(ground, position)
    found, ends = next_versions(ground, ground.source, position)
    taken = fitting(found, ground.limits)
    if taken:
        whole = ends and len(taken) == len(found)
        goes_on = after_versions(ground) if whole else behind(position, taken[-1])
        return page_of(ground, [_to_copy(ground, info) for info in taken], goes_on)
    if found:
        refuse_lost_id(ground, found[0])
        return enter_large(ground, position, found[0])
    return page_of(ground, [], after_versions(ground))


def _to_copy(ground: Ground, info: ObjectInfo) -> Item:
    """A delete marker has no more facts than its listing tells, and cannot be opened."""
    if not info.marker:
        refuse_lost_id(ground, info)
        return todo("object", info.key, info.size, version=info.version_id)
    return todo(
        "marker", info.key,
        version=info.version_id, ordinal=info.ordinal, modified=info.last_modified, owner=info.owner_id,
    )  # fmt: skip


_PAGES = {at.OBJECTS: objects_page, at.UPLOADS: uploads_page, at.PARTS: parts_page}


# -- effects --------------------------------------------------------------------------------


def _copy_object(ground: Ground, item: Item) -> Outcome:
    """What vanished behind our back is passed over: the verification looks at what is there."""
    with ground.work.effect():
        try:
            reader = ground.source.open(item.key, item.data["version"])
        except GONE:
            return Outcome(skipped=True)
        with reader:
            refuse_lost_lock(ground, reader.info)
            body = ReaderBody(reader, pulse=ground.work.pulse)
            try:
                ground.target.put(NewObject.copy_of(ground.carried(reader.info)), body)
            except ObjectLocked:
                if not is_copied(ground, reader.info):
                    raise
            return Outcome(size=reader.info.size)


def copy_marker(ground: Ground, item: Item) -> Outcome:
    """In its place in line, also in place of an object of the same id."""
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


COPY = Step(
    _page,
    {
        "object": _copy_object,
        "marker": copy_marker,
        "begin": begin,
        "piece": move_piece,
        "complete": complete,
        "there": pass_over,
        "drop": drop,
        "upload": copy_upload,
        "part": copy_part,
    },
)
