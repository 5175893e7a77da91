"""Large bodies: written again in pieces, which an upload in the same place collects.

A slice can so end inside an object. The object stays as it was until the upload is complete.
"""

from __future__ import annotations

import hashlib

from jobs.kinds.base import Item, Outcome, Page
from jobs.kinds.pieces import GONE, all_parts, collecting, copy_piece, page_of_pieces, piece_items
from jobs.kinds.position import Position
from jobs.kinds.reencryption.ground import Ground
from jobs.kinds.steps import todo
from proxy.backends.seals import SealEntry
from proxy.backends.values import ALWAYS, ObjectInfo, PartRequest, Precondition
from proxy.errors import IncompleteBody, PreconditionFailed


def unchanged(info: ObjectInfo) -> Precondition:
    """Holds while the current version is this one; of an older one a write says nothing else."""
    return Precondition(etags=(info.etag,), seq_at_most=info.seq) if info.latest else ALWAYS


def enter_large(ground: Ground, position: Position, entry: SealEntry) -> Page:
    """The upload that will collect its pieces."""
    of = f"{ground.route.place.incarnation} {entry.etag} {entry.version_id} {entry.key}"
    upload_id = ground.collects + hashlib.sha256(of.encode()).hexdigest()[:40]
    try:
        info = ground.store.head(entry.key, entry.version_id)
    except GONE:
        return ground.page([], position.past(entry.key, entry.version_id))
    inside = position.enter(entry.key, entry.version_id, upload=upload_id, etag=info.etag)
    item = todo("begin", entry.key, version=entry.version_id, upload=upload_id, etag=info.etag)
    return ground.page([item], inside)


def pieces_page(ground: Ground, position: Position) -> Page:
    """The next pieces, or the end of the object."""
    key, version = position.inside, position.inside_id
    past = position.past(key, version)
    try:
        info = ground.store.head(key, version)
    except GONE:
        return ground.page([], past)
    same = {"version": version, "upload": position.upload, "etag": position.etag}
    if position.offset >= info.size:
        return ground.page([todo("complete", key, info.size, **same)], past)
    taken = page_of_pieces(info, position.offset, ground.limits, ground.store.backend.least_part_bytes)
    return ground.page(piece_items(key, taken, **same), position.at(taken[-1][1].end))


def begin(ground: Ground, item: Item) -> Outcome:
    """Raises PreconditionFailed if the object is another one by now."""
    info = _as_begun(ground, item)
    with ground.work.effect():
        ground.store.create_upload(collecting(item.data["upload"], info, ground.work.now_ms()))
    return Outcome(objects=0)


def write_piece(ground: Ground, item: Item) -> Outcome:
    """Raises PreconditionFailed if the object is another one by now, BadDigest."""
    with ground.work.effect(), ground.store.open(item.key, item.data["version"]) as reader:
        _same_as_begun(reader.info, item.data["etag"])
        return copy_piece(reader, ground.store, item, ground.work.pulse)


def complete(ground: Ground, item: Item) -> Outcome:
    """The version in its own place again. Raises IncompleteBody if a piece could not be written."""
    upload_id, store = item.data["upload"], ground.store
    info = _as_begun(ground, item)
    with ground.work.effect():
        parts = list(all_parts(store, upload_id))
        if parts and sum(part.size for part in parts) != info.size:
            raise IncompleteBody(f"{len(parts)} pieces were written, and not all that there are.")
        asked = [PartRequest(part.number, part.etag) for part in parts]
        copy = ground.carried(info)
        store.complete_upload(upload_id, asked, unchanged(info), version_id=copy.version_id, carried=copy)
    return Outcome()


def _as_begun(ground: Ground, item: Item) -> ObjectInfo:
    info = ground.store.head(item.key, item.data["version"])
    _same_as_begun(info, item.data["etag"])
    return info


def _same_as_begun(info: ObjectInfo, etag: str) -> None:
    if info.etag != etag:
        raise PreconditionFailed("The object was replaced behind the gate; it stays as it is.")
