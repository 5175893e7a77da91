"""Uploading, deleting and restoring objects. Every write passes the gate."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from proxy import gate
from proxy.access.rights import ENFORCED
from proxy.backends.base import ReaderBody
from proxy.backends.values import (
    ALWAYS,
    CURRENT,
    PIECE_BYTES,
    NewObject,
    ObjectInfo,
    Precondition,
    Pulse,
)
from proxy.browsing.reading import DELIMITER, open_object
from proxy.browsing.visits import Visit, of_version
from proxy.errors import (
    AccessDenied,
    EntityTooLarge,
    IncompleteBody,
    InvalidArgument,
    NoSuchKey,
    PreconditionFailed,
    S3Error,
)
from proxy.limits import MAX_KEYS, MAX_PUT_BYTES
from proxy.versioning import default_lock, deletion, new_version_id
from proxy.wire import checksums
from proxy.wire.request import check_key

_CHECKSUM = "crc64nvme"


class Source(Protocol):
    """Where an upload is read from."""

    def read(self, size: int = -1, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way in. `size` is in bytes, None if nobody said it.

    Without `replace` an object of that name is kept and the upload refused (PreconditionFailed).
    """

    key: str
    source: Source
    size: int | None
    content_type: str = ""
    replace: bool = False


def may_upload(here: Visit, prefix: str) -> bool:
    """Whether new objects may be put below the prefix, as far as can be told without their names."""
    return here.may("s3:PutObject", prefix + "object")


def check_upload(here: Visit, key: str, size: int | None) -> None:
    """All that can be said before the bytes are there.

    Raises AccessDenied, KeyTooLongError, InvalidArgument, EntityTooLarge, SlowDown.
    """
    if not key or key.endswith(DELIMITER):
        raise InvalidArgument("An object needs a name that does not end with '/'.")
    check_key(key)
    if size is not None and size > MAX_PUT_BYTES:
        raise EntityTooLarge(fields={"ProposedSize": str(size), "MaxSizeAllowed": str(MAX_PUT_BYTES)})
    here.require("s3:PutObject", key)
    gate.ask(here.bucket.name)


def check_absent(here: Visit, key: str) -> None:
    """Raises PreconditionFailed if an upload that replaces nothing would find an object of this name."""
    with contextlib.suppress(NoSuchKey):
        here.store.head(key)
        raise PreconditionFailed(fields={"Condition": "If-None-Match"})


def upload(here: Visit, new: Upload) -> ObjectInfo:
    """Store the file as an object of the caller's; durable when it returns.

    Raises what `check_upload` does, PreconditionFailed, IncompleteBody, StorageFull, ObjectLocked.
    """
    check_upload(here, new.key, new.size)
    with gate.enter(here.bucket.name) as entry:
        there = replace(here, bucket=entry.bucket)
        there.require("s3:PutObject", new.key)
        settings = entry.bucket.settings
        described = NewObject(
            key=new.key,
            headers={"content-type": new.content_type} if new.content_type else {},
            owner_id=_new_owner(there),
            version_id=new_version_id(settings),
            lock=default_lock(settings, here.circumstances.now_ms),
        )
        when = ALWAYS if new.replace else Precondition(absent=True)
        return there.store.put(described, _FileBody(new.source, new.size, entry.pulse), when)


def may_delete(here: Visit, key: str, version: str = CURRENT) -> bool:
    return here.may(of_version("s3:DeleteObject", version), key)


def delete(here: Visit, wanted: Sequence[tuple[str, str]]) -> list[S3Error | None]:
    """Delete (key, version)s in one commit, each on its own; the error of each that is still there.

    With CURRENT for a version it is what a plain DeleteObject does. Raises SlowDown,
    InvalidArgument (more than 1,000 of them).
    """
    if len(wanted) > MAX_KEYS:
        raise InvalidArgument(f"At most {MAX_KEYS} objects can be deleted at once.")
    with gate.enter(here.bucket.name) as entry:
        there = replace(here, bucket=entry.bucket)
        allowed = [may_delete(there, key, version) for key, version in wanted]
        kept = there.store.keeps_versions
        deletions = [
            deletion(entry.bucket.settings, key, version, kept=kept)
            for (key, version), may in zip(wanted, allowed, strict=True)
            if may
        ]
        done = iter(there.store.delete_all(deletions)) if deletions else iter(())
        results = [next(done) if may else AccessDenied() for may in allowed]
    return [result if isinstance(result, S3Error) else None for result in results]


def restore(here: Visit, key: str, version: str) -> ObjectInfo:
    """Make an older version the current one by copying it; it stays as it is.

    Raises NoSuchVersion, MethodNotAllowed (a delete marker), AccessDenied, SlowDown, InvalidArgument,
    InvalidRequest (it needs its writer's key).
    """
    with open_object(here, key, version) as reader, gate.enter(here.bucket.name) as entry:
        info = reader.info
        if info.latest:
            raise InvalidArgument("This is the current version already.")
        there = replace(here, bucket=entry.bucket)
        there.require("s3:PutObject", key)
        owner = _new_owner(there)
        if info.tags:
            there.require("s3:GetObjectVersionTagging", key, info)
            there.require("s3:PutObjectTagging", key, ObjectInfo(key, 0, "", 0, owner_id=owner))
        settings = entry.bucket.settings
        copy = NewObject(
            key=key,
            headers=info.headers,
            metadata=info.metadata,
            tags=info.tags,
            owner_id=owner,
            version_id=new_version_id(settings),
            lock=default_lock(settings, here.circumstances.now_ms),
        )
        return there.store.put(copy, ReaderBody(reader, pulse=entry.pulse))


def _new_owner(there: Visit) -> str:
    """Whoever writes an object owns it, but where the bucket's owner owns everything."""
    enforced = there.bucket.settings.ownership == ENFORCED
    return there.bucket.owner_id if enforced else there.caller.owner_id


class _FileBody:
    """A file as a Body; reading past its end raises IncompleteBody if it was not as long as announced."""

    def __init__(self, source: Source, length: int | None, pulse: Pulse) -> None:
        self.length = length
        self.checksums: Mapping[str, str] = {}
        self._source = source
        self._pulse = pulse

    def __iter__(self) -> Iterator[bytes]:
        running, size = checksums.algorithm(_CHECKSUM).new(), 0
        while piece := self._source.read(PIECE_BYTES):
            self._pulse()
            size += len(piece)
            if size > MAX_PUT_BYTES:
                raise EntityTooLarge(fields={"MaxSizeAllowed": str(MAX_PUT_BYTES)})
            running.update(piece)
            yield piece
        if self.length not in (None, size):
            raise IncompleteBody()
        self.checksums = {_CHECKSUM: checksums.value_of(running.digest())}
