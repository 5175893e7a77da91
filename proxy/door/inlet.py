"""Taking a request's body off the wire, with a bound on how slowly it may come."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from proxy.door.pipe import Pipe
from proxy.errors import IncompleteBody, RequestTimeout, S3Error
from proxy.limits import LINGER_BYTES, LINGER_SECONDS, Bounds

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]


class Inlet:
    """One request's body. `done`: read to its end; `gone`: the client has left; `count`: bytes."""

    __slots__ = ("_bounds", "_loop", "_receive", "_waited", "count", "done", "gone")

    def __init__(self, receive: Receive, bounds: Bounds, loop: asyncio.AbstractEventLoop) -> None:
        self._receive = receive
        self._bounds = bounds
        self._loop = loop
        self._waited = 0.0
        self.count = 0
        self.done = False
        self.gone = False

    async def take(self) -> bytes:
        """The next piece, b"" at most at the end. Raises RequestTimeout, IncompleteBody."""
        asked = self._loop.time()
        try:
            async with asyncio.timeout(self._bounds.read_idle):
                message = await self._receive()
        except TimeoutError:
            raise RequestTimeout() from None
        if message["type"] == "http.disconnect":
            self.gone = True
            raise IncompleteBody("The connection was closed before the whole body had been sent.")
        piece: bytes = message.get("body", b"")
        self.done = not message.get("more_body", False)
        self.count += len(piece)
        self._waited += self._loop.time() - asked
        self._check_rate()
        return piece

    def _check_rate(self) -> None:
        """Only the time that we waited for the client counts, and only after the idle limit."""
        bounds = self._bounds
        if self.done or self._waited <= bounds.read_idle:
            return
        if self.count < bounds.least_rate * self._waited:
            raise RequestTimeout(f"The body came slower than {bounds.least_rate} bytes a second.")

    async def whole(self) -> bytes:
        """All of a body that was announced to be small."""
        pieces = [await self.take()]
        while not self.done:
            pieces.append(await self.take())
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def fill(self, pipe: Pipe) -> None:
        """Put pieces into the pipe until it is full or the body has ended."""
        room = True
        while room and not self.done:
            room = pipe.offer(await self.take())
        if self.done:
            pipe.finish()

    async def feed(self, pipe: Pipe) -> None:
        """The rest of the body, as fast as the pipe's reader takes it. Errors go to the reader."""
        try:
            while not self.done and await pipe.room():
                pipe.offer(await self.take())
            pipe.finish()
        except S3Error as error:
            pipe.finish(error)
        finally:
            pipe.finish(IncompleteBody())

    async def watch(self) -> None:
        """After the body: wait until the client leaves."""
        while not self.gone:
            self.gone = (await self._receive())["type"] == "http.disconnect"

    async def linger(self) -> None:
        """Throw away what a refused client still sends, so that it gets to read its answer.

        Closing a socket with unread bytes resets the connection, and the answer with it
        (RFC 9112, 9.6 "Tear-down"). Called after the answer is out: no 100 is sent any more.
        """
        left = LINGER_BYTES
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                while not self.done and left > 0:
                    message = await self._receive()
                    if message["type"] == "http.disconnect":
                        self.gone = True
                        return
                    self.done = not message.get("more_body", False)
                    left -= len(message.get("body", b""))
        except TimeoutError:
            return
