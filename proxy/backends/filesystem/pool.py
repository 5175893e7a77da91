"""Connections to one index: each serves one thread at a time, none crosses a fork."""

from __future__ import annotations

import threading
import time
from collections import deque
from types import TracebackType

import apsw

from proxy.backends.filesystem.index import connect

_IDLE = 12
"""Connections kept open for the next caller."""


class Pool:
    """Lends connections. A thread that has one is alone with it until it gives it back."""

    def __init__(self, path: str, *, secure_delete: bool = False) -> None:
        self._path = path
        self._secure_delete = secure_delete
        self._idle: deque[apsw.Connection] = deque()
        self._lending = threading.Lock()
        self._counting = threading.Lock()
        self._lent = 0
        self.is_freezing = False
        """A fork waits for every connection to come back: long work gives up."""

    def lend(self) -> Lent:
        """`with pool.lend() as connection`. Raises apsw.Error."""
        return Lent(self)

    def take(self) -> apsw.Connection:
        with self._lending:
            self._count(1)
            if self._idle:
                return self._idle.pop()
        try:
            return connect(self._path, secure_delete=self._secure_delete)
        except BaseException:
            self._count(-1)
            raise

    def give(self, connection: apsw.Connection) -> None:
        """Never waits for `lend`: a fork holds that up until everything is given back."""
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if len(self._idle) < _IDLE:
            self._idle.append(connection)
        else:
            connection.close()
        self._count(-1)

    def _count(self, change: int) -> None:
        with self._counting:
            self._lent += change

    def close(self) -> None:
        """Close those that nobody uses."""
        with self._lending:
            self._close_idle()

    def _close_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

    # SQLite keeps a table of its locks per process. A child that inherits it believes to hold
    # what only its parent holds. So nothing is open at the moment of a fork.
    def freeze(self) -> None:
        """Wait until every connection is back, close them, and lend none until `thaw`."""
        self.is_freezing = True
        self._lending.acquire()
        while self._lent:
            time.sleep(0.0002)
        self._close_idle()

    def thaw(self) -> None:
        self.is_freezing = False
        self._lending.release()


class Lent:
    """One loan of a connection."""

    __slots__ = ("_connection", "_pool")

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def __enter__(self) -> apsw.Connection:
        self._connection = self._pool.take()
        return self._connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.give(self._connection)
