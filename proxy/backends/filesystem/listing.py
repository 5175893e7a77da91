"""Listings: one read transaction a page, and a seek past every common prefix.

Everything is compared as UTF-8 bytes, which is how S3 orders keys. UTF-8 never contains the
byte 0xFF, so the successor of a prefix is the prefix with its last byte one higher.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice

import apsw

from proxy.backends.filesystem.bucket import OpenBucket
from proxy.backends.filesystem.rows import LISTED, Row, listed
from proxy.backends.values import Listing

_BEYOND = b"\xff"
_PAGE = f"SELECT {LISTED} FROM live WHERE key >= ? AND key < ? ORDER BY key LIMIT ?"


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


@dataclass(frozen=True, slots=True)
class Source:
    """Where a walk gets its rows: `rows` in order between two keys, `least` the first key there.

    `prefixes` goes from the first key under one common prefix to that under the next, until
    there is a key under none (or no key): many seeks in one statement.
    """

    rows: str
    least: str
    prefixes: str = field(init=False)

    def __post_init__(self) -> None:
        under = "instr(substr(walk.key, :beyond), :delimiter)"
        passed = f"CAST(substr(walk.key, 1, {under} + :kept) || :higher AS BLOB)"
        object.__setattr__(
            self,
            "prefixes",
            f"WITH RECURSIVE walk (key) AS (SELECT {self.least.format(start=':start', end=':end')} UNION ALL"
            f" SELECT {self.least.format(start=passed, end=':end')} FROM walk WHERE {under})"
            " SELECT key FROM walk LIMIT :limit",
        )


_LIVE = Source(
    rows=f"SELECT {LISTED} FROM live WHERE key >= ? AND key < ? ORDER BY key",
    least="(SELECT key FROM live WHERE key >= {start} AND key < {end} ORDER BY key LIMIT 1)",
)


class Walk:
    """One page of rows and common prefixes, together in order: at most `limit`, `more` if cut."""

    def __init__(self, connection: apsw.Connection, source: Source, span: Span, limit: int) -> None:
        self._cursor = connection.cursor()
        self._source = source
        self._span = span
        self._limit = limit
        self._skip = len(str(span.prefix, "utf-8"))
        self._delimiter = str(span.delimiter, "utf-8")
        self.rows: list[Row] = []
        self.prefixes: list[str] = []
        self.more = False

    def go(self) -> None:
        """Rows are read as they come; where prefixes follow one another, they are sought instead."""
        start = self._span.start
        while start < self._span.end and not self.more:
            before = len(self.rows)
            start = self._read(start) if self._delimiter else self._read_all(start)
            if len(self.rows) == before and not self.more:
                start = self._seek(start)
        self._cursor.close()  # else what was begun and not read to its end holds up checkpoints

    def _is_full(self) -> bool:
        self.more = len(self.rows) + len(self.prefixes) >= self._limit
        return self.more

    def _read_all(self, start: bytes) -> bytes:
        rows = self._cursor.execute(self._source.rows, (start, self._span.end))
        self.rows += islice(rows, self._limit - len(self.rows) + 1)
        if len(self.rows) > self._limit:
            self.more = True
            self.rows.pop()
        return self._span.end

    def _read(self, start: bytes) -> bytes:
        """Take rows up to a common prefix, and it; where to go on."""
        for row in self._cursor.execute(self._source.rows, (start, self._span.end)):
            if self._is_full():
                break
            at = row[0].find(self._delimiter, self._skip)
            if at >= 0:
                self.prefixes.append(row[0][: at + len(self._delimiter)])
                return successor(self.prefixes[-1].encode())
            self.rows.append(row)
        return self._span.end

    def _seek(self, start: bytes) -> bytes:
        """Take common prefixes up to a key under none; where to go on."""
        span, width = self._span, len(self._span.delimiter)
        if start >= span.end:
            return start
        for (key,) in self._cursor.execute(
            self._source.prefixes,
            {
                "start": start, "end": span.end, "delimiter": span.delimiter,
                "beyond": len(span.prefix) + 1, "kept": len(span.prefix) + width - 2,
                "higher": span.delimiter[-1:].translate(_HIGHER),
                "limit": self._limit - len(self.rows) - len(self.prefixes) + 1,
            },
        ):  # fmt: skip
            if key is None:
                break
            common = span.common_prefix(key)
            if common is None:
                return bytes(key)
            if self._is_full():
                break
            self.prefixes.append(str(common, "utf-8"))
        return span.end

    def ends_with_prefix(self) -> bool:
        """Whether the last entry of the page is a common prefix."""
        if not (self.rows and self.prefixes):
            return bool(self.prefixes)
        return self.prefixes[-1].encode() > self.rows[-1][0].encode()


_HIGHER = bytes((byte + 1) % 256 for byte in range(256))


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
            walk = Walk(connection, _LIVE, span, limit)
            walk.go()
        finally:
            connection.execute("COMMIT")
    last = walk.prefixes[-1] if walk.ends_with_prefix() else walk.rows[-1][0] if walk.rows else None
    return Listing(listed(walk.rows), tuple(walk.prefixes), last if walk.more else None)


def _plain(connection: apsw.Connection, span: Span, limit: int) -> Listing:
    rows = connection.execute(_PAGE, (span.start, span.end, limit + 1)).fetchall()
    objects = listed(rows[:limit])
    return Listing(objects, (), objects[-1].key if len(rows) > limit else None)
