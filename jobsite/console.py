"""Django behind the door, with bounds on what it takes in.

Django's own ASGI handler keeps a body of any size, from anybody, in the temporary directory, before
any view is asked. Here a large body needs a session and a page that takes one, goes to the state disk
and is refused before the disk is full; and a client that does not read its answer is cut.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import IO, Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.core.handlers.asgi import ASGIHandler
from django.db import close_old_connections
from django.template.loader import render_to_string

from jobsite.console_headers import POLICY
from jobsite.intake import Intake, Receive, Refused, Scope
from proxy.limits import bounds

log = logging.getLogger("sluicegate.console")

Send = Callable[[Any], Awaitable[None]]

_CODES = {401: "Unauthorized", 408: "RequestTimeout", 413: "BodyTooLarge", 507: "StorageFull"}


class _Django(ASGIHandler):
    """Django's handler with another way to take a body."""

    async def read_body(self, receive: Intake) -> IO[bytes]:  # type: ignore[override]
        return await receive.file()


class Console:
    """The ASGI application of the console."""

    def __init__(self) -> None:
        self._django = _Django()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        intake = Intake(scope, receive)
        try:
            intake.check()
            if intake.upload and not await sync_to_async(_signed_in)(scope):
                raise Refused(401, "Your session has ended. Sign in, then upload again.")
            await self._django(scope, intake, _patient(send))
        except Refused as refusal:
            await _refuse(scope, send, refusal)
            await intake.linger()
        except TimeoutError:
            log.info("%s: the client stopped taking its answer", scope["path"])


def _signed_in(scope: Scope) -> bool:
    """Whether the request has the cookie of a living session; the view looks closer."""
    cookies: SimpleCookie = SimpleCookie()
    try:
        for name, value in scope["headers"]:
            if name == b"cookie":
                cookies.load(value.decode("latin-1"))
    except CookieError:
        return False
    morsel = cookies.get(settings.SESSION_COOKIE_NAME)
    close_old_connections()
    return morsel is not None and SESSION_KEY in import_module(settings.SESSION_ENGINE).SessionStore(
        morsel.value
    )


def _patient(send: Send) -> Send:
    """Cut a client that takes nothing of its answer for too long."""

    async def bounded(message: Any) -> None:
        async with asyncio.timeout(bounds().write_idle):
            await send(message)

    return bounded


async def _refuse(scope: Scope, send: Send, refusal: Refused) -> None:
    """A page for people, JSON for scripts."""
    kind, text = "application/json", json.dumps({"error": refusal.message, "code": _CODES[refusal.status]})
    if b"text/html" in dict(scope["headers"]).get(b"accept", b""):
        kind, text = "text/html; charset=utf-8", str(render_to_string("refused.html", {"refusal": refusal}))
    content = text.encode()
    headers = {
        "content-type": kind,
        "content-length": str(len(content)),
        "content-security-policy": POLICY,
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
        "connection": "close",
    }
    start = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": start})
    await send({"type": "http.response.body", "body": content})
