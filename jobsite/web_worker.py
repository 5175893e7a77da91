"""gunicorn's ASGI worker, with three manners added: it bounds how long headers may take, a worker
that is told to end hangs up on clients that have no request under way, and it hears that while it boots.

Without the first, a client that sends half a request and nothing more holds its connection for
ever; without the second, ending waits for every idle keep-alive connection. A request costs less
with our own parser and without a task of its own. All this reaches into
gunicorn.asgi.protocol, whose version is pinned; tests/s3/test_manners.py sees that they hold.
"""

from __future__ import annotations

import asyncio
import signal
from types import FrameType
from typing import Any

from gunicorn.asgi import protocol
from gunicorn.asgi.protocol import ASGIProtocol
from gunicorn.glogging import Logger
from gunicorn.workers import gasgi

from jobsite.web_parser import Parser

HEADER_SECONDS = 30.0
HANG_UP_SECONDS = 0.05


class Log(Logger):
    """gunicorn's own messages, in the form of all others; the access log is the door's."""

    @property
    def access_log_enabled(self) -> bool:
        return False


class Connection(ASGIProtocol):
    """One connection; known to its worker while it is open."""

    worker: Worker

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.worker.connections.add(self)
        if self._request_ready is not None:  # gunicorn takes the timer off once a request is there
            self._keepalive_handle = self.worker.loop.call_later(HEADER_SECONDS, self._keepalive_timeout)

    async def _serve_http_request(self, request: Any, sockname: Any, peername: Any) -> bool:
        """gunicorn makes a task of each request, for applications that work on after their answer."""
        kept: bool = await self._handle_http_request(request, sockname, peername)
        return kept

    def connection_lost(self, exc: Exception | None) -> None:
        self.worker.connections.discard(self)
        super().connection_lost(exc)

    def hang_up_if_idle(self) -> None:
        if self._awaiting_request and not self._request_ready.is_set():
            self._keepalive_timeout()


class Worker(gasgi.ASGIWorker):
    """What `worker_class` names."""

    def init_process(self) -> None:
        self.connections: set[Connection] = set()
        gasgi.ASGIProtocol = Connection
        protocol.PythonProtocol = Parser
        super().init_process()

    def init_signals(self) -> None:
        super().init_signals()
        self._listen_early()

    def _listen_early(self) -> None:
        """The loop loses what comes before it runs: a worker told to end while it boots would go on."""
        for number in (signal.SIGTERM, signal.SIGQUIT):
            self.loop.remove_signal_handler(number)
            signal.signal(number, self._end_early)

    def _end_early(self, number: int, frame: FrameType | None) -> None:
        self.alive = False
        self._quick_shutdown |= number == signal.SIGQUIT

    async def _serve(self) -> None:
        super().init_signals()
        await super()._serve()

    async def _shutdown(self) -> None:
        hanging_up = self.loop.create_task(self._hang_up())
        try:
            await super()._shutdown()
        finally:
            hanging_up.cancel()

    async def _hang_up(self) -> None:
        """Again and again: a connection whose request ends meanwhile is idle only then."""
        while True:
            for connection in list(self.connections):
                connection.hang_up_if_idle()
            await asyncio.sleep(HANG_UP_SECONDS)
