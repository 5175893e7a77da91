"""Sending a large object: a piece per visit to a thread, none held while the client is slow."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future

from proxy.door.inlet import Message
from proxy.door.pools import Pools
from proxy.handlers.call import Download

log = logging.getLogger("sluicegate.door")

Send = Callable[[Message], Awaitable[None]]


async def send_rest(
    send: Send, pools: Pools, first: bytes, rest: Download, idle: float
) -> AsyncIterator[int]:
    """Send `first` and what follows; yields the size of each piece that was handed over.

    While one piece is sent the next is read. Raises TimeoutError if the client takes nothing
    for `idle` seconds; the object is closed once no thread reads it any more.
    """
    piece: bytes | None = first
    coming: Future[bytes | None] = pools.short(_next, rest)
    try:
        while piece is not None:
            async with asyncio.timeout(idle):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            yield len(piece)
            piece = await asyncio.wrap_future(coming)
            if piece is not None:
                coming = pools.short(_next, rest)
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        coming.add_done_callback(lambda _: rest.close())


def _next(rest: Download) -> bytes | None:
    return next(rest, None)
