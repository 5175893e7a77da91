"""Sending a large object: a piece per visit to a thread, none held while the client is slow."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from proxy.door.inlet import Message
from proxy.door.threads import Threads
from proxy.handlers.call import Download

Send = Callable[[Message], Awaitable[None]]


async def send_rest(
    send: Send, threads: Threads, first: bytes, rest: Download, idle: float, sent: Callable[[int], None]
) -> None:
    """Send `first` and what follows; `sent` hears the size of each piece and may raise to stop.

    While one piece is sent the next is read. Raises TimeoutError if the client takes nothing
    for `idle` seconds; the object is closed once no thread reads it any more.
    """

    def read_on() -> asyncio.Future[bytes | None]:
        return threads.run(next, rest, None, unwanted=lambda _: rest.close())

    piece: bytes | None = first
    coming = read_on()
    try:
        while piece is not None:
            async with asyncio.timeout(idle):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            sent(len(piece))
            piece = await coming
            if piece is not None:
                coming = read_on()
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        if coming.done() and not coming.cancelled():
            rest.close()
        else:
            coming.cancel()
