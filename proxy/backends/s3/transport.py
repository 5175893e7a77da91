"""HTTP to one service: kept connections, bounded waits, bytes as they are. The only importer of urllib3.

Nothing is followed, decoded or tried again here. What goes wrong is Unreachable (nothing arrived)
or Broken (nobody knows what did).
"""

from __future__ import annotations

import logging
import os
import ssl
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationParseError,
    NewConnectionError,
    SSLError,
)
from urllib3.response import BaseHTTPResponse

from proxy.backends.s3.errors import Broken, Unreachable, unreadable
from proxy.backends.s3.options import Options
from proxy.backends.values import PIECE_BYTES

MAX_DOCUMENT_BYTES = 8 * 1024 * 1024
_MAX_HOSTS = 256

# Connections beyond those that are kept are closed after use, as `connections` says: no warning each time.
logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)


class Payload(Protocol):
    """What goes up: `length` bytes, in pieces."""

    length: int

    def __iter__(self) -> Iterator[bytes]: ...


class Reply:
    """One answer whose head has come. Read it to the end or close it: then the connection is free."""

    def __init__(self, backend: str, response: BaseHTTPResponse) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}
        self._backend = backend
        self._response = response

    def pieces(self) -> Iterator[bytes]:
        """The body, in pieces of at most PIECE_BYTES. Raises Broken if it ends early or falls silent."""
        try:
            while piece := self._response.read(PIECE_BYTES, decode_content=False):
                yield piece
        except (HTTPError, OSError, ValueError) as error:
            raise _broken(self._backend, error) from None
        finally:
            self.close()

    def document(self, most: int = MAX_DOCUMENT_BYTES, seconds: float = 60.0) -> bytes:
        """The whole body. Raises Broken, also if it takes longer, and ServiceFault if it is larger."""
        deadline = time.monotonic() + seconds
        found: list[bytes] = []
        size = 0
        try:
            while piece := self._response.read1(65536, decode_content=False):
                size += len(piece)
                if size > most:
                    raise unreadable(self._backend)
                if time.monotonic() > deadline:
                    raise Broken(f"The storage {self._backend!r} does not come to an end with its answer.")
                found.append(piece)
        except (HTTPError, OSError, ValueError) as error:
            raise _broken(self._backend, error) from None
        finally:
            self.close()
        return b"".join(found)

    def close(self) -> None:
        """Free the connection; one that has unread bytes is closed."""
        if self._response.length_remaining:
            self._response.close()
        self._response.release_conn()


class Transport:
    """Connections of this process to one service. Safe for any number of threads."""

    def __init__(self, backend: str, options: Options) -> None:
        self._backend = backend
        self._options = options
        parts = urlsplit(options.endpoint)
        self._host, self._port = parts.hostname or "", parts.port
        self._context: ssl.SSLContext | None = None
        self._pools: OrderedDict[str, urllib3.HTTPConnectionPool] = OrderedDict()
        self._lock = threading.Lock()
        _all.add(self)

    def send(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        payload: bytes | Payload = b"",
        host: str | None = None,
    ) -> Reply:
        """One request to a host of the service (its endpoint's, unless it names another).

        `target` and `headers` go out as they are; Content-Length is added. Raises Unreachable, Broken,
        and whatever the payload raises.
        """
        flow = payload if isinstance(payload, bytes) else _Flow(payload)
        given = {"Content-Length": str(len(payload) if isinstance(payload, bytes) else payload.length)}
        try:
            response = self._pool(host or self._host).urlopen(
                method,
                target,
                body=flow or None,
                headers={**headers, **given} if payload or method in ("PUT", "POST") else dict(headers),
                retries=False,
                redirect=False,
                assert_same_host=False,
                preload_content=False,
                decode_content=False,
            )
        except (HTTPError, OSError, ValueError) as error:
            if isinstance(flow, _Flow) and flow.failure is not None:
                raise flow.failure from None
            raise _named(self._backend, error) from None
        reply = Reply(self._backend, response)
        if reply.status < 300 and isinstance(flow, _Flow) and not flow.sent:
            response.close()
            raise Broken(f"The storage {self._backend!r} answered before it had everything.")
        return reply

    def close(self) -> None:
        """Close the connections that nobody uses."""
        with self._lock:
            pools, self._pools = self._pools, OrderedDict()
        for pool in pools.values():
            pool.close()

    def forget(self) -> None:
        """Leave the connections to the parent process; called in a forked child."""
        _inherited.append(self._pools)
        self._pools, self._lock = OrderedDict(), threading.Lock()

    def _pool(self, host: str) -> urllib3.HTTPConnectionPool:
        with self._lock:
            pool = self._pools.get(host)
            if pool is None:
                pool = self._pools[host] = self._new_pool(host)
                if len(self._pools) > _MAX_HOSTS:
                    self._pools.popitem(last=False)[1].close()
            else:
                self._pools.move_to_end(host)
            return pool

    def _new_pool(self, host: str) -> urllib3.HTTPConnectionPool:
        options = self._options
        timeout = urllib3.Timeout(connect=options.connect_timeout, read=options.read_timeout)
        kept: dict[str, Any] = {"maxsize": options.connections, "block": False, "timeout": timeout}
        kept["silence"] = options.read_timeout
        if not options.encrypted:
            return _Pool(host, self._port, **kept)
        if self._context is None:
            self._context = ssl.create_default_context(cafile=options.ca_bundle)
        return _SecurePool(host, self._port, ssl_context=self._context, **kept)


class _Flow:
    """A payload on its way out: counts, and remembers what its source raised."""

    def __init__(self, payload: Payload) -> None:
        self._payload = payload
        self.sent = False
        self.failure: BaseException | None = None

    def __iter__(self) -> Iterator[bytes]:
        left = self._payload.length
        try:
            for piece in self._payload:
                left -= len(piece)
                if left < 0:
                    raise _wrong_length()
                yield piece
            if left:
                raise _wrong_length()
        except GeneratorExit:
            raise
        except BaseException as error:
            self.failure = error
            raise
        self.sent = True


def _wrong_length() -> ValueError:
    return ValueError("a body is not as long as it was announced")


class _Patient:
    """A connection that waits as long for the service to take bytes as for it to send some.

    (The library waits only as long as for a connection.)
    """

    sock: Any
    timeout: Any

    def __init__(self, *arguments: Any, silence: float, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._silence = silence

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self.timeout = self._silence
        self.sock.settimeout(self._silence)

    def request(self, *arguments: Any, **named: Any) -> None:
        if self.sock is not None:
            self.timeout = self._silence
        super().request(*arguments, **named)  # type: ignore[misc]


class _Connection(_Patient, HTTPConnection):
    pass


class _SecureConnection(_Patient, HTTPSConnection):
    pass


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def _named(backend: str, error: Exception) -> Unreachable | Broken:
    if isinstance(error, NewConnectionError | ConnectTimeoutError | SSLError | LocationParseError):
        return Unreachable(f"The storage {backend!r} cannot be reached. Try again.")
    return _broken(backend, error)


def _broken(backend: str, error: Exception) -> Broken:
    return Broken(f"The connection to the storage {backend!r} broke or fell silent. Try again.")


_all: weakref.WeakSet[Transport] = weakref.WeakSet()
_inherited: list[object] = []
"""Pools of parent processes, kept so that nothing of them is closed here."""


def _after_fork() -> None:
    for transport in list(_all):
        transport.forget()


os.register_at_fork(after_in_child=_after_fork)
