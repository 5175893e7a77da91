"""What the encryption of the control database costs: the same work with and without a key, in turns.

Both files have the gateway's settings (write-ahead log, synchronous FULL). A create is a
transaction of its own, durable before the next; a read is of one row by its index, among many.
`python -m benchmarks.control` runs it alone.
"""

from __future__ import annotations

import argparse
import secrets
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlcipher3 import dbapi2 as Database

from jobsite.sqlite.opening import use_key

ROWS = 50_000
_TABLE = (
    "CREATE TABLE job (id INTEGER PRIMARY KEY, name TEXT NOT NULL, status TEXT NOT NULL,"
    " spec TEXT NOT NULL, created TEXT NOT NULL)"
)
_INSERT = "INSERT INTO job (name, status, spec, created) VALUES (?, 'queued', ?, '2026-01-01 00:00:00')"
_SPEC = '{"bucket": "photos", "target": "archive", "verify": true, "bytes_per_second": 0}'


def _open(path: Path, digits: str | None) -> Any:
    connection = use_key(Database.connect(path, isolation_level=None), digits)
    for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"):
        connection.execute(statement).fetchall()
    return connection


def _fill(connection: Any) -> None:
    connection.execute(_TABLE)
    connection.execute("CREATE INDEX job_by_name ON job (name)")
    connection.execute("BEGIN")
    connection.executemany(_INSERT, ((f"{number:08d}", _SPEC) for number in range(ROWS)))
    connection.execute("COMMIT")


def _create(connection: Any, number: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(_INSERT, (f"new-{number:08d}", _SPEC))
    connection.execute("COMMIT")


def _read(connection: Any, number: int) -> None:
    name = f"{number * 7919 % ROWS:08d}"
    connection.execute("SELECT id, status, spec FROM job WHERE name = ?", (name,)).fetchone()


_USUAL_PAGES, _FEW_PAGES = -8000, 10
ACTS: dict[str, tuple[Callable[[Any, int], None], int, int]] = {
    "single creates": (_create, 300, _USUAL_PAGES),
    "indexed reads": (_read, 5_000, _USUAL_PAGES),
    "indexed reads, not from SQLite's cache": (_read, 5_000, _FEW_PAGES),
}
"""What is done, how often in one round, and with what cache (PRAGMA cache_size)."""


def _microseconds(act: Callable[[Any, int], None], connection: Any, first: int, times: int) -> float:
    began = time.perf_counter()
    for number in range(first, first + times):
        act(connection, number)
    return (time.perf_counter() - began) / times * 1e6


def table(repeat: int) -> list[str]:
    """Lines of a table: microseconds plain and encrypted, and the ratio of the medians."""
    lines = [f"the control database, {ROWS:,} rows; microseconds, median of {repeat} rounds in turns"]
    with tempfile.TemporaryDirectory(prefix="sluicegate-bench-") as folder:
        both = [_open(Path(folder) / "plain", None), _open(Path(folder) / "sealed", secrets.token_hex(32))]
        for connection in both:
            _fill(connection)
        for name, (act, times, cache) in ACTS.items():
            for connection in both:
                connection.execute(f"PRAGMA cache_size = {cache}")
            rounds = [
                [_microseconds(act, connection, number * times, times) for connection in both]
                for number in range(repeat)
            ]
            plain, sealed = (statistics.median(column) for column in zip(*rounds, strict=True))
            lines.append(
                f"  {name:<38} plain {plain:8.1f}   encrypted {sealed:8.1f}   ratio {sealed / plain:5.2f}"
            )
        for connection in both:
            connection.close()
    return lines


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=9)
    print(*table(parser.parse_args().repeat), sep="\n")
