"""Large objects go over in pieces, which an upload at the destination collects: a slice can end inside one.

The notes say which objects wait, and of the first how far it is. It is looked at again with each page: if the
source has another object by now, the upload is given up and begins anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from jobs.kinds.base import Item, Outcome
from jobs.kinds.pieces import (
    all_parts,
    bounded,
    collecting,
    copy_piece,
    page_of_pieces,
    piece_items,
    uploads_left,
)
from jobs.kinds.replicas.target import Seen, Target, look
from jobs.kinds.replication.deciding import Act, Decision, decide, decide_changed
from jobs.kinds.replication.ground import Ground
from jobs.kinds.replication.grouping import Wanted, item_of
from jobs.kinds.steps import todo
from proxy.backends.sealing.reader import is_locked
from proxy.backends.values import ObjectInfo, PartRequest
from proxy.errors import IncompleteBody, NoSuchKey, NoSuchUpload
from proxy.store import Store

_TRIES = 3
"""How often the end of one object is tried, before it is left to the next walk."""

_TRIES_FOR_FACTS = 2
"""The second is the end of the first copy: where only metadata, headers or tags differ there is no other."""

Entry = dict[str, Any]


def large_items(ground: Ground) -> Sequence[Item]:
    """The next step of the first large object that waits; nothing if none does."""
    waiting = ground.notes.large
    while waiting:
        items = _steps(ground, waiting[0])
        if items:
            return items
        waiting.pop(0)
    return ()


def _steps(ground: Ground, entry: Entry) -> Sequence[Item]:
    """What comes next for an object; nothing if it is done with."""
    spec = ground.spec
    info = look(ground.source, spec.source.key(entry["key"]))
    there = look(ground.destination, spec.destination.key(entry["key"]))
    if _mark(info) != entry.get("mark"):
        left = _given_up(ground, entry)
        entry.update(mark=_mark(info), tried=0)
        if left:
            return left
    if info is None:
        return _vanished(ground, entry, there)
    changed = entry.get("changed", False) and entry["tried"] < _TRIES_FOR_FACTS
    if _decided(ground, info, there, changed).act is not Act.COPY or entry["tried"] >= _TRIES:
        return _given_up(ground, entry)
    return _in_pieces(ground, entry, info) if entry.get("upload") else _first(ground, entry, info)


def _given_up(ground: Ground, entry: Entry) -> Sequence[Item]:
    """What is left to do for an upload that is not needed any more."""
    upload_id = entry.pop("upload", None)
    if not upload_id or not _is_open(ground.destination, upload_id):
        return ()
    return [todo("abort", ground.spec.source.key(entry["key"]), upload=upload_id)]


def _vanished(ground: Ground, entry: Entry, there: ObjectInfo | None) -> Sequence[Item]:
    """The source has none any more: whether the destination's goes too is decided as for any key."""
    if there is None or not ground.spec.deletes or entry["tried"]:
        return ()
    entry["tried"] = 1
    return [item_of(ground.spec.source.prefix, [Wanted(entry["key"])])]


def _first(ground: Ground, entry: Entry, info: ObjectInfo) -> Sequence[Item]:
    """Whole if its bytes need not move, or nobody here could take them apart; else an upload."""
    whole = info.size <= ground.limits.large_bytes or _goes_whole(ground, info)
    if whole:
        entry["tried"] = _TRIES
        wanted = Wanted(entry["key"], info.size, changed=entry.get("changed", False))
        return [item_of(ground.spec.source.prefix, [wanted])]
    entry.update(upload=_upload_id(ground, info), offset=0, tried=entry["tried"] + 1)
    entry["piece"] = ground.limits.part_bytes  # of all pieces, also if the bandwidth is another by then
    return [todo("begin", info.key, upload=entry["upload"], mark=entry["mark"], relative=entry["key"])]


def _goes_whole(ground: Ground, info: ObjectInfo) -> bool:
    """Also if it is gone or another one by now, which whoever copies it finds out."""
    try:
        with ground.source.open(info.key) as reader:
            return ground.destination.backend.can_link(reader) or is_locked(reader)
    except NoSuchKey:
        return True


def _in_pieces(ground: Ground, entry: Entry, info: ObjectInfo) -> Sequence[Item]:
    same = {"upload": entry["upload"], "mark": entry["mark"]}
    store = ground.destination
    if entry["offset"] < info.size:
        limits = replace(ground.limits, part_bytes=entry["piece"])
        taken = page_of_pieces(bounded(info, limits), entry["offset"], limits, store.backend.least_part_bytes)
        entry["offset"] = taken[-1][1].end
        return piece_items(info.key, taken, **same)
    entry["tried"] += 1
    if sum(part.size for part in all_parts(store, entry["upload"])) != info.size:
        entry["offset"] = 0  # a piece could not be written, or somebody took the upload away
        return [todo("begin", info.key, **same, relative=entry["key"])]
    changed = entry.get("changed", False)
    return [todo("complete", info.key, info.size, **same, relative=entry["key"], changed=changed)]


def _decided(ground: Ground, info: ObjectInfo, there: ObjectInfo | None, changed: bool) -> Decision:
    """`changed`: metadata, headers and tags count as well."""
    by_facts = decide_changed if changed else decide
    return by_facts(info, there, ground.spec.conflict, deletes=False)


# -- effects: of an object that is another one by now they do nothing, and the next page looks again ------

_NOTHING = Outcome(objects=0)


def begin(ground: Ground, item: Item) -> Outcome:
    """Open the upload that collects."""
    info = _as_begun(ground, item)
    if info is None:
        return _NOTHING
    with ground.work.writing(ground.spec.destination.bucket) as bucket:
        target, now_ms = Target.of(bucket), ground.work.now_ms()
        copy = target.carried(info, ground.spec.destination.key(item.data["relative"]), now_ms)
        target.store.create_upload(replace(collecting(item.data["upload"], copy, now_ms), carried=copy))
    return _NOTHING


def write_piece(ground: Ground, item: Item) -> Outcome:
    """Raises BadDigest, NoSuchUpload."""
    with ground.work.writing(ground.spec.destination.bucket) as bucket:
        try:
            reader = ground.source.open(item.key)
        except NoSuchKey:
            return _NOTHING
        with reader:
            if _mark(reader.info) != item.data["mark"]:
                return _NOTHING
            return copy_piece(reader, Target.of(bucket).store, item, ground.pacing.begin(item.size))


def complete(ground: Ground, item: Item) -> Outcome:
    """Make the replica of its pieces, if the destination still wants it. Raises PreconditionFailed."""
    info, spec = _as_begun(ground, item), ground.spec
    if info is None:
        return _NOTHING
    key, upload_id = spec.destination.key(item.data["relative"]), item.data["upload"]
    with ground.work.writing(spec.destination.bucket) as bucket:
        target = Target.of(bucket)
        seen = Seen(target.look(key))
        if _decided(ground, info, seen.info, item.data["changed"]).act is not Act.COPY:
            return Outcome(left=1)
        parts = list(all_parts(target.store, upload_id))
        if sum(part.size for part in parts) != info.size:
            raise IncompleteBody(f"{len(parts)} pieces were written, and not all that there are.")
        asked = [PartRequest(part.number, part.etag) for part in parts]
        copy = target.carried(info, key, ground.work.now_ms())
        seen.hold(
            lambda when: target.store.complete_upload(
                upload_id, asked, when, version_id=copy.version_id, carried=copy, newest=True
            )
        )
    return Outcome()


def abort(ground: Ground, item: Item) -> Outcome:
    """The upload is not needed any more; one that is gone already is no error."""
    with ground.work.writing(ground.spec.destination.bucket) as bucket:
        try:
            Target.of(bucket).store.abort_upload(item.data["upload"])
        except NoSuchUpload:
            pass
    return _NOTHING


def leftovers(ground: Ground) -> list[Item]:
    """Uploads of this rule at the destination of which the notes know nothing any more."""
    known = {entry.get("upload") for entry in ground.notes.large}
    left = uploads_left(ground.destination, ground.spec.destination.prefix, _own(ground))
    return [
        todo("abort", upload.key, upload=upload.upload_id) for upload in left if upload.upload_id not in known
    ]


# -- the pieces -----------------------------------------------------------------------------


def _is_open(store: Store, upload_id: str) -> bool:
    try:
        return store.head_upload(upload_id).completed is None
    except NoSuchUpload:
        return False


def _is_finished(store: Store, upload_id: str) -> bool:
    """Such a one is remembered for a day, and takes no more pieces."""
    try:
        return store.head_upload(upload_id).completed is not None
    except NoSuchUpload:
        return False


def _own(ground: Ground) -> str:
    """What the ids of this rule's uploads begin with."""
    return f"replica-{ground.work.job_id}-"


def _upload_id(ground: Ground, info: ObjectInfo) -> str:
    """The same for each attempt at the same copy; another for the same copy made once more."""
    store = ground.destination
    for number in count():
        of = f"{store.place.incarnation} {_mark(info)} {info.key} {number}"
        upload_id = _own(ground) + hashlib.sha256(of.encode()).hexdigest()[:40]
        if not _is_finished(store, upload_id):
            break
    return upload_id


def _mark(info: ObjectInfo | None) -> str:
    """Which object it is, as far as its facts tell."""
    return "" if info is None else f"{info.etag} {info.size} {info.last_modified}"


def _as_begun(ground: Ground, item: Item) -> ObjectInfo | None:
    """None if the source has another one by now, or none."""
    info = look(ground.source, item.key)
    return info if _mark(info) == item.data["mark"] else None
