"""Writing to one index: operations of many threads share a commit, processes queue on a file.

Whoever finds no commit under way leads: it takes the file lock, begins an IMMEDIATE
transaction, runs every operation that waits, each in a savepoint of its own, and commits
once. So one failed condition fails one request, and a durable commit serves many. Where
several shared the last commit, the leader waits a moment for as many again: whom a commit
has answered is likely to come with the next write, and a commit costs more than the moment.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from proxy.backends.filesystem.faults import translate
from proxy.backends.filesystem.pool import Pool
from proxy.backends.filesystem.transaction import Transaction
from proxy.errors import InternalError, SlowDown

T = TypeVar("T")

WAIT_S = 5.0
"""How long a write waits for the writers of other processes."""
_TOGETHER = 256
"""Changes that share one commit: it stays far below a second."""
_NAP_S = 0.0002
_GATHER_S = 0.001
"""How long a leader waits at most for those who shared the last commit."""


class FileLock:
    """An exclusive lock between processes, held by at most one thread of ours at a time.

    Two locks, both only ever tried: one is held while waiting for the other. So who has just
    written cannot come again before the one that waits, however much it has to write.
    """

    def __init__(self, folder: Path) -> None:
        self._descriptors = tuple(
            os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o600) for name in ("queue.lock", "write.lock")
        )

    def acquire(self, wait_s: float) -> bool:
        """False if it could not be had within `wait_s` seconds."""
        deadline = time.monotonic() + wait_s
        queue, write = self._descriptors
        if not _try_until(queue, deadline):
            return False
        try:
            return _try_until(write, deadline)
        finally:
            fcntl.flock(queue, fcntl.LOCK_UN)

    def release(self) -> None:
        # Said, not left to closing: a forked child may share the descriptor for a moment.
        fcntl.flock(self._descriptors[1], fcntl.LOCK_UN)

    def close(self) -> None:
        while self._descriptors:
            first, *others = self._descriptors
            self._descriptors = tuple(others)
            os.close(first)


def _try_until(descriptor: int, deadline: float) -> bool:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
        time.sleep(_NAP_S)


class _Item(Generic[T]):
    """One operation, who waits for it, and what came of it."""

    __slots__ = ("done", "error", "operation", "value", "wake", "weight")

    def __init__(self, operation: Callable[[Transaction], T], weight: int) -> None:
        self.operation = operation
        self.weight = weight
        self.wake = threading.Lock()
        self.wake.acquire()
        self.done = False
        self.value: T | None = None
        self.error: BaseException | None = None

    def outcome(self) -> T:
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]


class Writer:
    """The one door through which this process changes an index."""

    def __init__(self, folder: Path, pool: Pool, now: Callable[[], int]) -> None:
        self._folder = folder
        self._pool = pool
        self._now = now
        self._lock = FileLock(folder)
        self._mutex = threading.Lock()
        self._queue: deque[_Item[Any]] = deque()
        self._led = False
        self._together = 1
        """How many shared the last commit."""
        self._enough = threading.Semaphore(0)
        self._awaited = 0
        """With so many in the queue the leader that gathers is woken; 0: nobody gathers."""

    def close(self) -> None:
        self._lock.close()

    def submit(self, operation: Callable[[Transaction], T], weight: int = 1) -> T:
        """Run it in a shared transaction; durable when this returns.

        `operation` must be quick, must not wait, and may be undone after it has returned. `weight`
        says how many changes it makes, so that no commit grows without bound.
        Raises what it raises; SlowDown, StorageFull or BackendUnavailable if nothing was kept.
        """
        item = _Item(operation, weight)
        with self._mutex:
            self._queue.append(item)
            lead, self._led = not self._led, True
            if 0 < self._awaited <= len(self._queue):
                self._awaited = 0
                self._enough.release()
        if not lead:
            item.wake.acquire()
        if not item.done:
            self._lead()
        return item.outcome()

    def _lead(self) -> None:
        batch: list[_Item[Any]] = []
        try:
            self._gather()
            if not self._lock.acquire(WAIT_S):
                raise SlowDown("Too many writers wait for this bucket. Try again.")
            try:
                batch = self._next()
                self._commit(batch)
            finally:
                self._lock.release()
        except BaseException as error:
            batch = batch or self._next()
            self._fail(batch, error)
        finally:
            self._hand_over(batch)

    def _gather(self) -> None:
        with self._mutex:
            if len(self._queue) >= self._together:
                return
            self._awaited = self._together
        self._enough.acquire(timeout=_GATHER_S)
        with self._mutex:
            if not self._awaited:
                self._enough.acquire(blocking=False)  # it came just as the time was up
            self._awaited = 0

    def _next(self) -> list[_Item[Any]]:
        with self._mutex:
            batch, room = [], _TOGETHER
            while self._queue and room > 0:
                batch.append(self._queue.popleft())
                room -= batch[-1].weight
        self._together = len(batch)
        return batch

    def _hand_over(self, batch: list[_Item[Any]]) -> None:
        with self._mutex:
            heir = self._queue[0] if self._queue else None
            self._led = heir is not None
        if heir is not None:
            heir.wake.release()
        for item in batch:
            item.done = True
            item.wake.release()

    def _fail(self, batch: list[_Item[Any]], error: BaseException) -> None:
        """Nothing of the batch was kept: each gets an error of its own."""
        for item in batch:
            if item.error is None:
                better = translate(error, self._folder)
                if better is error:
                    better = type(better)(better.message)
                item.error = better or InternalError()
                item.error.__cause__ = error

    def _commit(self, batch: list[_Item[Any]]) -> None:
        with self._pool.lend() as connection:
            connection.execute("BEGIN IMMEDIATE")
            transaction = Transaction(connection, self._now())
            for item in batch:
                _attempt(item, transaction)
            transaction.finish()


def _attempt(item: _Item[Any], transaction: Transaction) -> None:
    connection = transaction.connection
    before = transaction.counters()
    connection.execute("SAVEPOINT item")
    try:
        transaction.require_place()
        item.value = item.operation(transaction)
    except BaseException as error:
        if not connection.in_transaction or not isinstance(error, Exception):
            raise  # SQLite gave up the whole transaction
        connection.execute("ROLLBACK TO item")
        transaction.restore(before)
        item.error = error
    connection.execute("RELEASE item")
