"""Multipart uploads of one open place, except their listing. Parts are blobs, never inline."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from proxy.backends.base import Body, SealAs, SealedBody
from proxy.backends.bodies import part_checksum, refuse_other_bytes
from proxy.backends.filesystem.bucket import OpenBucket
from proxy.backends.filesystem.objects import retry_with_bytes
from proxy.backends.filesystem.reader import FileReader
from proxy.backends.filesystem.rows import (
    PART,
    PART_MARKS,
    PART_SEGMENTS,
    UPLOAD,
    UPLOAD_MARKS,
    Row,
    Segment,
    Stored,
    part_of,
    part_values,
    result_text,
    segments_of,
    upload_of,
    upload_values,
)
from proxy.backends.filesystem.taking import take_body
from proxy.backends.filesystem.transaction import Transaction
from proxy.backends.filesystem.versions import put_version
from proxy.backends.multipart import (
    COMPLETION_MS,
    as_object,
    check_part_number,
    finished_as,
    plan_completion,
)
from proxy.backends.values import (
    ObjectInfo,
    PartInfo,
    PartRequest,
    Precondition,
    UploadInfo,
)
from proxy.errors import InternalError, InvalidPart, NoSuchUpload

_OPEN = f"SELECT {UPLOAD} FROM uploads WHERE id = ?"
_FINISHED = f"SELECT {UPLOAD}, result FROM completions WHERE id = ? AND finished > ?"
_PARTS = f"SELECT {PART} FROM parts WHERE upload = ? AND number > ? ORDER BY number LIMIT ?"
_PART = f"SELECT {PART} FROM parts WHERE upload = ? AND number = ?"
_ALL = -1
_OPEN_TRIES = 5

Run = Callable[..., Any]


def _no_upload(upload_id: str) -> NoSuchUpload:
    return NoSuchUpload(fields={"UploadId": upload_id})


def _find_open(run: Run, upload_id: str) -> UploadInfo:
    row = run(_OPEN, (upload_id,)).fetchone()
    if row is None:
        raise _no_upload(upload_id)
    return upload_of(row)


def _find(run: Run, upload_id: str, now: int) -> UploadInfo:
    """Open or finished within the last 24 hours. Raises NoSuchUpload."""
    row = run(_OPEN, (upload_id,)).fetchone() or run(_FINISHED, (upload_id, now - COMPLETION_MS)).fetchone()
    if row is None:
        raise _no_upload(upload_id)
    return upload_of(row)


# -- uploads -------------------------------------------------------------------------------
def create_upload(bucket: OpenBucket, upload: UploadInfo) -> None:
    """Doing it again is no error; one that is `completed` is kept as finished."""

    def operation(transaction: Transaction) -> None:
        done = upload.completed
        if done is None:
            if _known(transaction, "completions", upload.upload_id):
                return
            transaction.run(
                f"INSERT OR IGNORE INTO uploads ({UPLOAD}) VALUES ({UPLOAD_MARKS})",
                *upload_values(upload),
            )
        elif not _known(transaction, "uploads", upload.upload_id):
            _finish(transaction, upload, done, done.last_modified)

    bucket.writer.submit(operation)


def _known(transaction: Transaction, table: str, upload_id: str) -> bool:
    return transaction.row(f"SELECT 1 FROM {table} WHERE id = ?", upload_id) is not None


def _finish(transaction: Transaction, upload: UploadInfo, result: ObjectInfo, finished: int) -> None:
    transaction.run(
        f"INSERT OR IGNORE INTO completions ({UPLOAD}, finished, result) VALUES ({UPLOAD_MARKS}, ?, ?)",
        *upload_values(upload),
        finished,
        result_text(result),
    )


def head_upload(bucket: OpenBucket, upload_id: str) -> UploadInfo:
    """Raises NoSuchUpload; finished uploads are found for 24 hours."""
    with bucket.pool.lend() as connection:
        return _find(connection.execute, upload_id, bucket.now())


def abort_upload(bucket: OpenBucket, upload_id: str) -> None:
    """Raises NoSuchUpload."""

    def operation(transaction: Transaction) -> None:
        if not transaction.changed("DELETE FROM uploads WHERE id = ?", upload_id):
            raise _no_upload(upload_id)
        _drop_parts(transaction, upload_id, keep=frozenset())

    bucket.writer.submit(operation)


def _drop_parts(transaction: Transaction, upload_id: str, keep: frozenset[int]) -> None:
    rows = transaction.rows("SELECT number, segments FROM parts WHERE upload = ?", upload_id)
    for number, segments in rows:
        if number not in keep:
            transaction.release(Stored(None, segments_of(segments)))
    transaction.run("DELETE FROM parts WHERE upload = ?", upload_id)


# -- parts ---------------------------------------------------------------------------------
def put_part(
    bucket: OpenBucket, upload_id: str, number: int, body: Body | SealedBody, carried: PartInfo | None
) -> PartInfo:
    """Raises NoSuchUpload, InvalidArgument, BadDigest, StorageFull and what the body raises."""
    check_part_number(number)
    with bucket.pool.lend() as connection:
        upload = _find_open(connection.execute, upload_id)
    need = part_checksum(body, upload.checksum_algorithm, carried=carried is not None)

    def attempt(source: Body | SealedBody) -> PartInfo:
        incoming = take_body(
            bucket, source, etag=carried.etag if carried else None, need=need, inline_bytes=-1
        )
        try:
            found = incoming.facts
            part = PartInfo(number, found.size, found.etag, bucket.now(), found.checksums)
            if carried is not None:
                refuse_other_bytes(found, carried.size, carried.etag)
                part = replace(carried, number=number)
            part = replace(part, segment=body.segments[0] if isinstance(body, SealedBody) else None)
            return bucket.writer.submit(
                lambda transaction: _put_part(transaction, upload_id, part, incoming.land)
            )
        finally:
            incoming.discard()

    return retry_with_bytes(attempt, body)


def _put_part(
    transaction: Transaction, upload_id: str, part: PartInfo, land: Callable[[Transaction], Stored]
) -> PartInfo:
    _find_open(transaction.connection.execute, upload_id)
    old = transaction.row(_PART, upload_id, part.number)
    where = land(transaction)
    transaction.run(
        f"INSERT OR REPLACE INTO parts (upload, {PART}) VALUES (?, {PART_MARKS})",
        upload_id,
        *part_values(part, where.segments),
    )
    if old is not None:
        transaction.release(Stored(None, segments_of(old[PART_SEGMENTS])))
    return part


def open_part(bucket: OpenBucket, upload_id: str, number: int, release: Callable[[], None]) -> FileReader:
    """Raises NoSuchUpload, InvalidPart; InternalError if a row stays without its body."""
    for _ in range(_OPEN_TRIES):
        began = bucket.now()
        with bucket.pool.lend() as connection:
            upload = _find_open(connection.execute, upload_id)
            row: Row | None = connection.execute(_PART, (upload_id, number)).fetchone()
        if row is None:
            raise InvalidPart(fields={"UploadId": upload_id, "PartNumber": str(number)})
        part = part_of(row)
        info = as_object(upload, part)
        try:
            return FileReader(
                bucket, info, Stored(None, segments_of(row[PART_SEGMENTS])), None, began, release
            )
        except FileNotFoundError:
            if not bucket.is_there():
                raise
    raise InternalError(f"The body of part {number} of an upload of {upload.key!r} is missing.")


def list_parts(
    bucket: OpenBucket, upload_id: str, after: int, limit: int
) -> tuple[tuple[PartInfo, ...], bool]:
    """Raises NoSuchUpload."""
    with bucket.pool.lend() as connection:
        _find_open(connection.execute, upload_id)
        rows = connection.execute(_PARTS, (upload_id, after, limit + 1)).fetchall()
    return tuple(map(part_of, rows[:limit])), len(rows) > limit


# -- complete ------------------------------------------------------------------------------
def complete_upload(
    bucket: OpenBucket,
    upload_id: str,
    parts: Iterable[PartRequest],
    when: Precondition,
    version_id: str,
    checksums: Mapping[str, str] | None,
    carried: ObjectInfo | None,
    seal_as: SealAs | None,
    *,
    newest: bool,
) -> ObjectInfo:
    """See `Backend.complete_upload`. No byte moves: the parts' segments become the object's."""
    asked = tuple(parts)

    def operation(transaction: Transaction) -> ObjectInfo:
        upload = _find(transaction.connection.execute, upload_id, transaction.now)
        if upload.completed is not None:
            return upload.completed
        rows = transaction.rows(_PARTS, upload_id, 0, _ALL)
        uploaded = {row[0]: part_of(row) for row in rows}
        plan = plan_completion(upload, uploaded, asked, expected=checksums, carried=carried)
        chosen = frozenset(part.number for part in plan.parts)
        segments = tuple(_joined(rows, chosen))
        kept = None if newest else carried
        info = finished_as(upload, carried or plan.object(upload.key, transaction.now), version_id, kept)
        if seal_as is not None:
            info = replace(info, seal=seal_as(info, plan.parts))
        where = Stored(None, segments)
        info = put_version(transaction, info, lambda _: where, when, carried=kept is not None)
        _drop_parts(transaction, upload_id, keep=chosen)
        transaction.run("DELETE FROM uploads WHERE id = ?", upload_id)
        _finish(transaction, upload, info, transaction.now)
        return info

    return bucket.writer.submit(operation)


def _joined(rows: Iterable[Row], chosen: frozenset[int]) -> Iterable[Segment]:
    return (segment for row in rows if row[0] in chosen for segment in segments_of(row[PART_SEGMENTS]))
