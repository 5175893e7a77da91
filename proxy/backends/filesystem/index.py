"""index.db: its tables and how a connection to it is opened.

Keys are BLOBs, whose order in SQLite is the order of S3. Tables are WITHOUT ROWID except
where a row is large (`bodies`) or a log (`changes`). Times are milliseconds, UTC.
"""

from __future__ import annotations

import apsw

from proxy.errors import BackendUnavailable

SAFE_VERSION = (3, 51, 3)
BUSY_MS = 5_000

_FIRST = """
-- One row: what is true of the whole place. `seq` is the newest that was given out.
CREATE TABLE place (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    seq INTEGER NOT NULL, keys INTEGER NOT NULL, size INTEGER NOT NULL,
    gone INTEGER NOT NULL, swept INTEGER NOT NULL
);
INSERT INTO place VALUES (1, 0, 0, 0, 0, 0);

-- What a plain GET finds and all that a listing reads: listed columns first, long ones last.
-- `body` is an inline body's id; `segments` are [[blob, offset, length], ...].
CREATE TABLE live (
    key BLOB PRIMARY KEY, size INTEGER NOT NULL, etag TEXT NOT NULL, modified INTEGER NOT NULL,
    seq INTEGER NOT NULL, owner TEXT NOT NULL, checksums TEXT NOT NULL, checksum_type TEXT NOT NULL,
    class TEXT NOT NULL, facts TEXT NOT NULL, body INTEGER, segments TEXT NOT NULL, parts TEXT NOT NULL
) WITHOUT ROWID;

-- Rows that died but are kept: older versions, delete markers, what a snapshot holds.
-- A row is in the snapshot S iff seq <= S and died > S.
CREATE TABLE history (
    key BLOB NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL, modified INTEGER NOT NULL,
    seq INTEGER NOT NULL, owner TEXT NOT NULL, checksums TEXT NOT NULL, checksum_type TEXT NOT NULL,
    class TEXT NOT NULL, facts TEXT NOT NULL, body INTEGER, segments TEXT NOT NULL, parts TEXT NOT NULL,
    died INTEGER NOT NULL, version TEXT, marker INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (key, seq)
) WITHOUT ROWID;

-- Inline bodies. The id is the seq of the change that brought it, so it is never given twice.
CREATE TABLE bodies (id INTEGER PRIMARY KEY, refs INTEGER NOT NULL, data BLOB NOT NULL);

-- Bodies in files, and those that nothing refers to any more.
CREATE TABLE blobs (id TEXT PRIMARY KEY, refs INTEGER NOT NULL, size INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE garbage (id TEXT PRIMARY KEY, since INTEGER NOT NULL, size INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX garbage_by_age ON garbage (since);

-- The bounded log behind a change feed: one row per change.
CREATE TABLE changes (seq INTEGER PRIMARY KEY, key BLOB NOT NULL, gone INTEGER NOT NULL);

CREATE TABLE uploads (
    id TEXT PRIMARY KEY, key BLOB NOT NULL, initiated INTEGER NOT NULL, owner TEXT NOT NULL,
    algorithm TEXT NOT NULL, checksum_type TEXT NOT NULL, facts TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX uploads_by_key ON uploads (key, initiated, id);
CREATE TABLE parts (
    upload TEXT NOT NULL, number INTEGER NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
    modified INTEGER NOT NULL, checksums TEXT NOT NULL, segments TEXT NOT NULL,
    PRIMARY KEY (upload, number)
) WITHOUT ROWID;

-- Finished uploads, kept so that a repeated Complete gives the first answer (`result`).
CREATE TABLE completions (
    id TEXT PRIMARY KEY, key BLOB NOT NULL, initiated INTEGER NOT NULL, owner TEXT NOT NULL,
    algorithm TEXT NOT NULL, checksum_type TEXT NOT NULL, facts TEXT NOT NULL,
    finished INTEGER NOT NULL, result TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX completions_by_key ON completions (key, initiated, id);
CREATE INDEX completions_by_age ON completions (finished);

CREATE TABLE marks (name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
"""

STEPS = (_FIRST,)
"""What brings the schema from one version to the next; `user_version` counts those done."""


def require_safe_sqlite() -> None:
    """Raises BackendUnavailable with a SQLite that can corrupt a WAL database of several writers."""
    version = tuple(int(number) for number in apsw.sqlite_lib_version().split("."))
    if version < SAFE_VERSION:
        raise BackendUnavailable(
            f"SQLite {apsw.sqlite_lib_version()} is not safe for several writers; "
            f"{'.'.join(map(str, SAFE_VERSION))} or newer is needed (package apsw)."
        )


def connect(path: str, *, create: bool = False) -> apsw.Connection:
    """A connection for one thread at a time. Raises apsw.Error."""
    flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create else 0)
    connection = apsw.Connection(path, flags=flags)
    connection.set_busy_timeout(BUSY_MS)
    # Without this the last connection to close unlinks the WAL by its path, which may belong to
    # a successor by then.
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    if create:
        connection.execute("PRAGMA journal_mode = WAL")
    for setting in ("synchronous = FULL", "cache_size = -4096", "journal_size_limit = 67108864"):
        connection.execute(f"PRAGMA {setting}")
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
