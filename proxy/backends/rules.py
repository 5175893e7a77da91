"""What may happen to a version, pure and the same for every backend.

Sources: Amazon S3 User Guide, "Locking objects with Object Lock" and "Working with delete
markers"; Amazon S3 API Reference, PutObjectRetention, GetObject.
"""

from __future__ import annotations

from dataclasses import replace

from proxy.backends.values import (
    CURRENT,
    GOVERNANCE,
    Amendment,
    Deletion,
    Lock,
    ObjectInfo,
)
from proxy.errors import MethodNotAllowed, NoSuchKey, NoSuchVersion, ObjectLocked, PreconditionFailed
from proxy.wire.dates import http_date


# -- locks ---------------------------------------------------------------------------------
def weakens(old: Lock, mode: str, until: int, now: int, *, bypass: bool = False) -> bool:
    """Whether another retention would keep a version less than its old one, which is in force.

    Compliance can only be extended. Governance can be extended; shortening it, ending it or
    changing its mode takes `bypass`. A retention that has lapsed binds nothing.
    """
    if old.until <= now or (bypass and old.mode == GOVERNANCE):
        return False
    return mode != old.mode or until < old.until


def amended(lock: Lock, change: Amendment, now: int) -> Lock:
    """The lock after a change. Raises ObjectLocked if a retention would be weakened."""
    if change.retention is not None:
        mode, until = change.retention
        if weakens(lock, mode, until, now, bypass=change.bypass):
            raise ObjectLocked()
        lock = replace(lock, mode=mode, until=until)
    return lock if change.hold is None else replace(lock, hold=change.hold)


def require_free(old: ObjectInfo, new: ObjectInfo | None, now: int, *, bypass: bool = False) -> None:
    """Raises ObjectLocked if `old` may not be removed, or replaced by `new`.

    `new` is given where it was carried from elsewhere: the same bytes under the same id are no
    overwrite, so a copy can be made twice, unless its lock would keep less.
    """
    if not old.lock.binds(now, bypass=bypass):
        return
    if new is not None and _same_bytes(old, new):
        weaker = weakens(old.lock, new.lock.mode, new.lock.until, now) or new.lock.hold < old.lock.hold
        if not weaker:
            return
    raise ObjectLocked(fields={"Key": old.key, "VersionId": old.version_id})


def require_superseded(deletion: Deletion, *, latest: bool) -> None:
    """Raises PreconditionFailed if what is removed may not be the newest of its key, and is (`latest`)."""
    if deletion.superseded and latest:
        raise PreconditionFailed("It is the newest version of its key now.")


def _same_bytes(old: ObjectInfo, new: ObjectInfo) -> bool:
    return not new.marker and (old.size, old.etag) == (new.size, new.etag)


# -- what is not there ----------------------------------------------------------------------
def no_such(key: str, version: str, marker: ObjectInfo | None = None) -> NoSuchKey | NoSuchVersion:
    """The answer to a read of what is not there; `marker` is what stands in its place."""
    if version != CURRENT:
        return NoSuchVersion(fields={"Key": key, "VersionId": version})
    return NoSuchKey(fields={"Key": key}, headers=_marker_headers(marker) if marker else None)


def refuse_marker(info: ObjectInfo) -> ObjectInfo:
    """The same; raises MethodNotAllowed if it is a delete marker, of which nothing can be read."""
    if info.marker:
        headers = {"Allow": "DELETE", "Last-Modified": http_date(info.last_modified)}
        raise MethodNotAllowed(headers=_marker_headers(info) | headers)
    return info


def _marker_headers(marker: ObjectInfo) -> dict[str, str]:
    return {"x-amz-delete-marker": "true", "x-amz-version-id": marker.version_id}
