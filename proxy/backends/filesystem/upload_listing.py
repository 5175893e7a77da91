"""Listing of multipart uploads: by key, then by initiation, rolled up like objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import apsw

from proxy.backends.filesystem.bucket import OpenBucket
from proxy.backends.filesystem.listing import Span, successor
from proxy.backends.filesystem.rows import UPLOAD, upload_of
from proxy.backends.multipart import COMPLETION_MS
from proxy.backends.values import UploadInfo, UploadListing

_OPEN = f"SELECT {UPLOAD}, NULL AS result FROM uploads WHERE key >= :start AND key < :end"
_FINISHED = (
    f"SELECT {UPLOAD}, result FROM completions WHERE key >= :start AND key < :end AND finished > :oldest"
)
_ORDER = " ORDER BY key, initiated, id"
_INITIATED = (
    "SELECT initiated FROM uploads WHERE id = ? UNION ALL SELECT initiated FROM completions WHERE id = ?"
)


def list_uploads(
    bucket: OpenBucket, prefix: str, delimiter: str, after: tuple[str, str], limit: int, finished: bool
) -> UploadListing:
    """See `Backend.list_uploads`. A marker whose upload is gone begins its key again."""
    key, upload_id = after
    span = Span.of(prefix, delimiter, key)
    sql = (f"{_OPEN} UNION ALL {_FINISHED}" if finished else _OPEN) + _ORDER
    with bucket.pool.lend() as connection:
        connection.execute("BEGIN")
        try:
            passed = (-1, "")
            if upload_id and span.common_prefix(key.encode()) is None:
                passed = _position(connection, upload_id)
                span = replace(span, start=max(span.prefix, key.encode()))
            if limit <= 0 or span.start >= span.end:
                return UploadListing((), (), None)
            walk = _Walk(connection, sql, span, bucket.now() - COMPLETION_MS)
            return walk.page(limit, (key, passed))
        finally:
            connection.execute("COMMIT")


def _position(connection: apsw.Connection, upload_id: str) -> tuple[int, str]:
    row = connection.execute(_INITIATED, (upload_id, upload_id)).fetchone()
    return (-1, "") if row is None else (row[0], upload_id)


class _Walk:
    """Uploads in order, with a seek past each common prefix."""

    def __init__(self, connection: apsw.Connection, sql: str, span: Span, oldest: int) -> None:
        self._cursor = connection.cursor()
        self._sql = sql
        self._span = span
        self._oldest = oldest

    def _entries(self) -> Iterator[tuple[str | None, UploadInfo]]:
        """(common prefix or None, upload); the walk goes on after the prefix."""
        start: bytes | None = self._span.start
        while start is not None:
            bindings = {"start": start, "end": self._span.end, "oldest": self._oldest}
            start = None
            for row in self._cursor.execute(self._sql, bindings):
                common = self._span.common_prefix(row[1])
                yield (None if common is None else str(common, "utf-8")), upload_of(row)
                if common is not None:
                    start = successor(common)
                    break

    def page(self, limit: int, passed: tuple[str, tuple[int, str]]) -> UploadListing:
        key, position = passed
        uploads: list[UploadInfo] = []
        prefixes: list[str] = []
        last = ("", "")
        for common, upload in self._entries():
            if upload.key == key and (upload.initiated, upload.upload_id) <= position:
                continue
            if len(uploads) + len(prefixes) == limit:
                return UploadListing(tuple(uploads), tuple(prefixes), last)
            if common is None:
                uploads.append(upload)
                last = (upload.key, upload.upload_id)
            else:
                prefixes.append(common)
                last = (common, "")
        return UploadListing(tuple(uploads), tuple(prefixes), None)
