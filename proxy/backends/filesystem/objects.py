"""Objects of one open place: head, open, put, delete, amend."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from proxy.backends.base import Body, SealedBody
from proxy.backends.bodies import composite_checksums, refuse_other_bytes
from proxy.backends.filesystem.bucket import OpenBucket
from proxy.backends.filesystem.incoming import BodyGone, Incoming
from proxy.backends.filesystem.reader import FileReader
from proxy.backends.filesystem.rows import (
    MARKER,
    MORE,
    OF_HISTORY,
    OF_LIVE,
    Row,
    facts_text,
    lock_values,
    stored,
    whole,
)
from proxy.backends.filesystem.taking import take_body
from proxy.backends.filesystem.transaction import Transaction
from proxy.backends.filesystem.versions import VERSION, delete_version, put_version
from proxy.backends.rules import amended, no_such, refuse_marker
from proxy.backends.seals import PlainFacts, Seal, SealedSegment
from proxy.backends.values import (
    CURRENT,
    Amendment,
    Deletion,
    NewObject,
    ObjectInfo,
    Precondition,
)
from proxy.errors import InternalError, S3Error

T = TypeVar("T")

_READ = f"SELECT {OF_LIVE} FROM live WHERE key = ?"
_MARKER = f"SELECT {OF_HISTORY} FROM history WHERE key = ? ORDER BY ordinal DESC, version DESC LIMIT 1"
_READ_DATA = f"SELECT {OF_LIVE}, (SELECT data FROM bodies WHERE id = live.body) FROM live WHERE key = ?"
_VERSION_DATA = f"SELECT found.*, (SELECT data FROM bodies WHERE id = found.body) FROM ({VERSION}) AS found"
_AMEND = {
    live: f"UPDATE {table} SET seq = ?, facts = ?, acl = ?, mode = ?, until = ?, hold = ?"
    " WHERE key = ? AND version = ?"
    for live, table in ((True, "live"), (False, "history"))
}
_OPEN_TRIES = 5

Run = Callable[..., Any]


def _found(run: Run, key: str, version: str, *, data: bool = False) -> Row:
    """The row of the current version or of the one of that id. Raises NoSuchKey, NoSuchVersion."""
    name = key.encode()
    if version != CURRENT:
        row: Row | None = run(_VERSION_DATA if data else VERSION, (name, version)).fetchone()
    else:
        row = run(_READ_DATA if data else _READ, (name,)).fetchone()
    if row is None:
        newest = None if version != CURRENT else run(_MARKER, (name,)).fetchone()
        raise no_such(key, version, whole(newest) if newest and newest[MARKER] else None)
    return row


def head_object(bucket: OpenBucket, key: str, version: str) -> ObjectInfo:
    """Raises NoSuchKey, NoSuchVersion, MethodNotAllowed."""
    with bucket.pool.lend() as connection:
        return refuse_marker(whole(_found(connection.execute, key, version)))


def open_object(bucket: OpenBucket, key: str, version: str, release: Callable[[], None]) -> FileReader:
    """Raises as `head_object` does; InternalError if a row stays without its body."""
    for _ in range(_OPEN_TRIES):
        began = bucket.now()
        with bucket.pool.lend() as connection:
            row = _found(connection.execute, key, version, data=True)
        info = refuse_marker(whole(row))
        try:
            return FileReader(bucket, info, stored(row), row[MORE], began, release)
        except FileNotFoundError:
            if not bucket.is_there():
                raise  # the whole place went away
            # Else replaced after we read the row: read it again.
    raise InternalError(f"The body of {key!r} is missing.")


# -- put -----------------------------------------------------------------------------------
def put_object(bucket: OpenBucket, new: NewObject, body: Body | SealedBody, when: Precondition) -> ObjectInfo:
    """Raises what the body raises, BadDigest, PreconditionFailed, NoSuchKey, ObjectLocked, StorageFull."""
    carried = new.carried
    in_line = carried is not None and not new.newest
    stale = () if carried else composite_checksums(body)

    def attempt(source: Body | SealedBody) -> ObjectInfo:
        incoming = take_body(bucket, source, etag=carried.etag if carried else None, need=stale)
        try:
            info = _facts(bucket.now(), new, incoming, stale)
            if isinstance(body, SealedBody):
                info = replace(info, seal=body.seal(info))
            return bucket.writer.submit(
                lambda transaction: put_version(transaction, info, incoming.land, when, carried=in_line)
            )
        finally:
            incoming.discard()

    return retry_with_bytes(attempt, body)


def _facts(now: int, new: NewObject, incoming: Incoming, stale: tuple[str, ...]) -> ObjectInfo:
    found, carried = incoming.facts, new.carried
    kind = "FULL_OBJECT" if stale else new.checksum_type
    said = ObjectInfo(
        key=new.key,
        size=found.size,
        etag=found.etag,
        last_modified=now,
        headers=new.headers,
        metadata=new.metadata,
        tags=new.tags,
        owner_id=new.owner_id,
        checksums=found.checksums,
        checksum_type=kind if found.checksums else "",
        version_id=new.version_id,
        lock=new.lock,
        acl=new.acl,
    )
    if carried is None:
        return said
    refuse_other_bytes(found, carried.size, carried.etag)
    return replace(
        said,
        etag=carried.etag,
        last_modified=carried.last_modified,
        checksums=carried.checksums,
        checksum_type=carried.checksum_type,
        parts=carried.parts,
        ordinal=carried.ordinal,
    )


def retry_with_bytes(attempt: Callable[[Body | SealedBody], T], body: Body | SealedBody) -> T:
    """Once more, with the bytes themselves, if what was to be shared is gone at the commit."""
    try:
        return attempt(body)
    except BodyGone:
        return attempt(SealedBytesOnly(body) if isinstance(body, SealedBody) else BytesOnly(body))


class BytesOnly:
    """A body of which nothing but its bytes and its checksums is used."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self.length = body.length
        self.checksums: Mapping[str, str] = {}

    def __iter__(self) -> Iterator[bytes]:
        yield from self._body
        self.checksums = self._body.checksums


class SealedBytesOnly(SealedBody):
    """A sealed body that is not offered to be taken unmoved."""

    def __init__(self, body: SealedBody) -> None:
        self._body = body
        self.length = body.length

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    @property
    def plain(self) -> PlainFacts:
        return self._body.plain

    @property
    def segments(self) -> tuple[SealedSegment, ...]:
        return self._body.segments

    @property
    def wrap_ahead(self) -> str:
        return self._body.wrap_ahead

    def seal(self, info: ObjectInfo) -> Seal:
        return self._body.seal(info)


# -- delete and amend ------------------------------------------------------------------------
def delete_objects(bucket: OpenBucket, deletions: Sequence[Deletion]) -> list[ObjectInfo | S3Error | None]:
    """See `Backend.delete`. Each looks before it writes, so one that is refused has changed nothing."""

    def attempt(transaction: Transaction, one: Deletion) -> ObjectInfo | S3Error | None:
        try:
            return delete_version(transaction, one)
        except S3Error as error:
            return error

    return bucket.writer.submit(
        lambda transaction: [attempt(transaction, one) for one in deletions], weight=len(deletions)
    )


def amend_object(bucket: OpenBucket, key: str, version: str, change: Amendment) -> ObjectInfo:
    """See `Backend.amend`."""

    def operation(transaction: Transaction) -> ObjectInfo:
        info = refuse_marker(whole(_found(transaction.connection.execute, key, version)))
        lock = amended(info.lock, change, transaction.now)
        seq = info.seq
        if change.tags is not None or change.acl is not None:
            seq = transaction.next_seq(key.encode(), gone=not _is_live(transaction, key))
        info = replace(
            info,
            seq=seq,
            lock=lock,
            tags=info.tags if change.tags is None else change.tags,
            acl=info.acl if change.acl is None else change.acl,
        )
        transaction.run(
            _AMEND[info.latest],
            seq,
            facts_text(info.headers, info.metadata, info.tags),
            info.acl,
            *lock_values(lock),
            key.encode(),
            info.version_id,
        )
        return info

    return bucket.writer.submit(operation)


def _is_live(transaction: Transaction, key: str) -> bool:
    return transaction.row("SELECT 1 FROM live WHERE key = ?", key.encode()) is not None
