"""What an operation does inside the shared transaction: sequence numbers, bodies, counts.

Every change of a place takes the next `seq`. Bodies are counted by those that refer to them;
a blob that nothing refers to becomes a garbage row in the same transaction and its file is
unlinked much later (`sweep`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from proxy.backends.filesystem.rows import Row, Segment, Stored
from proxy.errors import NoSuchBucket

LOG_ROWS = 100_000
"""Changes that the log keeps at least; it is trimmed every LOG_TRIM changes."""
LOG_TRIM = 1_000

_STATE = "SELECT seq, keys, size, versions, versions_size, gone FROM place"
_KEEP = "UPDATE place SET seq = ?, keys = ?, size = ?, versions = ?, versions_size = ?"


class Counters(NamedTuple):
    """`versions` and `versions_size` are about rows in `history`, `keys` and `size` about `live`."""

    seq: int
    keys: int
    size: int
    versions: int
    versions_size: int


class Transaction:
    """An open IMMEDIATE transaction; `now` is its moment in milliseconds."""

    def __init__(self, connection: apsw.Connection, now: int) -> None:
        self.connection = connection
        self.now = now
        state: Row = self.rows(_STATE)[0]
        self.seq, self.keys, self.size, self.versions, self.versions_size, gone = state
        self._began = self.counters()
        self._folders: set[Path] = set()
        self._gone = bool(gone)
        self.require_place()

    def row(self, sql: str, *bindings: Any) -> Row | None:
        """The first row, None if there is none."""
        return self.connection.execute(sql, bindings).fetchone()

    def rows(self, sql: str, *bindings: Any) -> list[Row]:
        return self.connection.execute(sql, bindings).fetchall()

    def run(self, sql: str, *bindings: Any) -> apsw.Cursor:
        return self.connection.execute(sql, bindings)

    def changed(self, sql: str, *bindings: Any) -> int:
        """Run it; how many rows it changed."""
        self.connection.execute(sql, bindings)
        return self.connection.changes()

    def require_place(self) -> None:
        """Raises NoSuchBucket once the place is being removed, by whatever process."""
        if self._gone:
            raise NoSuchBucket()

    def retire(self) -> None:
        """The place is being removed: nothing is written to it any more."""
        self.run("UPDATE place SET gone = 1")
        self._gone = True

    # -- what the transaction keeps count of -------------------------------------------------
    def counters(self) -> Counters:
        return Counters(self.seq, self.keys, self.size, self.versions, self.versions_size)

    def restore(self, counters: Counters) -> None:
        self.seq, self.keys, self.size, self.versions, self.versions_size = counters

    def next_seq(self, key: bytes, *, gone: bool = False) -> int:
        """The number of a change of `key`, noted in the log that a change feed reads."""
        self.seq += 1
        self.run("INSERT INTO changes (seq, key, gone) VALUES (?, ?, ?)", self.seq, key, gone)
        if self.seq % LOG_TRIM == 0:
            self.run("DELETE FROM changes WHERE seq <= ?", self.seq - LOG_ROWS)
        return self.seq

    def count(self, *, live: bool, number: int, size: int) -> None:
        """So many rows, with so many bytes, more (or fewer) in `live` or in `history`."""
        if live:
            self.keys += number
            self.size += size
        else:
            self.versions += number
            self.versions_size += size

    # -- bodies ------------------------------------------------------------------------------
    def moved_in(self, folder: Path) -> None:
        """`folder` got a new name; it is fsynced before the commit."""
        self._folders.add(folder)

    def release(self, where: Stored) -> None:
        """One row fewer refers to these bytes."""
        if where.body is not None and not self.changed(
            "DELETE FROM bodies WHERE id = ? AND refs = 1", where.body
        ):
            self.run("UPDATE bodies SET refs = refs - 1 WHERE id = ?", where.body)
        for segment in where.segments:
            self._release_blob(segment)

    def _release_blob(self, segment: Segment) -> None:
        row = self.row("DELETE FROM blobs WHERE id = ? AND refs = 1 RETURNING size", segment.blob)
        if row is None:
            self.run("UPDATE blobs SET refs = refs - 1 WHERE id = ?", segment.blob)
        else:
            self.run("INSERT INTO garbage (id, since, size) VALUES (?, ?, ?)", segment.blob, self.now, row[0])

    # -- the end -----------------------------------------------------------------------------
    def finish(self) -> None:
        """Make it durable: folders first, then the rows that name what is in them."""
        if self.counters() != self._began:
            self.run(_KEEP, *self.counters())
        for folder in self._folders:
            sync_folder(folder)
        self.connection.execute("COMMIT")


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
