"""index.db: how a connection to it is opened, and its tables brought up to date."""

from __future__ import annotations

import apsw

from proxy.backends.filesystem.schema import STEPS
from proxy.errors import BackendUnavailable

SAFE_VERSION = (3, 51, 3)
BUSY_MS = 5_000


def require_safe_sqlite() -> None:
    """Raises BackendUnavailable with a SQLite that can corrupt a WAL database of several writers."""
    version = tuple(int(number) for number in apsw.sqlite_lib_version().split("."))
    if version < SAFE_VERSION:
        raise BackendUnavailable(
            f"SQLite {apsw.sqlite_lib_version()} is not safe for several writers; "
            f"{'.'.join(map(str, SAFE_VERSION))} or newer is needed (package apsw)."
        )


def connect(path: str, *, create: bool = False, secure_delete: bool = False) -> apsw.Connection:
    """A connection for one thread at a time. With `secure_delete` it overwrites what it deletes.

    Raises apsw.Error.
    """
    flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create else 0)
    connection = apsw.Connection(path, flags=flags)
    connection.set_busy_timeout(BUSY_MS)
    # Without this the last connection to close unlinks the WAL by its path, which may belong to
    # a successor by then.
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    # Else SQLite looks at bound values to choose a plan, and prepares what has an ORDER BY or a
    # LIMIT anew at every use: longer than most statements here take.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    if create:
        connection.execute("PRAGMA journal_mode = WAL")
    for setting in ("synchronous = FULL", "cache_size = -4096", "journal_size_limit = 67108864"):
        connection.execute(f"PRAGMA {setting}")
    connection.execute(f"PRAGMA secure_delete = {int(secure_delete)}")
    connection.wal_autocheckpoint(4_000)
    return connection


def migrate(connection: apsw.Connection) -> None:
    """Bring the schema to the newest version. Raises BackendUnavailable if it is newer than we are."""
    if _version(connection) == len(STEPS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        done = _version(connection)
        if done > len(STEPS):
            raise BackendUnavailable("The index was written by a newer version of Sluicegate.")
        for step in STEPS[done:]:
            connection.execute(step)
        connection.execute(f"PRAGMA user_version = {len(STEPS)}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _version(connection: apsw.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").get)
