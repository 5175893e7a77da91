"""A bounded pipe from the event loop to one thread: how a large body reaches the gateway."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from threading import Condition

from proxy.errors import S3Error

_LOOK_AROUND_SECONDS = 1.0


class Whole:
    """A small body that is here already; the same shape as a Pipe for its reader."""

    __slots__ = ("_body", "pulse")

    def __init__(self, body: bytes = b"") -> None:
        self._body = body
        self.pulse: Callable[[], None] | None = None

    def __iter__(self) -> Iterator[bytes]:
        if self._body:
            yield self._body


class Pipe:
    """Pieces in order, at most about `limit` bytes at once; one writer in the loop, one reader.

    The writer calls `offer` and awaits `room`; the reader iterates in its thread. Either may
    leave: `finish(error)` makes the reader raise once it has taken what is there, `close`
    makes the writer's next `room` answer False.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, limit: int) -> None:
        self.pulse: Callable[[], None] | None = None
        self._loop = loop
        self._limit = limit
        self._changed = Condition()
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._finished = False
        self._closed = False
        self._error: S3Error | None = None
        self._room: asyncio.Future[None] | None = None

    # -- in the loop -----------------------------------------------------------------
    def offer(self, piece: bytes) -> bool:
        """Add a piece; whether there is room for another."""
        with self._changed:
            self._pieces.append(piece)
            self._size += len(piece)
            self._changed.notify()
            return self._size < self._limit

    def finish(self, error: S3Error | None = None) -> None:
        """Nothing more will come. Only the first call counts."""
        with self._changed:
            if not self._finished:
                self._finished, self._error = True, error
                self._changed.notify()

    async def room(self) -> bool:
        """Wait until there is room again; False if the reader has left."""
        with self._changed:
            if self._closed or self._size < self._limit:
                return not self._closed
            self._room = waiting = self._loop.create_future()
        try:
            await waiting
        finally:
            with self._changed:
                self._room = None
        return not self._closed

    # -- in the thread ---------------------------------------------------------------
    def __iter__(self) -> Iterator[bytes]:
        while True:
            batch, finished = self._take()
            yield from batch
            if finished:
                if self._error is not None:
                    raise self._error
                return
            if not batch and self.pulse is not None:
                self.pulse()

    def close(self) -> None:
        """The reader takes nothing more. Any thread may call it, also after the end."""
        with self._changed:
            self._closed = True
            self._pieces.clear()
            self._size = 0
            self._wake_writer()

    def _take(self) -> tuple[list[bytes], bool]:
        with self._changed:
            if not self._pieces and not self._finished:
                self._changed.wait(_LOOK_AROUND_SECONDS)
            batch = list(self._pieces)
            self._pieces.clear()
            self._size = 0
            self._wake_writer()
            return batch, self._finished

    def _wake_writer(self) -> None:
        waiting, self._room = self._room, None
        if waiting is not None:
            self._loop.call_soon_threadsafe(_resolve, waiting)


def _resolve(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
