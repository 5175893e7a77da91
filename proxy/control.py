"""The control database as data requests reach it: one connection per thread, found without a search.

`django.db.connections` asks at every use whether an event loop runs, and gives each task of one a
connection of its own. An event loop that does short work itself uses one connection for all of it,
opened beforehand; only the raw reads of data requests go over it, for Django refuses all else there.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.utils.asyncio import async_unsafe


class _Mine(threading.local):
    wrapper: Any = None


_mine = _Mine()


def database() -> Any:
    """Django's connection of this thread, connected.

    Raises database errors, and SynchronousOnlyOperation in an event loop without `use`.
    """
    wrapper = _mine.wrapper
    if wrapper is None:
        wrapper = _of_thread()
    if wrapper.connection is None:
        wrapper.ensure_connection()
    return wrapper


@async_unsafe
def _of_thread() -> Any:
    _mine.wrapper = connections[DEFAULT_DB_ALIAS]
    return _mine.wrapper


def by_vendor(statement: str) -> dict[str, str]:
    """A statement with `%s` for its values, for each driver."""
    return {"sqlite": statement.replace("%s", "?"), "postgresql": statement}


def read(statement: Mapping[str, str], *values: object) -> list[tuple[Any, ...]]:
    """The rows of a statement of `by_vendor`, by the driver itself: Django's cursor costs twice what an
    indexed read does. Raises database errors."""
    own = database()
    with own.wrap_database_errors:
        rows: list[tuple[Any, ...]] = own.connection.execute(statement[own.vendor], values).fetchall()
    return rows


def open_for_loop() -> Any | None:
    """A connection for an event loop to `use`; None where a read may wait for another machine.

    Called in a thread. A read of SQLite with a write-ahead log waits for nobody; should one have to
    all the same, it fails at once, and the work is done again in a thread.
    """
    if connections[DEFAULT_DB_ALIAS].vendor != "sqlite":
        return None
    wrapper: Any = connections[DEFAULT_DB_ALIAS].copy()
    wrapper.inc_thread_sharing()
    wrapper.ensure_connection()
    wrapper.connection.execute("PRAGMA busy_timeout = 0")
    return wrapper


def use(wrapper: Any) -> None:
    """What `open_for_loop` gave serves this thread from now on."""
    _mine.wrapper = wrapper
