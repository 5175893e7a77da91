"""A whole copy of the control database in another file, under another key, and the proof that it is one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

from jobsite.first_start import sync_folder
from jobsite.sqlite.opening import Refused, connect

_OWN_VALUES = ("user_version", "application_id")
_BESIDE = ("", "-journal", "-wal", "-shm")


class NotACopy(Refused):
    """The copy that was just written is not what it should be; it is not used."""


class Contents(NamedTuple):
    """What two databases with the same rows have in common."""

    values: dict[str, int]
    schema: list[tuple[str, str, str, str]]
    rows: dict[str, int]


def export(source: Any, target: Path, digits: str | None) -> Contents:
    """Write everything that `source` sees at one moment into a new file; what that is.

    Others may go on writing. Raises the library's errors, also for a full disk.
    """
    remove(target)
    key = "''" if digits is None else f"\"x'{digits}'\""
    source.execute(f"ATTACH DATABASE ? AS copy KEY {key}", [str(target)])
    try:
        source.execute("BEGIN")
        source.execute("SELECT sqlcipher_export('copy')")
        for name in _OWN_VALUES:  # these it leaves out
            value = source.execute(f"PRAGMA main.{name}").fetchone()[0]
            source.execute(f"PRAGMA copy.{name} = {value:d}")
        held = contents(source)
        source.execute("COMMIT")
    finally:
        if source.in_transaction:
            source.execute("ROLLBACK")
        source.execute("DETACH DATABASE copy")
    return held


def contents(connection: Any) -> Contents:
    """As the connection sees them; in a transaction they are those of one moment."""
    values = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in _OWN_VALUES}
    schema = connection.execute(
        "SELECT type, name, tbl_name, sql FROM main.sqlite_master WHERE sql IS NOT NULL"
        " AND name NOT LIKE 'sqlite_stat%' ORDER BY type, name"
    ).fetchall()
    tables = [name for kind, name, _, _ in schema if kind == "table"]
    rows = {
        name: connection.execute(f"SELECT count(*) FROM main.{quoted(name)}").fetchone()[0] for name in tables
    }
    return Contents(values, schema, rows)


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def verify(target: Path, digits: str | None, expected: Contents) -> None:
    """Raises NotACopy unless the file is whole and holds just that; the library's errors."""
    connection = connect(target, digits)
    try:
        problems = damages(connection)
        if not problems and contents(connection) != expected:
            problems = ["its tables or rows differ"]
    finally:
        connection.close()
    if problems:
        raise NotACopy(f"The copy {target} is not right: {problems[0]}. The database was not touched.")


def damages(connection: Any) -> list[str]:
    """What SQLCipher (each page's authentication code) and SQLite find wrong; usually nothing."""
    found = [text for (text,) in connection.execute("PRAGMA cipher_integrity_check")]
    return found + [text for (text,) in connection.execute("PRAGMA integrity_check") if text != "ok"]


def settle(target: Path) -> None:
    """The file and its name are durable, and its owner's alone. No connection may be open to it."""
    descriptor = os.open(target, os.O_RDWR)
    try:
        os.fchmod(descriptor, 0o600)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_folder(target.parent)


def remove(target: Path) -> None:
    """A draft with what SQLite may have left beside it."""
    for end in _BESIDE:
        target.with_name(target.name + end).unlink(missing_ok=True)
