"""Raw SQL on the control database: what data requests can afford."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from proxy.control import database


@lru_cache(maxsize=256)
def _written(statement: str, vendor: str) -> str:
    return statement.replace("%s", "?") if vendor == "sqlite" else statement


def run(statement: str, *values: object) -> int:
    """Do one statement (`%s` for values), committed by itself unless the caller has begun a transaction.

    How many rows it changed. Raises Django's database errors.
    """
    own = database()
    with own.wrap_database_errors:
        return int(own.connection.execute(_written(statement, own.vendor), values).rowcount)


def rows(statement: str, *values: object) -> list[tuple[Any, ...]]:
    """All rows of one statement; none of one that gives none."""
    own = database()
    with own.wrap_database_errors:
        cursor = own.connection.execute(_written(statement, own.vendor), values)
        found: list[tuple[Any, ...]] = [] if cursor.description is None else cursor.fetchall()
    return found


def soon(statement: str, *values: object) -> list[tuple[Any, ...]]:
    """The same for a statement whose commit need not outlive a power failure: what it writes is a cache.

    Waiting for the disk each time would let all processes together write a few hundred rows a second.
    """
    own = database()
    if own.vendor != "sqlite" or own.in_atomic_block:
        return rows(statement, *values)
    own.connection.execute("PRAGMA synchronous = NORMAL")
    try:
        return rows(statement, *values)
    finally:
        own.connection.execute("PRAGMA synchronous = FULL")


def row(statement: str, *values: object) -> tuple[Any, ...] | None:
    """The first row of one query."""
    found = rows(statement, *values)
    return found[0] if found else None
