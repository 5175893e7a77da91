"""What disks and SQLite raise, as S3 errors: one table, used around every operation."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import TracebackType

import apsw

from proxy.errors import BackendUnavailable, S3Error, SlowDown, StorageFull

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_HANDLES = (errno.EMFILE, errno.ENFILE)
_LAST_BYTES = 1024 * 1024
"""With less than this many bytes free, an I/O error of SQLite is a full disk."""


def translate(error: BaseException, root: Path) -> S3Error | None:
    """The S3 error to answer instead of `error`; None if it is none of ours."""
    if isinstance(error, S3Error):
        return error
    if isinstance(error, OSError):
        return _of_system(error)
    if isinstance(error, apsw.Error):
        return _of_sqlite(error, root)
    return None


def _of_system(error: OSError) -> S3Error:
    if error.errno in _FULL:
        return StorageFull()
    if error.errno in _NO_HANDLES:
        return SlowDown("Too many files are open at this moment. Try again.")
    return BackendUnavailable()


def _of_sqlite(error: apsw.Error, root: Path) -> S3Error | None:
    if isinstance(error, apsw.FullError):
        return StorageFull()
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return SlowDown("Too many writers wait for this bucket. Try again.")
    if isinstance(error, apsw.IOError | apsw.CantOpenError):
        return StorageFull() if _exhausted(root) else BackendUnavailable()
    if isinstance(error, apsw.CorruptError | apsw.NotADBError | apsw.ReadOnlyError | apsw.PermissionsError):
        return BackendUnavailable()
    return None


def _exhausted(root: Path) -> bool:
    try:
        return free_bytes(root) < _LAST_BYTES
    except OSError:
        return False


def free_bytes(path: Path) -> int:
    """Bytes that we may still write on the file system of `path`."""
    state = os.statvfs(path)
    return state.f_bavail * state.f_frsize


class Translated:
    """`with` this, every fault of the disk or of SQLite leaves as an S3Error. It has no state."""

    __slots__ = ("_root",)

    def __init__(self, root: Path) -> None:
        self._root = root

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            return
        better = translate(error, self._root)
        if better is not None and better is not error:
            raise better from error
