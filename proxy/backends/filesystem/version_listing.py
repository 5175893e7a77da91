"""Listing of all versions: `live` and `history` merged, keys in order, newest first within a key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import apsw

from proxy.backends.filesystem.bucket import OpenBucket
from proxy.backends.filesystem.listing import Source, Span, Walk
from proxy.backends.filesystem.rows import LISTED, Row, listed
from proxy.backends.values import VersionListing

_VERSION, _MARKER = 9, 11
"""Where these columns stand in a row of a walk."""

_ORDER = "ORDER BY key, ordinal DESC, version DESC"
_LEAST = "(SELECT key FROM {table} WHERE key >= {{start}} AND key < {{end}} ORDER BY key LIMIT 1)"
_BOTH = Source(
    # (The last column is there to sort by: the first is the key as text, and compares the same.)
    rows=f"SELECT {LISTED}, 0 AS marker, key FROM live WHERE key >= ?1 AND key < ?2"
    f" UNION ALL SELECT {LISTED}, marker, key FROM history WHERE key >= ?1 AND key < ?2 {_ORDER}",
    least=f"(SELECT min(least) FROM (SELECT {_LEAST.format(table='live')} AS least"
    f" UNION ALL SELECT {_LEAST.format(table='history')}))",
)
_OLDER = (
    f"SELECT {LISTED}, marker, key FROM history"
    f" WHERE key = ?1 AND ordinal <= ?2 AND (ordinal < ?2 OR version < ?3) {_ORDER} LIMIT ?4"
)
_POSITION = (
    "SELECT ordinal FROM live WHERE key = ?1 AND version = ?2"
    " UNION ALL SELECT ordinal FROM history WHERE key = ?1 AND version = ?2"
)


def list_versions(
    bucket: OpenBucket, prefix: str, delimiter: str, after: tuple[str, str], limit: int
) -> VersionListing:
    """See `Backend.list_versions`."""
    if limit <= 0:
        return VersionListing((), (), None)
    with bucket.pool.lend() as connection:
        connection.execute("BEGIN")
        try:
            walk, passed = _walked(connection, Span.of(prefix, delimiter, after[0]), after, limit)
        finally:
            connection.execute("COMMIT")
    rows = walk.rows
    versions = listed(rows, [bool(row[_MARKER]) for row in rows], _latest(rows, passed))
    if not walk.more:
        last = None
    elif walk.ends_with_prefix():
        last = (walk.prefixes[-1], "")
    else:
        last = (rows[-1][0], rows[-1][_VERSION])
    return VersionListing(versions, tuple(walk.prefixes), last)


def _walked(connection: apsw.Connection, span: Span, after: tuple[str, str], limit: int) -> tuple[Walk, str]:
    """The page, and the key whose newest version is behind."""
    name, version = after[0].encode(), after[1]
    passed = None
    if version and name.startswith(span.prefix) and span.common_prefix(name) is None:
        passed = connection.execute(_POSITION, (name, version)).fetchone()
        if passed is None:  # that version is gone: its key begins again
            span = replace(span, start=name)
    walk = Walk(connection, _BOTH, span, limit)
    if passed is not None:
        walk.rows = connection.execute(_OLDER, (name, passed[0], version, limit + 1)).fetchall()
        if len(walk.rows) > limit:
            walk.rows.pop()
            walk.more = True
    walk.go()
    return walk, after[0] if passed else ""


def _latest(rows: list[Row], passed: str) -> Iterator[bool]:
    """The first of each key is its latest."""
    before = passed
    for row in rows:
        yield row[0] != before
        before = row[0]
