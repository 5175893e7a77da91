"""Listing of all versions: `live` and `history` merged, keys in order, newest first within a key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import apsw

from proxy.backends.filesystem.bucket import OpenBucket
from proxy.backends.filesystem.listing import Span, successor
from proxy.backends.filesystem.rows import LISTED, Row, listed
from proxy.backends.values import ObjectInfo, VersionListing

_COLUMNS = 11
_ORDER = "ORDER BY key, ordinal DESC, version DESC"
_ROWS = (
    f"SELECT {LISTED}, 0 AS marker FROM live WHERE key >= ?1 AND key < ?2"
    f" UNION ALL SELECT {LISTED}, marker FROM history WHERE key >= ?1 AND key < ?2 {_ORDER}"
)
_OLDER = (
    f"SELECT {LISTED}, marker FROM history"
    f" WHERE key = ?1 AND ordinal <= ?2 AND (ordinal < ?2 OR version < ?3) {_ORDER}"
)
_POSITION = (
    "SELECT ordinal FROM live WHERE key = ?1 AND version = ?2"
    " UNION ALL SELECT ordinal FROM history WHERE key = ?1 AND version = ?2"
)


def list_versions(
    bucket: OpenBucket, prefix: str, delimiter: str, after: tuple[str, str], limit: int
) -> VersionListing:
    """See `Backend.list_versions`."""
    with bucket.pool.lend() as connection:
        connection.execute("BEGIN")
        try:
            return _page(_Walk(connection, prefix, delimiter, after), limit)
        finally:
            connection.execute("COMMIT")


def _page(walk: _Walk, limit: int) -> VersionListing:
    versions: list[ObjectInfo] = []
    prefixes: list[str] = []
    last = ("", "")
    if limit <= 0:
        return VersionListing((), (), None)
    for common, info in walk.entries():
        if len(versions) + len(prefixes) == limit:
            return VersionListing(tuple(versions), tuple(prefixes), last)
        if info is not None:
            versions.append(info)
            last = (info.key, info.version_id)
        else:
            prefixes.append(common)
            last = (common, "")
    return VersionListing(tuple(versions), tuple(prefixes), None)


class _Walk:
    """Versions in order from a place in line on, with a seek past each common prefix."""

    def __init__(
        self, connection: apsw.Connection, prefix: str, delimiter: str, after: tuple[str, str]
    ) -> None:
        key, version = after
        self._cursor = connection.cursor()
        self._span = Span.of(prefix, delimiter, key)
        self._passed: tuple[bytes, int, str] | None = None
        name = key.encode()
        if not version or not name.startswith(self._span.prefix) or self._span.common_prefix(name):
            return
        row = self._cursor.execute(_POSITION, (name, version)).fetchone()
        if row is None:  # gone: its key begins again
            self._span = replace(self._span, start=name)
        else:
            self._passed = (name, row[0], version)

    def entries(self) -> Iterator[tuple[str, ObjectInfo | None]]:
        """A common prefix and None, or "" and a version."""
        if self._passed is not None:
            for row in self._cursor.execute(_OLDER, self._passed):
                yield "", _entry(row, latest=False)
        before = self._passed[0] if self._passed else None
        start: bytes | None = self._span.start
        while start is not None and start < self._span.end:
            rows = self._cursor.execute(_ROWS, (start, self._span.end))
            start = None
            for row in rows:
                common = self._span.common_prefix(row[0])
                if common is not None:
                    yield str(common, "utf-8"), None
                    start = successor(common)
                    break
                yield "", _entry(row, latest=row[0] != before)
                before = row[0]


def _entry(row: Row, *, latest: bool) -> ObjectInfo:
    return listed(row[:_COLUMNS], bool(row[_COLUMNS]), latest)
