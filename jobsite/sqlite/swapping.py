"""The control database under another key: exported, verified, and renamed over the old file.

The old file is only read. Until the rename it is the database, from then on the new one is; a
kill at any moment leaves one of them, and a draft that the next start removes.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlcipher3 import dbapi2 as Database

from jobsite.first_start import sync_folder
from jobsite.sqlite.exporting import export, remove, settle, verify
from jobsite.sqlite.opening import Refused, connect

PATIENCE_S = 2.0
"""How long we wait for others to let go of the database."""
_SPARE_BYTES = 16 * 1024 * 1024
_SQLITE_PAGE_OVERHEAD = 1.1
"""SQLCipher keeps 80 bytes of each page of 4,096 for itself."""


class InUse(Refused):
    """Another process has the control database open."""


class NoRoom(Refused):
    """The disk has no room for a second copy of the database."""


def reencrypt(path: Path, old: str | None, new: str, draft: Path) -> None:
    """Bring the database from one key (None: it is plain) to another. Keys are 64 hex digits.

    Raises InUse, NoRoom, NotACopy, the library's errors; then nothing was changed.
    """
    require_room(path, path.parent)
    with alone(path, old) as source:
        try:
            verify(draft, new, export(source, draft, new))
            settle(draft)
        except BaseException:
            remove(draft)
            raise
        swap(draft, path)


def require_room(path: Path, folder: Path) -> None:
    """Raises NoRoom unless a copy of the database fits into the folder."""
    with_log = sum(_size(path.with_name(path.name + end)) for end in ("", "-wal"))
    needed = int(with_log * _SQLITE_PAGE_OVERHEAD) + _SPARE_BYTES
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise NoRoom(
            f"A copy of {path} in {folder} needs {needed:,} bytes and {free:,} are free; nothing was changed."
        )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


@contextlib.contextmanager
def alone(path: Path, digits: str | None) -> Iterator[Any]:
    """A connection to a database that nobody else has open or can open; it is one file, without a log.

    Raises InUse, the library's errors.
    """
    try:
        connection = connect(path, digits, timeout=PATIENCE_S, exclusive=True)
    except Database.OperationalError as error:
        if "locked" not in str(error):
            raise
        raise InUse(
            f"{path} is in use. End `manage.py serve` and every other process of this instance first; "
            "nothing was changed."
        ) from error
    try:
        _fold_log(connection, path)
        yield connection
    finally:
        connection.close()


def _fold_log(connection: Any, path: Path) -> None:
    """Everything into the one file, with no log beside it that could be taken for its successor's."""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.execute("PRAGMA journal_mode = DELETE").fetchall()
    # In exclusive mode SQLite would keep the journal's name until it closes: by then the name is
    # the successor's.
    connection.execute("PRAGMA journal_mode = MEMORY").fetchall()
    for end in ("-journal", "-shm"):  # (who only reads makes a -shm too, and leaves it)
        path.with_name(path.name + end).unlink(missing_ok=True)


def swap(draft: Path, path: Path) -> None:
    """The draft is the database from here on."""
    draft.replace(path)
    sync_folder(path.parent)
