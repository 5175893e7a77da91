"""One version on both sides: how each is reached, and what is told when one side lacks it."""

from __future__ import annotations

from jobs.errors import JobFailed
from jobs.kinds.migration.facts import object_difference
from jobs.kinds.migration.ground import GONE, Ground
from jobs.kinds.migration.proving import differs
from proxy.backends.base import ObjectReader
from proxy.backends.values import NULL_VERSION, ObjectInfo, UploadInfo
from proxy.errors import MethodNotAllowed, NoSuchUpload
from proxy.store import Store


def named(key: str, version: str) -> str:
    """What a message calls a version of the source."""
    return key if version == NULL_VERSION else f"{key} (version {version})"


def on_source(ground: Ground, key: str, version: str) -> ObjectReader:
    """Raises JobFailed if the source has no such version."""
    try:
        return ground.source.open(key, version)
    except GONE:
        raise missing("source", key, version) from None


def on_target(ground: Ground, key: str, version: str) -> ObjectReader:
    """The copy of that version of the source. Raises JobFailed if there is none."""
    try:
        return ground.target.open(key, ground.there(version))
    except GONE:
        raise missing("target", key, version) from None


def source_facts(ground: Ground, key: str, version: str) -> ObjectInfo:
    """Raises JobFailed if the source has no such version."""
    try:
        return ground.source.head(key, version)
    except GONE:
        raise missing("source", key, version) from None


def target_facts(ground: Ground, key: str, version: str) -> ObjectInfo:
    """Those of the copy of that version of the source. Raises JobFailed if there is none."""
    try:
        return ground.target.head(key, ground.there(version))
    except GONE:
        raise missing("target", key, version) from None


def missing(side: str, key: str, version: str) -> JobFailed:
    """What ends a job whose `side` (source or target) lacks a version."""
    return differs(named(key, version), f"the {side} has no such object")


def mismatch(ground: Ground, theirs: ObjectInfo | None, ours: ObjectInfo | None) -> JobFailed:
    """What ends a job where the next entry of the source is not that of the target; None: there is none."""
    if theirs is not None and (ours is None or theirs.key < ours.key):
        return missing("target", theirs.key, theirs.version_id)
    if ours is not None and (theirs is None or ours.key < theirs.key):
        return missing("source", ours.key, ours.version_id)
    assert theirs is not None and ours is not None
    if not _has(ground.target, theirs.key, ground.there(theirs.version_id)):
        return missing("target", theirs.key, theirs.version_id)
    if not _has(ground.source, ours.key, ours.version_id):
        return missing("source", ours.key, ours.version_id)
    return differs(
        named(theirs.key, theirs.version_id), f"in its place in line the target has version {ours.version_id}"
    )


def _has(store: Store, key: str, version: str) -> bool:
    try:
        store.head(key, version)
    except MethodNotAllowed:
        return True
    except GONE:
        return False
    return True


def is_copied(ground: Ground, info: ObjectInfo) -> bool:
    """Whether an attempt before this one has completed the copy of a version of the source."""
    copy = ground.carried(info)
    try:
        return object_difference(copy, ground.target.head(copy.key, copy.version_id)) is None
    except GONE:
        return False


def refuse_lost_lock(ground: Ground, info: ObjectInfo) -> None:
    """Raises JobFailed if the target cannot keep the lock that binds a version of the source."""
    if info.lock.binds(ground.work.now_ms()) and not ground.target.backend.keeps_locks:
        text = (
            f"{named(info.key, info.version_id)}: it is locked, and {ground.target_route.backend}"
            " cannot keep locks."
        )
        raise JobFailed(text, "TargetCannotKeep")


def parts_are_lost(store: Store, upload: UploadInfo) -> bool:
    """Whether an upload is open and has parts that its backend gives back to nobody."""
    if store.backend.reads_parts or upload.completed is not None:
        return False
    try:
        parts, _ = store.list_parts(upload.upload_id, limit=1)
    except NoSuchUpload:
        return False
    return bool(parts)
