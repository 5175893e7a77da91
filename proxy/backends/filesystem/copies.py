"""Copies of index.db, made while it is used: losing it would lose names, facts and wraps.

A copy is what one read transaction sees. It is taken in small steps; readers and writers go on,
only the write-ahead log is not shortened meanwhile. The regular ones are in `copies/` beside the
index: `index.db` is the newest, `index.db.1` the one before. A copy holds what the index holds,
bodies of small objects too, and is not sealed.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

import apsw

from proxy.backends.filesystem.bucket import IDENTITY, INDEX
from proxy.backends.filesystem.faults import Translated, free_bytes
from proxy.backends.filesystem.pool import Pool
from proxy.backends.filesystem.transaction import sync_folder
from proxy.errors import BackendUnavailable, StorageFull

FOLDER = "copies"
BEFORE = f"{INDEX}.1"
_DRAFT = f"{INDEX}.new"
_LOCK = "lock"
"""Locked while a copy is made; changed when that was last tried."""
_SEEN_TO = "seen-to"
"""Changed when a copy was last made, or found unnecessary."""

RETRY_MS = 3_600_000
"""After a failure the next attempt waits so long."""
_RESERVE_BYTES = 16 * 1024 * 1024
_STEP_PAGES = 500
_STEPS_OF_SQL = 10_000
"""So often it is asked, while a copy is checked, whether a fork waits."""
_TICK_NS = 1_000_000_000
"""Changes so close to one another may have the same time on the file system."""


class Interrupted(Exception):
    """This process is about to fork: nothing may be open then. Nothing was kept."""


def copy_index(pool: Pool, index: Path, target: Path) -> None:
    """Write a whole copy into a new file; it is checked and durable when this returns (its name is
    the caller's).

    Raises StorageFull, BackendUnavailable (what was copied is damaged), Interrupted, OSError,
    apsw.Error; then there is no such file.
    """
    size = sum(_size(path) for path in (index, _log_of(index)))
    if free_bytes(target.parent) < size + _RESERVE_BYTES:
        raise StorageFull()
    target.unlink(missing_ok=True)
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        _copy(pool, target)
        _sync(target)
    except BaseException:
        for end in ("", "-journal", "-wal", "-shm"):
            target.with_name(target.name + end).unlink(missing_ok=True)
        raise


def _copy(pool: Pool, target: Path) -> None:
    with pool.lend() as source:  # to the end: a fork waits for it, and so for the copy to be closed
        copy = apsw.Connection(str(target))
        copy.set_progress_handler(lambda: pool.is_freezing, _STEPS_OF_SQL)
        try:
            _transfer(pool, source, copy)
            copy.execute("PRAGMA journal_mode = DELETE").fetchall()  # one file, with nothing beside it
            require_whole(copy)
        except apsw.InterruptError:
            raise Interrupted from None
        finally:
            copy.close()


def _transfer(pool: Pool, source: apsw.Connection, copy: apsw.Connection) -> None:
    source.execute("BEGIN")
    source.execute("SELECT seq FROM place").fetchall()  # from here on we see this moment
    copy.execute("PRAGMA synchronous = OFF")  # it is synced once, at the end
    with copy.backup("main", source, "main") as backup:
        while not backup.done:
            if pool.is_freezing:
                raise Interrupted
            backup.step(_STEP_PAGES)
    source.execute("ROLLBACK")


def copy_out(folder: Path, target: Path) -> None:
    """A whole copy of a place's index in a new file elsewhere; may be called by any process.

    Raises S3Error: StorageFull; BackendUnavailable if the index is missing or damaged.
    """
    pool = Pool(str(folder / INDEX))
    try:
        with Translated(folder):
            copy_index(pool, folder / INDEX, target)
    finally:
        pool.close()


def require_whole(connection: apsw.Connection) -> None:
    """Raises BackendUnavailable if SQLite finds the index damaged."""
    problem = connection.execute("PRAGMA quick_check(1)").get
    if problem != "ok":
        raise BackendUnavailable(f"The index is damaged: {problem}")


def opens(path: Path) -> bool:
    """Whether a file is an index that opens; it is only read, and its pages are not gone through."""
    return path.exists() and _reads(path, lambda connection: None)


def is_whole(path: Path) -> bool:
    """Whether a file is an index that opens and is not damaged anywhere; it is only read."""
    return path.exists() and _reads(path, require_whole)


def _reads(path: Path, check: Callable[[apsw.Connection], None]) -> bool:
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            connection.execute("SELECT seq FROM place").fetchall()
            check(connection)
        finally:
            connection.close()
    except (apsw.Error, BackendUnavailable):
        return False
    return True


# -- the regular copies --------------------------------------------------------------------
def keep_copy(pool: Pool, folder: Path, now: int, every_ms: int) -> bool:
    """Copy the index of a place if that is due and no other process does; whether it was seen to.

    A place that has not changed since its newest copy needs none. Raises as `copy_index`.
    """
    if not is_due(folder, now, every_ms):
        return False
    copies = folder / FOLDER
    copies.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(copies / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if last_seen_to(folder) > now - every_ms:
            return False
        _note(copies / _LOCK, now)
        _renew(pool, folder, copies)
        _note(copies / _SEEN_TO, now)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def is_due(folder: Path, now: int, every_ms: int) -> bool:
    """Whether the last copy is old enough, and the last attempt too."""
    tried = _time_ns(folder / FOLDER / _LOCK) // 1_000_000
    return last_seen_to(folder) <= now - every_ms and tried <= now - min(RETRY_MS, every_ms)


def last_seen_to(folder: Path) -> int:
    """When a copy was last made or found unnecessary, else when the place was made; milliseconds."""
    return max(_time_ns(folder / FOLDER / _SEEN_TO), _time_ns(folder / IDENTITY)) // 1_000_000


def kept(folder: Path) -> list[Path]:
    """The copies that there are, the newest first."""
    return [path for path in (folder / FOLDER / name for name in (INDEX, BEFORE)) if path.exists()]


def forget(folder: Path) -> None:
    """Remove the copies of a place, for what they hold must not stay; the next one is due at once.

    Waits for a copy that is being made.
    """
    copies = folder / FOLDER
    if not copies.exists():
        return
    with (copies / _LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name in (INDEX, BEFORE, _DRAFT, _SEEN_TO):
            (copies / name).unlink(missing_ok=True)
        sync_folder(copies)
        _note(copies / _LOCK, 0)


def _renew(pool: Pool, folder: Path, copies: Path) -> None:
    stamp, newest = _stamp(folder), copies / INDEX
    if _time_ns(newest) == stamp:
        return
    draft = copies / _DRAFT
    copy_index(pool, folder / INDEX, draft)
    os.utime(draft, ns=(stamp, stamp))
    if newest.exists():
        (copies / BEFORE).unlink(missing_ok=True)
        os.link(newest, copies / BEFORE)
    draft.replace(newest)
    sync_folder(copies)


def _stamp(folder: Path) -> int:
    """When the index was last changed, in nanoseconds; another time if it may change at this moment."""
    index = folder / INDEX
    changed = max(_time_ns(index), _time_ns(_log_of(index)))
    return changed - 1 if changed > time.time_ns() - _TICK_NS else changed


def _note(path: Path, now: int) -> None:
    path.touch(mode=0o600)
    os.utime(path, ns=(now * 1_000_000, now * 1_000_000))


def _sync(path: Path) -> None:
    # (Nobody of this process has it open as a database any more.)
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _log_of(index: Path) -> Path:
    return index.with_name(f"{index.name}-wal")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _time_ns(path: Path) -> int:
    """When it was last changed; 0 if it is not there."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
