"""Listings: one read transaction a page, and a seek past every common prefix.

Everything is compared as UTF-8 bytes, which is how S3 orders keys. UTF-8 never contains the
byte 0xFF, so the successor of a prefix is the prefix with its last byte one higher.
"""

from __future__ import annotations

from dataclasses import dataclass

import apsw

from proxy.backends.filesystem.bucket import OpenBucket
from proxy.backends.filesystem.rows import LISTED, listed
from proxy.backends.values import Listing, ObjectInfo

_BEYOND = b"\xff"
_PAGE = f"SELECT {LISTED} FROM live WHERE key >= ? AND key < ? ORDER BY key LIMIT ?"
_ROWS = f"SELECT {LISTED} FROM live WHERE key >= ? AND key < ? ORDER BY key"


def successor(prefix: bytes) -> bytes:
    """The least text that is greater than all that begin with `prefix`."""
    return prefix[:-1] + bytes([prefix[-1] + 1]) if prefix else _BEYOND


@dataclass(frozen=True, slots=True)
class Span:
    """Which keys a listing looks at: `start` <= key < `end`, rolled up at `delimiter`."""

    prefix: bytes
    delimiter: bytes
    start: bytes
    end: bytes

    @classmethod
    def of(cls, prefix: str, delimiter: str, after: str) -> Span:
        begin, cut = prefix.encode(), delimiter.encode()
        span = cls(begin, cut, begin, successor(begin))
        if not after:
            return span
        passed = after.encode()
        common = span.common_prefix(passed)
        start = successor(common) if common else passed + b"\0"
        return cls(begin, cut, max(begin, start), span.end)

    def common_prefix(self, key: bytes) -> bytes | None:
        """What a key is rolled up to, if it is."""
        if not self.delimiter or not key.startswith(self.prefix):
            return None
        at = key.find(self.delimiter, len(self.prefix))
        return None if at < 0 else key[: at + len(self.delimiter)]


def list_objects(bucket: OpenBucket, prefix: str, delimiter: str, after: str, limit: int) -> Listing:
    """See `Backend.list`."""
    span = Span.of(prefix, delimiter, after)
    if limit <= 0 or span.start >= span.end:
        return Listing((), (), None)
    with bucket.pool.lend() as connection:
        if not delimiter:
            return _plain(connection, span, limit)
        connection.execute("BEGIN")
        try:
            return _rolled_up(connection, span, limit)
        finally:
            connection.execute("COMMIT")


def _plain(connection: apsw.Connection, span: Span, limit: int) -> Listing:
    rows = connection.execute(_PAGE, (span.start, span.end, limit + 1)).fetchall()
    objects = tuple(map(listed, rows[:limit]))
    return Listing(objects, (), objects[-1].key if len(rows) > limit else None)


def _rolled_up(connection: apsw.Connection, span: Span, limit: int) -> Listing:
    objects: list[ObjectInfo] = []
    prefixes: list[str] = []
    last, start, cursor = "", span.start, connection.cursor()
    while True:
        for row in cursor.execute(_ROWS, (start, span.end)):
            if len(objects) + len(prefixes) == limit:
                return Listing(tuple(objects), tuple(prefixes), last)
            common = span.common_prefix(row[0])
            if common is not None:
                last = str(common, "utf-8")
                prefixes.append(last)
                start = successor(common)
                break
            objects.append(listed(row))
            last = objects[-1].key
        else:
            return Listing(tuple(objects), tuple(prefixes), None)
