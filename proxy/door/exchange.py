"""One S3 request and its answer, in the event loop: framing, time limits, back-pressure.

Nothing here blocks, and nothing decides about S3: that is the gateway, in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from proxy import gateway
from proxy.door.download import send_rest
from proxy.door.inlet import Inlet, Message, Receive
from proxy.door.pipe import Pipe, Whole
from proxy.door.shortcut import Shortcut
from proxy.door.threads import Threads
from proxy.errors import S3Error, SlowDown
from proxy.gateway import Admitted, Response, Unread
from proxy.limits import SMALL_BODY_BYTES, UNASKED_BODY_BYTES, Bounds

Scope = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]

_PATIENT_BYTES = 64 * 1024
"""Below this an answer fits what the transport buffers: sending it cannot wait."""


@dataclass(slots=True)
class Announced:
    """What the headers say about the body to come: its length, None if nobody knows."""

    length: int | None = 0
    waits: bool = False
    """Expect: 100-continue; the client holds the body back until we ask for it."""
    copies: bool = False
    """The body is an object that is here already: as long as an upload may be."""

    @classmethod
    def of(cls, headers: list[tuple[bytes, bytes]]) -> Announced:
        found = cls()
        for name, value in headers:
            if name == b"content-length":
                found.length = int(value) if value.isdigit() else 0
            elif name == b"transfer-encoding":
                found.length = None
            elif name == b"expect":
                found.waits = value.lower() == b"100-continue"
            elif name == b"x-amz-copy-source":
                found.copies = True
        return found


@dataclass(frozen=True, slots=True)
class Pools:
    """`short` for what ends by itself soon, `streams` for uploads that stream and long copies.

    What a backend is asked has threads of its own, by the backend's name: one that does not answer keeps
    those of its own buckets waiting and nobody else. `shortcut` is for what is over before a thread would
    have begun.
    """

    short: Threads
    streams: Threads
    shortcut: Shortcut
    of_backend: dict[str, Threads] = field(default_factory=dict)

    @classmethod
    def of(cls, bounds: Bounds) -> Pools:
        short, streams = Threads("short", bounds.short_threads), Threads("stream", bounds.stream_threads)
        return cls(short, streams, Shortcut())

    def asking(self, admitted: Admitted, most: int) -> Threads:
        """The threads, `most` of them, that ask the backend of what was admitted."""
        if admitted.bucket is None:
            return self.short
        name = admitted.bucket.route.backend
        return self.of_backend.get(name) or self.of_backend.setdefault(name, Threads(f"ask-{name}", most))

    def close(self) -> None:
        """Let all threads end once they have done what is queued."""
        for threads in (self.short, self.streams, *self.of_backend.values()):
            threads.close()


class ClientGone(ConnectionError):
    """The client left in the middle of a download."""


class Exchange:
    """The way of one request through the door. `sent` counts the bytes of the answer's body."""

    __slots__ = (
        "_asking", "_bounds", "_last", "_pools", "_scope", "_send", "_shortcut", "inlet", "request_id",
        "sent",
    )  # fmt: skip

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, request_id: str, threads: Pools, bounds: Bounds
    ) -> None:
        self._scope = scope
        self._send = send
        self._pools, self._shortcut, self._asking = threads, threads.shortcut, threads.short
        self._bounds = bounds
        self._last = False
        self.request_id = request_id
        self.inlet = Inlet(receive, bounds, asyncio.get_running_loop())
        self.sent = 0

    async def respond(self) -> Response:
        """The gateway's answer; the body is taken off the wire as far as it is wanted."""
        announced = Announced.of(self._scope["headers"])
        length = announced.length
        if length == 0 and not announced.copies:
            self.inlet.done = True
            # No 100 is owed for an empty body, but botocore takes the final answer that comes in
            # its place for the status of the connection's next answer too: let there be none.
            self._last = announced.waits
            return await self._serve(Whole())
        if length is not None and length <= UNASKED_BODY_BYTES and not (announced.waits or announced.copies):
            return await self._whole(self._serve)
        admitted = await self._admit()
        if isinstance(admitted, Response):
            return admitted
        if announced.copies or length is None or length > SMALL_BODY_BYTES:
            return await self._stream(admitted)
        return await self._whole(lambda body: self._answer(admitted, body))

    async def reply(self, response: Response, headers: list[tuple[bytes, bytes]]) -> None:
        """Send an answer; closes it whatever happens."""
        unread = not self.inlet.done
        if unread or self._last:
            headers.append((b"connection", b"close"))
        try:
            await self._send({"type": "http.response.start", "status": response.status, "headers": headers})
            await self._send_body(response)
        finally:
            response.close()
        if unread and not self.inlet.gone:
            await self.inlet.linger()

    async def _send_body(self, response: Response) -> None:
        body, rest = response.body, response.rest
        if rest is not None:
            response.rest = None
            watch = asyncio.create_task(self.inlet.watch())
            try:
                await send_rest(self._send, self._asking, body, rest, self._bounds.write_idle, self._count)
            finally:
                watch.cancel()
            return
        message: Message = {"type": "http.response.body", "body": body}
        if len(body) < _PATIENT_BYTES:
            await self._send(message)
        else:
            async with asyncio.timeout(self._bounds.write_idle):
                await self._send(message)
        self.sent += len(body)

    def _count(self, size: int) -> None:
        self.sent += size
        if self.inlet.gone:
            raise ClientGone()

    async def _admit(self) -> Admitted | Response:
        found = self._try_to_admit()
        if found is None:
            found = await self._pools.short.run(gateway.admit, self._scope, self.request_id)
        return found

    def _try_to_admit(self) -> Admitted | Response | None:
        """Here, if nothing keeps it waiting. Then it is known which backend will be asked."""
        admitted: Admitted | Response | None
        admitted = self._shortcut.try_to(gateway.try_admit, self._scope, self.request_id)
        if isinstance(admitted, Admitted):
            self._asking = self._pools.asking(admitted, self._bounds.short_threads)
        return admitted

    def _answer(self, admitted: Admitted, body: Whole) -> Awaitable[Response]:
        return self._asking.run(gateway.answer, admitted, body, unwanted=_discard)

    async def _serve(self, body: Whole) -> Response:
        """Here as far as nothing keeps it waiting, else with one visit to a thread."""
        admitted = self._try_to_admit()
        if admitted is None:
            work = self._pools.short.run
            return await work(gateway.serve, self._scope, self.request_id, body, unwanted=_discard)
        if isinstance(admitted, Response):
            return admitted
        response: Response | Unread | None
        response = self._shortcut.try_to(gateway.try_answer, admitted, body)
        if isinstance(response, Unread):
            return await self._asking.run(gateway.begin, response, unwanted=_discard)
        return response or await self._answer(admitted, body)

    async def _whole(self, then: Callable[[Whole], Awaitable[Response]]) -> Response:
        try:
            body = await self.inlet.whole()
        except S3Error as error:
            return gateway.refuse(self._scope, self.request_id, error)
        return await then(Whole(body))

    async def _stream(self, admitted: Admitted) -> Response:
        """Through a pipe to a thread of its own, which is taken once there is something to do."""
        pipe = Pipe(asyncio.get_running_loop(), self._bounds.pipe_bytes)
        try:
            self._check_streams()
            await self.inlet.fill(pipe)
            self._check_streams()
        except S3Error as error:
            return gateway.refuse(self._scope, self.request_id, error)
        feeding = asyncio.create_task(self.inlet.feed(pipe))
        try:
            return await self._pools.streams.run(_answer_and_leave, admitted, pipe, unwanted=_discard)
        finally:
            feeding.cancel()

    def _check_streams(self) -> None:
        if self._pools.streams.full:
            raise SlowDown("Too many large uploads at once.")


def _answer_and_leave(admitted: Admitted, pipe: Pipe) -> Response:
    try:
        return gateway.answer(admitted, pipe)
    finally:
        pipe.close()


def _discard(response: Response | None) -> None:
    if response is not None:
        response.close()
