"""Objects of one open place: head, open, put, delete."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from proxy.backends.base import Body, ReaderBody
from proxy.backends.filesystem.bucket import OpenBucket
from proxy.backends.filesystem.incoming import BodyGone, Incoming
from proxy.backends.filesystem.reader import FileReader
from proxy.backends.filesystem.rows import WHOLE, Row, Stored, segments_of, stored, values, whole
from proxy.backends.filesystem.taking import is_md5, take_body
from proxy.backends.filesystem.transaction import Transaction
from proxy.backends.values import NewObject, ObjectInfo, Precondition
from proxy.errors import BadDigest, InternalError, NoSuchKey

T = TypeVar("T")

_READ = f"SELECT {WHOLE} FROM live WHERE key = ?"
_READ_WITH_DATA = f"SELECT {WHOLE}, (SELECT data FROM bodies WHERE id = live.body) FROM live WHERE key = ?"
_OLD = "SELECT size, etag, seq, body, segments FROM live WHERE key = ?"
_INSERT = f"INSERT OR REPLACE INTO live ({WHOLE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_OPEN_TRIES = 5


def _row(bucket: OpenBucket, sql: str, key: str) -> Row:
    with bucket.pool.lend() as connection:
        row: Row | None = connection.execute(sql, (key.encode(),)).fetchone()
    if row is None:
        raise NoSuchKey(fields={"Key": key})
    return row


def head_object(bucket: OpenBucket, key: str) -> ObjectInfo:
    """Raises NoSuchKey."""
    return whole(_row(bucket, _READ, key))


def open_object(bucket: OpenBucket, key: str, release: Callable[[], None]) -> FileReader:
    """Raises NoSuchKey; InternalError if a row stays without its body."""
    for _ in range(_OPEN_TRIES):
        began = bucket.now()
        row = _row(bucket, _READ_WITH_DATA, key)
        try:
            return FileReader(bucket, whole(row), stored(row), row[13], began, release)
        except FileNotFoundError:
            if not bucket.is_there():
                raise  # the whole place went away
            # Else replaced after we read the row: read it again.
    raise InternalError(f"The body of {key!r} is missing.")


# -- put -----------------------------------------------------------------------------------
def put_object(bucket: OpenBucket, new: NewObject, body: Body, when: Precondition) -> ObjectInfo:
    """Raises what the body raises, BadDigest, PreconditionFailed, NoSuchKey, StorageFull."""
    carried = new.carried
    stale = () if carried else composite_checksums(body)

    def attempt(source: Body) -> ObjectInfo:
        incoming = take_body(bucket, source, etag=carried.etag if carried else None, need=stale)
        try:
            info = _facts(bucket.now(), new, incoming, stale)
            return bucket.writer.submit(
                lambda transaction: replace_live(transaction, info, incoming.land, when)
            )
        finally:
            incoming.discard()

    return retry_with_bytes(attempt, body)


def composite_checksums(body: Body) -> tuple[str, ...]:
    """Those of a multipart source: they do not fit an object that is put whole."""
    if not isinstance(body, ReaderBody):
        return ()
    return tuple(name for name, value in body.checksums.items() if "-" in value)


def _facts(now: int, new: NewObject, incoming: Incoming, stale: tuple[str, ...]) -> ObjectInfo:
    found, carried = incoming.facts, new.carried
    said = ObjectInfo(
        key=new.key,
        size=found.size,
        etag=found.etag,
        last_modified=now,
        headers=new.headers,
        metadata=new.metadata,
        tags=new.tags,
        owner_id=new.owner_id,
    )
    if carried is None:
        kind = "FULL_OBJECT" if stale else new.checksum_type
        return replace(said, checksums=found.checksums, checksum_type=kind if found.checksums else "")
    refuse_other_bytes(incoming, carried.size, carried.etag)
    return replace(
        said,
        etag=carried.etag,
        last_modified=carried.last_modified,
        checksums=carried.checksums,
        checksum_type=carried.checksum_type,
        parts=carried.parts,
        version_id=carried.version_id,
    )


def refuse_other_bytes(incoming: Incoming, size: int, etag: str) -> None:
    """Raises BadDigest if what came is not what was carried."""
    found = incoming.facts
    if found.size != size or (is_md5(etag) and found.etag != etag):
        raise BadDigest("The bytes are not those of the object that they are a copy of.")


def retry_with_bytes(attempt: Callable[[Body], T], body: Body) -> T:
    """Once more, with the bytes themselves, if what was to be shared is gone at the commit."""
    try:
        return attempt(body)
    except BodyGone:
        return attempt(BytesOnly(body))


class BytesOnly:
    """A body of which nothing but its bytes and its checksums is used."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self.length = body.length
        self.checksums: Mapping[str, str] = {}

    def __iter__(self) -> Iterator[bytes]:
        yield from self._body
        self.checksums = self._body.checksums


def replace_live(
    transaction: Transaction,
    info: ObjectInfo,
    land: Callable[[Transaction], Stored],
    when: Precondition,
) -> ObjectInfo:
    """Inside the transaction: make `info` the live row of its key, with the bytes that `land` brings."""
    key = info.key.encode()
    old = transaction.row(_OLD, key)
    when.check(_judged(info.key, old))
    info = replace(info, seq=transaction.next_seq(key))
    where = land(transaction)
    transaction.run(_INSERT, *values(info, where))
    if old is not None:
        _retire(transaction, old)
    transaction.count(1, info.size)
    return info


def _judged(key: str, old: Row | None) -> ObjectInfo | None:
    """As much of a row as a precondition looks at."""
    return None if old is None else ObjectInfo(key, old[0], old[1], 0, old[2])


def _retire(transaction: Transaction, old: Row) -> None:
    """A row died. Nothing keeps dead rows yet (what does would move it to `history` here)."""
    size, _, _, body, segments = old
    transaction.count(-1, -size)
    transaction.release(Stored(body, segments_of(segments)))


def delete_object(bucket: OpenBucket, key: str, when: Precondition) -> ObjectInfo | None:
    """Raises PreconditionFailed, NoSuchKey (If-Match on nothing)."""

    def operation(transaction: Transaction) -> ObjectInfo | None:
        name = key.encode()
        row = transaction.row(_READ, name)
        info = None if row is None else whole(row)
        when.check(info)
        if row is None:
            return None
        transaction.run("DELETE FROM live WHERE key = ?", name)
        transaction.next_seq(name, gone=True)
        _retire(transaction, (row[1], row[2], row[4], row[11], row[12]))
        return info

    return bucket.writer.submit(operation)
