"""Threads that apply the items of a page side by side.

Django keeps one database connection per thread: these threads keep theirs from page to page
and close it when the slice ends.
"""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from django.db import connections

T = TypeVar("T")
R = TypeVar("R")


class _Batch(Generic[T, R]):
    """Items that any number of threads take one by one; the first error stops the taking."""

    def __init__(self, call: Callable[[T], R], items: Sequence[T]) -> None:
        self._call = call
        self._items = items
        self._next = itertools.count()
        self.results: dict[int, R] = {}
        self.error: BaseException | None = None
        self.stopped = False
        self.ended: queue.SimpleQueue[None] = queue.SimpleQueue()

    def work(self) -> None:
        try:
            while not self.stopped:
                index = next(self._next)
                if index >= len(self._items):
                    return
                self.results[index] = self._call(self._items[index])
        except BaseException as error:
            self.error = self.error or error
            self.stopped = True
        finally:
            self.ended.put(None)


class Pool:
    """Up to `size` threads, started when they are needed."""

    def __init__(self, size: int, name: str) -> None:
        self._size = max(1, size)
        self._name = name
        self._batches: queue.SimpleQueue[_Batch[Any, Any] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def run(self, call: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """`call` on every item; results in order. After an error the items in work are waited for.

        Raises the first error.
        """
        batch = _Batch(call, items)
        hands = min(self._size, len(items))
        while len(self._threads) < hands:
            self._start()
        for _ in range(hands):
            self._batches.put(batch)
        try:
            for _ in range(hands):
                batch.ended.get()
        finally:
            batch.stopped = True
        if batch.error is not None:
            raise batch.error
        return [batch.results[index] for index in range(len(items))]

    def close(self, patience_s: float = 5.0) -> None:
        """Let the threads end and close their connections; wait no longer than that for all of them."""
        for _ in self._threads:
            self._batches.put(None)
        until = time.monotonic() + patience_s
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _start(self) -> None:
        name = f"{self._name}/{len(self._threads)}"
        thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _serve(self) -> None:
        try:
            while (batch := self._batches.get()) is not None:
                batch.work()
        finally:
            connections.close_all()
