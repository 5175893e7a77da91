"""Does the index agree with the bodies? Every disagreement is a finding; nothing is changed.

The store may be in use: each page of rows is one read, and what looks wrong is read again
before it is told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator

import apsw

from proxy.backends.base import ObjectReader
from proxy.backends.filesystem.bucket import OpenBucket
from proxy.backends.filesystem.rows import LISTED, WHOLE, Row, Segment, segments_of, whole
from proxy.backends.filesystem.taking import is_md5
from proxy.backends.multipart import multipart_etag
from proxy.backends.values import Finding, ObjectInfo, Place
from proxy.errors import NoSuchKey, S3Error
from proxy.wire.checksums import ALGORITHMS, Checksum, value_of

_PAGE = 500

OpenObject = Callable[[Place, str], ObjectReader]


def check_place(bucket: OpenBucket, open_object: OpenObject, *, deep: bool) -> Iterator[Finding]:
    """Rows against bodies; `deep` also reads every body and hashes it."""
    with bucket.pool.lend() as connection:
        problems = list(_whole_problems(connection))
    for problem in problems:
        yield Finding(bucket.place, "", problem)
    for key, problem in _upload_problems(bucket):
        yield Finding(bucket.place, key, problem)
    for key, seq in _keys(bucket):
        for problem in _checked_twice(bucket, key):
            yield Finding(bucket.place, key, problem)
        if deep:
            for problem in _hash_problems(bucket, open_object, key, seq):
                yield Finding(bucket.place, key, problem)


# -- the place -----------------------------------------------------------------------------
_COUNTS = """
SELECT keys, size, (SELECT count(*) FROM live), (SELECT total(size) FROM live) FROM place
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
    keys, size, own_keys, own_size = counts
    if (keys, size) != (own_keys, int(own_size)):
        yield f"counts {keys} keys of {size} bytes, but has {own_keys} of {int(own_size)}"
    for kind, sql in (("blob", _REFERENCES), ("inline body", _INLINE_REFERENCES)):
        for body, refs, counted in connection.execute(sql):
            yield f"{kind} {body} counts {refs} references, but rows have {counted}"


# -- rows against bodies -------------------------------------------------------------------
def _keys(bucket: OpenBucket) -> Iterator[tuple[str, int]]:
    """Every live key and its seq, a page at a time."""
    after = b""
    while True:
        with bucket.pool.lend() as connection:
            rows: list[Row] = connection.execute(
                f"SELECT {LISTED} FROM live WHERE key >= ? ORDER BY key LIMIT ?", (after, _PAGE)
            ).fetchall()
        yield from ((str(row[0], "utf-8"), row[4]) for row in rows)
        if len(rows) < _PAGE:
            return
        after = rows[-1][0] + b"\0"


def _checked_twice(bucket: OpenBucket, key: str) -> list[str]:
    """A row that is replaced while we look may miss its file once, never twice."""
    return _row_problems(bucket, key) and _row_problems(bucket, key)


def _row_problems(bucket: OpenBucket, key: str) -> list[str]:
    with bucket.pool.lend() as connection:
        row: Row | None = connection.execute(
            f"SELECT {WHOLE}, (SELECT length(data) FROM bodies WHERE id = live.body) FROM live WHERE key = ?",
            (key.encode(),),
        ).fetchone()
    if row is None:
        return []
    info, body, segments = whole(row), row[11], segments_of(row[12])
    problems = []
    if body is not None and row[13] != info.size:
        problems.append(f"inline body has {row[13]} bytes instead of {info.size}")
    if body is None and sum(segment.length for segment in segments) != info.size:
        problems.append(f"segments do not add up to {info.size} bytes")
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
def _hash_problems(bucket: OpenBucket, open_object: OpenObject, key: str, seq: int) -> list[str]:
    try:
        with open_object(bucket.place, key) as reader:
            if reader.info.seq != seq:
                return []  # replaced since: it was whole when it came
            return list(_digest_problems(reader))
    except NoSuchKey:
        return []
    except S3Error as error:
        return [f"cannot be read: {error.message}"]


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
