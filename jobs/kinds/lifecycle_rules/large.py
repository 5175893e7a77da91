"""Large objects go to their destination in pieces, which an upload there collects.

A gate may close between two pieces. An upload is its run's: the next run takes away what an earlier one left.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace

from jobs.kinds.base import Item, Outcome
from jobs.kinds.lifecycle_rules.ground import Ground
from jobs.kinds.lifecycle_rules.spec import Target
from jobs.kinds.pieces import (
    Limits,
    all_parts,
    bounded,
    collecting,
    copy_piece,
    piece_items,
    pieces,
    uploads_left,
)
from jobs.kinds.replicas.pacing import Pacing
from jobs.kinds.replicas.target import Seen
from jobs.kinds.replicas.target import Target as Destination
from jobs.kinds.steps import todo
from proxy.backends.base import ObjectReader
from proxy.backends.sealing.reader import is_locked
from proxy.backends.values import ObjectInfo, PartRequest
from proxy.errors import NoSuchUpload
from proxy.records import find_bucket
from proxy.store import Store


def is_large(reader: ObjectReader, there: Store, limits: Limits) -> bool:
    """Whether its bytes have to be moved, and are too many to go at once."""
    if reader.info.size <= limits.large_bytes or is_locked(reader):
        return False
    return not there.backend.can_link(reader)


def copy_in_pieces(ground: Ground, reader: ObjectReader, target: Target, key: str, seen: Seen) -> None:
    """Make the open object a replica, if the destination still is as it was `seen`. Safe to repeat.

    Raises PreconditionFailed, NoSuchKey, S3Error, Deferred, LeaseLost.
    """
    info = reader.info
    upload_id = _upload_id(ground, target, info)
    pacing = Pacing(ground.work.pulse, ground.spec.timeout_s or None)
    there, done = _begun(ground, target, info, key, upload_id)
    for item in _pieces(info, key, upload_id, ground.steps.limits, there.backend.least_part_bytes):
        if done.get(item.data["number"]) != item.size:
            with ground.work.writing(target.bucket) as bucket:
                copy_piece(reader, Store.at(bucket.route), item, pacing.begin(item.size))
    with ground.work.writing(target.bucket) as bucket:
        destination = Destination.of(bucket)
        copy = destination.carried(info, key, ground.work.now_ms())
        asked = [PartRequest(part.number, part.etag) for part in all_parts(destination.store, upload_id)]
        seen.hold(
            lambda when: destination.store.complete_upload(
                upload_id, asked, when, version_id=copy.version_id, carried=copy, newest=True
            )
        )


def _begun(
    ground: Ground, target: Target, info: ObjectInfo, key: str, upload_id: str
) -> tuple[Store, dict[int, int]]:
    """The destination, and the sizes of the pieces that are there, by number."""
    with ground.work.writing(target.bucket) as bucket:
        destination, now_ms = Destination.of(bucket), ground.work.now_ms()
        copy = destination.carried(info, key, now_ms)
        destination.store.create_upload(replace(collecting(upload_id, copy, now_ms), carried=copy))
        parts = all_parts(destination.store, upload_id)
        return destination.store, {part.number: part.size for part in parts}


def _pieces(info: ObjectInfo, key: str, upload_id: str, limits: Limits, least_bytes: int) -> list[Item]:
    return piece_items(
        key, enumerate(pieces(bounded(info, limits), limits, least_bytes), 1), upload=upload_id
    )


def leftovers(ground: Ground) -> Iterator[Item]:
    """Uploads of earlier runs of this job that were not completed."""
    for rule in ground.spec.rules:
        if rule.destination is not None:
            bucket = find_bucket(rule.destination.bucket)
            for upload in uploads_left(Store.of(bucket), rule.destination.prefix, _own(ground)):
                yield todo("forget", upload.key, bucket=bucket.name, upload=upload.upload_id)


def forget(ground: Ground, item: Item) -> Outcome:
    """The upload is not needed any more; one that is gone already is no error."""
    with ground.work.writing(item.data["bucket"]) as bucket:
        try:
            Store.at(bucket.route).abort_upload(item.data["upload"])
        except NoSuchUpload:
            pass
    return Outcome(objects=0)


def _own(ground: Ground) -> str:
    """What the ids of this job's uploads begin with."""
    return f"transition-{ground.work.job_id}-"


def _upload_id(ground: Ground, target: Target, info: ObjectInfo) -> str:
    """The same for each attempt of this run at the same copy."""
    of = f"{target.bucket} {target.prefix} {info.etag} {info.size} {info.last_modified} {info.key}"
    return f"{_own(ground)}{ground.work.run_id}-{hashlib.sha256(of.encode()).hexdigest()[:40]}"
