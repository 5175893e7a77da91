"""The threads of one worker: a few for short work, many for uploads that stream."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from proxy.limits import Bounds

P = ParamSpec("P")
T = TypeVar("T")


class Pools:
    """`short` for everything that ends by itself soon; `streams` are counted and may run out."""

    def __init__(self, bounds: Bounds) -> None:
        self._short = ThreadPoolExecutor(bounds.short_threads, "short")
        self._streams = ThreadPoolExecutor(bounds.stream_threads, "stream")
        self._free = threading.BoundedSemaphore(bounds.stream_threads)

    def short(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        return self._short.submit(work, *args, **kwargs)

    def reserve_stream(self) -> bool:
        """Set a thread aside for `stream`; False if all are taken."""
        return self._free.acquire(blocking=False)

    def has_stream(self) -> bool:
        """Whether `reserve_stream` would have found one just now."""
        if self._free.acquire(blocking=False):
            self._free.release()
            return True
        return False

    def stream(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run on the thread that `reserve_stream` set aside; it is free again when the work ends."""
        future = self._streams.submit(work, *args, **kwargs)
        future.add_done_callback(lambda _: self._free.release())
        return future

    def close(self) -> None:
        """Let what runs come to its end; start nothing more."""
        self._short.shutdown(wait=False)
        self._streams.shutdown(wait=False)
