"""Does the index agree with the bodies? Every disagreement is a finding; nothing is changed.

The store may be in use: each page of rows is one read, and what looks wrong is read again
before it is told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import apsw

from proxy.backends.base import ObjectReader, OpenObject
from proxy.backends.bodies import is_md5
from proxy.backends.filesystem.bucket import OpenBucket
from proxy.backends.filesystem.putting_back import LOST, lost_bodies
from proxy.backends.filesystem.rows import MORE, Row, Segment, segments_of, stored, whole
from proxy.backends.filesystem.versions import VERSION
from proxy.backends.multipart import multipart_etag
from proxy.backends.values import Finding, ObjectInfo
from proxy.errors import NoSuchVersion, S3Error
from proxy.wire.checksums import ALGORITHMS, Checksum, value_of

_PAGE = 500

_WITH_LENGTH = (
    f"SELECT found.*, (SELECT length(data) FROM bodies WHERE id = found.body) FROM ({VERSION}) AS found"
)


def check_place(bucket: OpenBucket, open_object: OpenObject, *, deep: bool) -> Iterator[Finding]:
    """Rows against bodies; `deep` also reads every body and hashes it, as far as it can be opened."""
    with bucket.pool.lend() as connection:
        problems = list(_whole_problems(connection))
    if lost := lost_bodies(bucket.folder):
        problems.append(f"{lost} bodies in {LOST}/ belong to no row: the index that was put back is older")
    for problem in problems:
        yield Finding(bucket.place, "", problem)
    for key, problem in _upload_problems(bucket):
        yield Finding(bucket.place, key, problem)
    for row in _rows(bucket):
        key, version = str(row.key, "utf-8"), row.version
        found = _checked_twice(bucket, row)
        if deep and not row.marker:
            found += _hash_problems(bucket, open_object, key, version, row.seq)
        for problem in found:
            yield Finding(bucket.place, key, problem if row.live else f"version {version}: {problem}")


# -- the place -----------------------------------------------------------------------------
_COUNTS = """
SELECT keys, (SELECT count(*) FROM live), size, (SELECT total(size) FROM live),
    versions, (SELECT count(*) FROM history), versions_size, (SELECT total(size) FROM history)
FROM place
"""
_OUT_OF_LINE = """
SELECT history.key FROM history JOIN live USING (key)
WHERE (history.ordinal, history.version) > (live.ordinal, live.version)
UNION
SELECT key FROM (
    SELECT key, marker, row_number() OVER (PARTITION BY key ORDER BY ordinal DESC, version DESC) AS place
    FROM history
) AS older WHERE place = 1 AND NOT marker AND NOT EXISTS (SELECT 1 FROM live WHERE live.key = older.key)
UNION
SELECT history.key FROM history JOIN live USING (key) WHERE history.version = live.version
"""
_REFERENCES = """
WITH named (blob) AS (
    SELECT json_extract(value, '$[0]') FROM live, json_each(live.segments) WHERE segments != ''
    UNION ALL
    SELECT json_extract(value, '$[0]') FROM history, json_each(history.segments) WHERE segments != ''
    UNION ALL
    SELECT json_extract(value, '$[0]') FROM parts, json_each(parts.segments) WHERE segments != ''
), counted (blob, refs) AS (SELECT blob, count(*) FROM named GROUP BY blob)
SELECT coalesce(blobs.id, counted.blob), coalesce(blobs.refs, 0), coalesce(counted.refs, 0)
FROM blobs FULL JOIN counted ON counted.blob = blobs.id
WHERE coalesce(blobs.refs, 0) != coalesce(counted.refs, 0)
"""
_INLINE_REFERENCES = """
WITH counted (body, refs) AS (
    SELECT body, count(*) FROM (
        SELECT body FROM live WHERE body IS NOT NULL
        UNION ALL SELECT body FROM history WHERE body IS NOT NULL
    ) GROUP BY body
)
SELECT coalesce(bodies.id, counted.body), coalesce(bodies.refs, 0), coalesce(counted.refs, 0)
FROM bodies FULL JOIN counted ON counted.body = bodies.id
WHERE coalesce(bodies.refs, 0) != coalesce(counted.refs, 0)
"""


def _whole_problems(connection: apsw.Connection) -> Iterator[str]:
    for (text,) in connection.execute("PRAGMA quick_check"):
        if text != "ok":
            yield f"index.db is damaged: {text}"
    counts: Row = connection.execute(_COUNTS).fetchall()[0]
    for what, (said, found, size, own_size) in (("keys", counts[:4]), ("versions", counts[4:])):
        if (said, size) != (found, int(own_size)):
            yield f"counts {said} {what} of {size} bytes, but has {found} of {int(own_size)}"
    for (key,) in connection.execute(_OUT_OF_LINE):
        yield f"the versions of {str(key, 'utf-8')!r} are not in line"
    for kind, sql in (("blob", _REFERENCES), ("inline body", _INLINE_REFERENCES)):
        for body, refs, counted in connection.execute(sql):
            yield f"{kind} {body} counts {refs} references, but rows have {counted}"


# -- rows against bodies -------------------------------------------------------------------
class _Row(NamedTuple):
    """One row of `live` or `history`, by what is needed to find it again."""

    key: bytes
    version: str
    seq: int
    marker: int
    live: int


_WALKS = (
    "SELECT key, version, seq, 0, 1 FROM live WHERE key > ?1 ORDER BY key LIMIT ?3",
    "SELECT key, version, seq, marker, 0 FROM history"
    " WHERE (key, version) > (?1, ?2) ORDER BY key, version LIMIT ?3",
)


def _rows(bucket: OpenBucket) -> Iterator[_Row]:
    """Every row, a page at a time."""
    for sql in _WALKS:
        after: tuple[bytes, str] = (b"", "")
        while True:
            with bucket.pool.lend() as connection:
                rows: list[Row] = connection.execute(sql, (*after, _PAGE)).fetchall()
            yield from (_Row._make(row) for row in rows)
            if len(rows) < _PAGE:
                break
            after = (rows[-1][0], rows[-1][1])


def _checked_twice(bucket: OpenBucket, row: _Row) -> list[str]:
    """A row that is replaced while we look may miss its file once, never twice."""
    return _row_problems(bucket, row) and _row_problems(bucket, row)


def _row_problems(bucket: OpenBucket, at: _Row) -> list[str]:
    with bucket.pool.lend() as connection:
        row: Row | None = connection.execute(_WITH_LENGTH, (at.key, at.version)).fetchone()
    if row is None:
        return []
    info, (body, segments), length = whole(row), stored(row), row[MORE]
    size = info.size if info.seal is None else info.seal.stored
    problems = []
    if body is not None and length != size:
        problems.append(f"inline body has {length} bytes instead of {size}")
    if body is None and sum(segment.length for segment in segments) != size:
        problems.append(f"segments do not add up to {size} bytes")
    if info.seal is not None and sum(segment.size for segment in info.seal.segments) != info.size:
        problems.append(f"sealed segments do not add up to {info.size} bytes")
    if info.parts and sum(part.size for part in info.parts) != info.size:
        problems.append(f"parts do not add up to {info.size} bytes")
    return problems + list(_file_problems(bucket, segments))


def _file_problems(bucket: OpenBucket, segments: Iterable[Segment]) -> Iterator[str]:
    for segment in segments:
        try:
            size = bucket.blob_path(segment.blob).stat().st_size
        except FileNotFoundError:
            yield f"blob {segment.blob} is missing"
            continue
        if size < segment.offset + segment.length:
            yield f"blob {segment.blob} is cut short: {size} bytes"


def _upload_problems(bucket: OpenBucket) -> Iterator[tuple[str, str]]:
    with bucket.pool.lend() as connection:
        rows: list[Row] = connection.execute(
            "SELECT uploads.key, number, segments FROM parts LEFT JOIN uploads ON uploads.id = parts.upload"
        ).fetchall()
    for key, number, segments in rows:
        name = "" if key is None else str(key, "utf-8")
        if key is None:
            yield name, f"part {number} belongs to no upload"
        for problem in _file_problems(bucket, segments_of(segments)):
            yield name, f"part {number} of an upload: {problem}"


# -- bytes against digests -----------------------------------------------------------------
def _hash_problems(
    bucket: OpenBucket, open_object: OpenObject, key: str, version: str, seq: int
) -> list[str]:
    try:
        with open_object(bucket.place, key, version) as reader:
            if reader.info.seq != seq:
                return []  # replaced since: it was whole when it came
            if _is_locked_up(reader.info):
                return []
            return list(_digest_problems(reader))
    except NoSuchVersion:
        return []
    except S3Error as error:
        return [f"cannot be read: {error.message}"]


def _is_locked_up(info: ObjectInfo) -> bool:
    """Whether nobody here has the key: a customer's, or any if the reader does not open what is sealed."""
    return info.seal is not None and info.encryption.mode in ("", "customer")


def _digest_problems(reader: ObjectReader) -> Iterator[str]:
    info = reader.info
    running = {name: ALGORITHMS[name].new() for name, value in info.checksums.items() if "-" not in value}
    digests = [_md5_of(reader, start, end, running.values()) for start, end in _spans(info)]
    if is_md5(info.etag):
        if info.etag != digests[0]:
            yield f"the bytes have the MD5 {digests[0]}, not the ETag {info.etag}"
    elif info.parts:
        yield from _part_problems(info, digests)
    for name, one in running.items():
        if value_of(one.digest()) != info.checksums[name]:
            yield f"the bytes do not have the {name.upper()} {info.checksums[name]}"


def _md5_of(reader: ObjectReader, start: int, end: int, also: Iterable[Checksum]) -> str:
    md5 = hashlib.md5(usedforsecurity=False)
    for piece in reader.read(start, end):
        md5.update(piece)
        for one in also:
            one.update(piece)
    return md5.hexdigest()


def _part_problems(info: ObjectInfo, digests: list[str]) -> Iterator[str]:
    for part, digest in zip(info.parts, digests, strict=True):
        if part.etag != digest:
            yield f"part {part.number} has the MD5 {digest}, not {part.etag}"
    if multipart_etag(info.parts) != info.etag:
        yield f"the parts' MD5s do not give the ETag {info.etag}"


def _spans(info: ObjectInfo) -> list[tuple[int, int]]:
    if not info.parts or is_md5(info.etag):
        return [(0, info.size)]
    spans, at = [], 0
    for part in info.parts:
        spans.append((at, at + part.size))
        at += part.size
    return spans
