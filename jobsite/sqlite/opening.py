"""Opening the control database: with the right key or not at all, and never a file on its way out.

Nothing here reads the database as a plain file: closing that descriptor would drop the locks
that SQLite holds in this process.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from sqlcipher3 import dbapi2 as Database

from jobsite.sqlite import keys

_NOT_A_DATABASE = "file is not a database"
_ATTEMPTS = 5
_proven: set[tuple[Path, str]] = set()
"""Keys that opened their file, in this process."""

Connect = Callable[[], Any]


class WrongDatabaseKey(ImproperlyConfigured):
    """The control database does not open with any key that we know. Nothing was changed."""


class Refused(Exception):
    """What was asked is not possible now; nothing was changed. The text says why."""


FAILURES = (OSError, Refused, Database.Error)
"""What may come of work on the file itself, for commands that tell it in one line."""


def use_key(connection: Any, digits: str | None) -> Any:
    """Give a fresh connection its key (None: the file is plain); the connection."""
    connection.execute("PRAGMA cipher_log_level = NONE")  # of the process: we tell of wrong keys ourselves
    if digits is not None:
        connection.execute(f"PRAGMA key = \"x'{digits}'\"")
    return connection


def connect(
    path: Path, digits: str | None, *, timeout: float = 15.0, exclusive: bool = False, mode: str = "rw"
) -> Any:
    """A connection in autocommit mode to a file that must be there; None as digits: a plain one.

    `exclusive`: nobody else has it open or may open it until we close it. `mode`: "ro" or "rw".
    Raises the library's DatabaseError: with the wrong key, or while others use it.
    """
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = Database.connect(uri, uri=True, timeout=timeout, isolation_level=None)
    try:
        use_key(connection, digits)
        if exclusive:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        _first_read(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def opens(path: Path, digits: str | None) -> bool:
    """Whether there is a database that this key opens (None: a plain one).

    Raises the library's OperationalError if it cannot be told now.
    """
    if is_absent(path):
        return False
    # Who has it open for writing, and closes it as the last one, folds the log into it: that is not
    # for a key that may be wrong. Only a journal that is to be played back needs writing.
    for mode in ("ro", "rw"):
        try:
            connect(path, digits, mode=mode).close()
            return True
        except Database.OperationalError as error:
            if mode == "rw" or "readonly" not in str(error):
                raise
        except Database.DatabaseError as error:
            if not _is_unreadable(error):
                raise
            return False
    return False


def is_absent(path: Path) -> bool:
    """Whether nothing was ever written there."""
    try:
        return path.stat().st_size == 0
    except FileNotFoundError:
        return True


def key_of(path: Path) -> keys.Key:
    """Which of the known keys opens it. Raises WrongDatabaseKey."""
    for key in keys.known():
        if opens(path, key.digits):
            return key
    raise refusal(path)


def open_keyed(path: Path, connect_to: Connect) -> Any:
    """What `connect_to` connects to, keyed and proven to be the database that `path` leads to.

    A file that is not there yet is made under the key that is known, or a new one. Raises
    WrongDatabaseKey, ImproperlyConfigured, the library's errors.
    """
    if is_absent(path):
        with _one_makes_it():
            connection = _opened(path, connect_to, [keys.make()])
            connection.execute("PRAGMA journal_mode = WAL").fetchall()  # writes the first page
            return connection
    return _opened(path, connect_to, keys.known())


def _opened(path: Path, connect_to: Connect, known: list[keys.Key]) -> Any:
    # Whoever swaps the file for another holds the old one exclusively. So a connection that has
    # read, while the path still leads to the file that was there before, keeps it from being swapped.
    for _ in range(_ATTEMPTS):
        before = _identity(path)
        key = next((key for key in known if _is_right(path, key)), None)
        if key is None:
            raise refusal(path)
        connection = use_key(connect_to(), key.digits)
        try:
            _first_read(connection)
        except Database.DatabaseError as error:
            connection.close()
            _proven.discard((path, key.digits))
            if not _is_unreadable(error):
                raise
            continue
        if before in (None, _identity(path)):
            return connection
        connection.close()
    raise Database.OperationalError("the control database is being replaced")


def _is_right(path: Path, key: keys.Key) -> bool:
    """Whether the key opens it, or would open what is made there. Asked once per process."""
    if (path, key.digits) in _proven:
        return True
    if not is_absent(path) and not opens(path, key.digits):
        return False
    _proven.add((path, key.digits))
    return True


@contextlib.contextmanager
def _one_makes_it() -> Iterator[None]:
    # The salt of a new file is drawn by who writes its first page: two at once would have two.
    try:
        file = (Path(settings.HOME) / "create.lock").open("w")
    except FileNotFoundError:
        raise ImproperlyConfigured(
            f"{settings.HOME} is not there yet: `manage.py prepare` makes it."
        ) from None
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _first_read(connection: Any) -> None:
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()


def _is_unreadable(error: Exception) -> bool:
    return str(error) == _NOT_A_DATABASE


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        state = os.stat(path)
    except FileNotFoundError:
        return None
    return state.st_dev, state.st_ino


def refusal(path: Path) -> WrongDatabaseKey:
    """What an operator must know about a database that does not open."""
    if opens(path, None):
        return WrongDatabaseKey(
            f"{path} is not encrypted yet. `manage.py prepare` (and `serve`, which does it first) encrypts "
            "it; nothing was changed."
        )
    known = keys.known()
    file = Path(settings.HOME) / keys.FILE
    if not known:
        return WrongDatabaseKey(
            f"{path} is encrypted and its key is missing: {keys.VARIABLE} is not set and {file} is not "
            "there. Put the key back; nothing was changed."
        )
    sources = " and ".join(key.source for key in known)
    text = (
        f"{path} does not open with the key in {sources}: it was encrypted with another one, or it is "
        "damaged. Give the key with which it was encrypted, or restore a backup; nothing was changed."
    )
    if keys.from_environment() and file.exists():
        text += f" ({file} is there too; it is not looked at while {keys.VARIABLE} is set.)"
    return WrongDatabaseKey(text)
