"""The door: one port for S3 and for the console; the only asynchronous code.

Everything below `/_/` and the paths of the other APIs go to Django, all else is S3; a host that
names a bucket knows S3 only. Every answer carries a request id and leaves a line in the access log.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable

from django.conf import settings
from django.db import Error as DatabaseError

from proxy import control, routes
from proxy.door import access
from proxy.door.exchange import ClientGone, Exchange, Pools, Scope, Send
from proxy.door.inlet import Message, Receive
from proxy.errors import InvalidURI
from proxy.gateway import Response
from proxy.limits import bounds
from proxy.reserved import CONSOLE_SEGMENT, RESERVED_SEGMENTS
from proxy.wire.forwarded import Networks, client_behind, is_within, scheme_behind
from proxy.wire.hosts import bucket_of_host
from proxy.wire.request import origin_form

log = logging.getLogger("sluicegate.door")

App = Callable[[Scope, Receive, Send], Awaitable[None]]
SERVER = b"Sluicegate"
CLIENT_GONE = 499
"""In the log: nobody was there any more to take an answer."""


class Door:
    """The ASGI application. `console` is what serves the reserved paths."""

    def __init__(self, console: App) -> None:
        self._console = console
        self._bounds = bounds()
        self._domains: tuple[str, ...] = settings.DOMAINS
        self._proxies: Networks = settings.TRUSTED_PROXIES
        self._pools = Pools.of(self._bounds)
        self._log = access.AccessLog() if self._bounds.access_log else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        """Look at the backends once, so that a missing one shows in the log and not at a request."""
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await self._pools.short.run(routes.prepare_backends)
                except Exception:
                    log.exception("A backend is not ready; its buckets answer 503 until it is.")
                await self._open_shortcut()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                self._pools.close()
                if self._log is not None:
                    self._log.flush()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _open_shortcut(self) -> None:
        try:
            wrapper = await self._pools.short.run(control.open_for_loop)
        except DatabaseError:
            log.exception("The control database is not ready; threads do all the work.")
            return
        if wrapper is not None:
            control.use(wrapper)
            self._pools.shortcut.open()

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = scope.get("raw_path") or scope["path"].encode()
        try:
            path = origin_form(raw)
        except InvalidURI:
            path = raw
        scope["raw_path"] = path
        if path is not raw:
            scope["path"] = scope["path"][len(raw) - len(path) :]
        if self._proxies:
            _look_behind(scope, self._proxies)
        if self._domains and bucket_of_host(_host(scope), self._domains):
            await self._to_gateway(scope, receive, send)
        elif _for_console(scope, path):
            await self._to_console(scope, receive, send)
        elif path == b"/" and _is_browser(scope):
            await _redirect(send)
        else:
            await self._to_gateway(scope, receive, send)

    async def _to_gateway(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        request_id = access.new_request_id()
        exchange = Exchange(scope, receive, send, request_id, self._pools, self._bounds)
        response: Response | None = None
        try:
            response = await exchange.respond()
            await exchange.reply(response, _headers(response, request_id))
        except (ClientGone, TimeoutError):
            log.info("request %s: the client stopped taking its answer", request_id)
        except Exception:
            log.exception("request %s: the answer was cut short", request_id)
        finally:
            status = response.status if response else CLIENT_GONE
            counts = (exchange.inlet.count, exchange.sent)
            access.finish(scope, request_id, started, status, counts, response, access_log=self._log)

    async def _to_console(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        request_id = access.new_request_id()
        status, received, sent = CLIENT_GONE, 0, 0

        async def marked(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_marks(request_id)]
            else:
                sent += len(message.get("body", b""))
            await send(message)

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            return message

        try:
            await self._console(scope, counted, marked)
        finally:
            counts = (received, sent)
            access.finish(scope, request_id, started, status, counts, None, access_log=self._log)


def _look_behind(scope: Scope, proxies: Networks) -> None:
    """Put client and scheme as a proxy of ours tells them; what anybody else tells is not heard."""
    client = scope.get("client")
    if client is None or not is_within(client[0], proxies):
        return
    behind = client_behind(client[0], _values(scope, b"x-forwarded-for"), proxies)
    if behind != client[0]:
        scope["client"] = (behind, 0)
    scope["scheme"] = scheme_behind(scope["scheme"], _values(scope, b"x-forwarded-proto"))


def _values(scope: Scope, wanted: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name == wanted]


def _host(scope: Scope) -> str:
    return ",".join(_values(scope, b"host"))


def _for_console(scope: Scope, path: bytes) -> bool:
    """Below /_/ always; the other reserved words only if nobody signed for S3."""
    segment = path[1:].split(b"/", 1)[0]
    if segment == CONSOLE_SEGMENT:
        return True
    return segment in RESERVED_SEGMENTS and not _signed(scope)


def _signed(scope: Scope) -> bool:
    if b"X-Amz-Signature=" in scope["query_string"] or b"Signature=" in scope["query_string"]:
        return True
    return any(name == b"authorization" and value.startswith(b"AWS") for name, value in scope["headers"])


def _is_browser(scope: Scope) -> bool:
    if scope["method"] != "GET" or _signed(scope):
        return False
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


def _marks(request_id: str) -> list[tuple[bytes, bytes]]:
    return [
        (b"server", SERVER),
        (b"x-amz-request-id", request_id.encode()),
        (b"x-amz-id-2", access.HOST_ID),
    ]


def _headers(response: Response, request_id: str) -> list[tuple[bytes, bytes]]:
    headers = _marks(request_id)
    headers += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
    if response.status not in (204, 304):
        headers.append((b"content-length", b"%d" % response.length))
    return headers


async def _redirect(send: Send) -> None:
    headers = [*_marks(access.new_request_id()), (b"location", b"/_/"), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 302, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
