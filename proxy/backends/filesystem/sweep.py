"""What is removed later: garbage after a minute, finished uploads after a day, orphans after an hour.

Nothing here is needed for correctness of reads or writes; it gives space back. `scrub` also leaves
nothing in the index of what was deleted from it.
"""

from __future__ import annotations

import os
import threading
from functools import partial
from pathlib import Path

import apsw

from proxy.backends.filesystem import copies
from proxy.backends.filesystem.bucket import OpenBucket
from proxy.backends.filesystem.transaction import Transaction
from proxy.backends.filesystem.workspace import oldest_pin, remove_abandoned
from proxy.backends.multipart import COMPLETION_MS

GARBAGE_MS = 60_000
"""A blob stays at least so long after the last row that named it."""
ORPHAN_MS = 3_600_000
"""A file that no row names is left alone until it is that old; swept as often."""
SWEPT = ".swept"
_TOGETHER = 500


def sweep_bucket(bucket: OpenBucket) -> None:
    """One round over one place. Raises S3Error, OSError, apsw.Error."""
    remove_abandoned(bucket.folder / "tmp")
    while _collect(bucket) == _TOGETHER:
        pass
    while bucket.writer.submit(_forget_finished) == _TOGETHER:
        pass
    if orphans_due(bucket):
        _note_orphans(bucket)
        for folder in sorted(_folders(bucket.folder / "blobs")):
            bucket.writer.submit(partial(_sweep_orphans, folder))


def scrub(bucket: OpenBucket, grace_ms: int) -> bool:
    """Leave nothing of bodies that no row names; False while some is too young, or still read.

    The index is written anew, for what was deleted from it may stand in its free pages, its log is
    emptied, and its copies go. Raises S3Error, OSError, apsw.Error.
    """
    remove_abandoned(bucket.folder / "tmp")
    while _collect(bucket, grace_ms) == _TOGETHER:
        pass
    with bucket.pool.lend() as connection:
        if connection.execute("SELECT EXISTS (SELECT 1 FROM garbage)").get:
            return False
        bucket.require_space(2 * bucket.index_bytes())  # a copy beside it, and all of it in the log
        try:
            _write_anew(connection, bucket.folder / "tmp")
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.BusyError:
            return False
    copies.forget(bucket.folder)
    return True


_writing_anew = threading.Lock()


def _write_anew(connection: apsw.Connection, temporary: Path) -> None:
    """VACUUM, whose temporary file holds the whole index: on this disk, and on no other.

    Source: SQLite, "Temporary Files Used By SQLite". The folder is one for the whole process.
    """
    with _writing_anew:
        connection.execute(f"PRAGMA temp_store_directory = {apsw.format_sql_value(str(temporary))}")
        try:
            connection.execute("VACUUM")
        finally:
            connection.execute("PRAGMA temp_store_directory = ''")


def is_due(bucket: OpenBucket) -> bool:
    """Whether a round would find anything; only reads."""
    now = bucket.now()
    with bucket.pool.lend() as connection:
        row = connection.execute(
            "SELECT EXISTS (SELECT 1 FROM garbage WHERE since <= ?)"
            " OR EXISTS (SELECT 1 FROM completions WHERE finished <= ?)",
            (now - GARBAGE_MS, now - COMPLETION_MS),
        ).get
    return bool(row) or orphans_due(bucket)


def orphans_due(bucket: OpenBucket) -> bool:
    """Whether nobody looked for orphans for an hour.

    That is noted in a file: a note in the index would be a change of the place, every hour.
    """
    try:
        return (bucket.folder / SWEPT).stat().st_mtime * 1000 <= bucket.now() - ORPHAN_MS
    except FileNotFoundError:
        return True


def _note_orphans(bucket: OpenBucket) -> None:
    path, now = bucket.folder / SWEPT, bucket.now() / 1000
    path.touch()
    os.utime(path, (now, now))


def _collect(bucket: OpenBucket, grace_ms: int = GARBAGE_MS) -> int:
    """Unlink some garbage; how much there was. The row goes first: then nobody takes it back."""
    pinned = oldest_pin(bucket.folder / "tmp")

    def operation(transaction: Transaction) -> list[str]:
        until = transaction.now - grace_ms
        if pinned is not None:
            until = min(until, pinned - 1)
        rows = transaction.rows(
            "SELECT id FROM garbage WHERE since <= ? ORDER BY since LIMIT ?", until, _TOGETHER
        )
        for (blob,) in rows:
            transaction.run("DELETE FROM garbage WHERE id = ?", blob)
        return [blob for (blob,) in rows]

    found = bucket.writer.submit(operation)
    for blob in found:
        with bucket.pool.lend() as connection:
            named = connection.execute("SELECT 1 FROM blobs WHERE id = ?", (blob,)).fetchone()
        if named is None:  # the second check: never unlink what a row names
            bucket.blob_path(blob).unlink(missing_ok=True)
    return len(found)


def _forget_finished(transaction: Transaction) -> int:
    return transaction.changed(
        "DELETE FROM completions WHERE id IN (SELECT id FROM completions WHERE finished <= ? LIMIT ?)",
        transaction.now - COMPLETION_MS,
        _TOGETHER,
    )


def _folders(blobs: Path) -> list[Path]:
    return [Path(entry.path) for entry in os.scandir(blobs) if entry.is_dir()]


def _sweep_orphans(folder: Path, transaction: Transaction) -> int:
    """Under the writer lock, so that no blob is between its folder and its row."""
    named = {
        row[0]
        for table in ("blobs", "garbage")
        for row in transaction.rows(
            f"SELECT id FROM {table} WHERE id >= ? AND id < ?", folder.name, folder.name + "g"
        )
    }
    removed = 0
    for name in os.listdir(folder):
        path = folder / name
        # ctime: a hard link has the mtime of its source, but its own birth moves this.
        if name not in named and path.stat().st_ctime * 1000 <= transaction.now - ORPHAN_MS:
            path.unlink()
            removed += 1
    return removed
