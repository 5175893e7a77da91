"""Looking at the children from outside, in threads, so that nothing that hangs holds up the rest."""

from __future__ import annotations

import http.client
import logging
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db import connection

from jobs import liveness
from jobs.liveness import Life
from jobsite.supervisor.processes import now

T = TypeVar("T")
_log = logging.getLogger("sluicegate.supervisor")

EVERY = 2.0
"""Seconds between two looks."""
GAP = 15.0
"""A pause between two looks beyond which the machine, or we, slept: what was silent may have too."""


@dataclass(frozen=True, slots=True)
class Seen(Generic[T]):
    """What a look showed, when, and since when looking has worked without a gap."""

    value: T
    at: float
    since: float


class Watch(Generic[T]):
    """Calls `look` again and again in a thread of its own; None means that it could not look."""

    def __init__(self, look: Callable[[], T | None], every: float = EVERY) -> None:
        self._look = look
        self._every = every
        self._seen: Seen[T] | None = None
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            value, at = self._look(), now()
            if value is None:
                self._seen = None
            else:
                last = self._seen
                since = at if last is None or at - last.at > GAP else last.since
                self._seen = Seen(value, at, since)
            time.sleep(self._every)

    def latest(self) -> Seen[T] | None:
        """What was seen last, unless that was too long ago or the last look failed."""
        seen = self._seen
        return seen if seen is not None and now() - seen.at <= GAP else None


def database() -> Mapping[str, Life] | None:
    """The signs of life that the processes left; None if the database does not answer."""
    try:
        return liveness.look()
    except Exception as error:  # whatever it is, watching goes on
        _log.warning("the control database cannot be read: %s", error)
        connection.close()
        return None


def web(bind: str, tls: bool) -> Callable[[], float]:
    """A look at `/_/health` of the web server on that address: when it last answered, 0.0 if never."""
    host, _, port = bind.rpartition(":")
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))
    answered = 0.0

    def look() -> float:
        nonlocal answered
        try:
            if _get(host, int(port), "/_/health", tls) == 200:
                answered = now()
        except (OSError, http.client.HTTPException):
            pass
        return answered

    return look


def _get(host: str, port: int, path: str, tls: bool) -> int:
    """The status. The certificate is not checked: this asks our own child."""
    server: http.client.HTTPConnection
    if tls:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        server = http.client.HTTPSConnection(host, port, timeout=5, context=context)
    else:
        server = http.client.HTTPConnection(host, port, timeout=5)
    try:
        server.request("GET", path, headers={"Connection": "close"})
        return server.getresponse().status
    finally:
        server.close()
