"""HTTP to one service: kept connections, bounded waits, bytes as they are.

Nothing is followed, decoded or tried again here. What goes wrong is Unreachable (nothing arrived),
Broken (nobody knows what did) or ServiceFault (the answer is none).
"""

from __future__ import annotations

import os
import ssl
import threading
import time
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Protocol
from urllib.parse import urlsplit

from proxy.backends.s3 import http1
from proxy.backends.s3.connection import Connection
from proxy.backends.s3.errors import Broken, Unreachable, unreadable
from proxy.backends.s3.http1 import NotHTTP
from proxy.backends.s3.options import Options
from proxy.errors import IncompleteBody

MAX_DOCUMENT_BYTES = 8 * 1024 * 1024
DOCUMENT_SECONDS = 120.0
IDLE_SECONDS = 15.0
"""A connection that was not used for so long is not used again: services close them without a word."""
STREAM_IDLE_SECONDS = 3.0
"""The same before a stream, which could not be sent again."""
_MAX_HOSTS = 256


class Payload(Protocol):
    """What goes up: `length` bytes, in pieces."""

    length: int

    def __iter__(self) -> Iterator[bytes]: ...


class Transport:
    """Connections of this process to one service. Safe for any number of threads."""

    def __init__(self, backend: str, options: Options) -> None:
        self.backend = backend
        self._options = options
        parts = urlsplit(options.endpoint)
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if options.encrypted else 80)
        self._context: ssl.SSLContext | None = None
        self._idle: OrderedDict[str, deque[Connection]] = OrderedDict()
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
        ServiceFault, and whatever the payload raises.
        """
        length = len(payload) if isinstance(payload, bytes) else payload.length
        if length or method in ("PUT", "POST"):
            headers = {**headers, "content-length": str(length)}
        host = host or self._host
        head = http1.write_head(method, target, headers)
        fresh = IDLE_SECONDS if isinstance(payload, bytes) else STREAM_IDLE_SECONDS
        connection = self._idle_one(host, fresh) or self._connect(host)
        try:
            whole = self._upload(connection, head, payload)
            answer = self._receive(connection, method)
            if answer.status < 300 and not whole:
                raise Broken(f"The storage {self.backend!r} answered before it had everything.")
            return Reply(self, host, connection, answer, method, whole)
        except BaseException:
            connection.close()
            raise

    def keep(self, host: str, connection: Connection) -> None:
        """Take back a connection whose answer was read to the end."""
        connection.used = time.monotonic()
        with self._lock:
            idle = self._idle.setdefault(host, deque())
            self._idle.move_to_end(host)
            surplus = [connection] if len(idle) >= self._options.connections else []
            if not surplus:
                idle.append(connection)
            if len(self._idle) > _MAX_HOSTS:
                surplus += self._idle.popitem(last=False)[1]
        for other in surplus:
            other.close()

    def close(self) -> None:
        """Close the connections that nobody uses."""
        with self._lock:
            idle, self._idle = self._idle, OrderedDict()
        for connections in idle.values():
            for connection in connections:
                connection.close()

    def forget(self) -> None:
        """Leave the connections to the parent process; called in a forked child."""
        _inherited.append(self._idle)
        self._idle, self._lock = OrderedDict(), threading.Lock()

    def _upload(self, connection: Connection, head: bytes, payload: bytes | Payload) -> bool:
        """Whether all of it went out; if not, the service has answered already, or ended the connection.

        Raises IncompleteBody for a stream that is not as long as it was announced.
        """
        if isinstance(payload, bytes):
            return self._sent(partial(connection.send, head, payload))
        if not self._sent(partial(connection.send, head)):
            return False
        left = payload.length
        for piece in payload:
            left -= len(piece)
            if left < 0:
                break
            if connection.speaks() or not self._sent(partial(connection.send_piece, piece)):
                return False
        if left:
            raise IncompleteBody()
        return True

    def _sent(self, send: Callable[[], bool | None]) -> bool:
        try:
            return send() is not False
        except TimeoutError:
            raise _broken(self.backend) from None
        except OSError:
            return False

    def _receive(self, connection: Connection, method: str) -> http1.Head:
        try:
            return connection.head()
        except NotHTTP:
            raise unreadable(self.backend) from None
        except OSError:
            raise _broken(self.backend) from None

    def _idle_one(self, host: str, fresh: float) -> Connection | None:
        while True:
            with self._lock:
                idle = self._idle.get(host)
                connection = idle.pop() if idle else None
            if connection is None:
                return None
            if time.monotonic() - connection.used < fresh and not connection.speaks():
                return connection
            connection.close()

    def _connect(self, host: str) -> Connection:
        options = self._options
        try:
            if options.encrypted and self._context is None:
                self._context = _context(options.ca_bundle)
            return Connection(
                (host, self._port), options.connect_timeout, options.read_timeout, self._context
            )
        except ssl.SSLCertVerificationError as error:
            raise Unreachable(
                f"The certificate of the storage {self.backend!r} is not trusted: {error.verify_message}."
            ) from None
        except (OSError, UnicodeError):
            raise Unreachable(f"The storage {self.backend!r} cannot be reached. Try again.") from None


class Reply:
    """One answer whose head has come. Read it to the end or close it: then the connection is free."""

    def __init__(
        self,
        transport: Transport,
        host: str,
        connection: Connection,
        head: http1.Head,
        method: str,
        whole: bool,
    ) -> None:
        self.status, self.headers = head.status, head.headers
        self._transport, self._host = transport, host
        self._connection: Connection | None = connection
        try:
            self._length = http1.body_length(method, head)
        except NotHTTP:
            raise unreadable(transport.backend) from None
        self._keeps = head.keeps and whole and self._length != http1.TO_THE_END
        if self._length == 0:
            self._finish()

    def pieces(self) -> Iterator[bytes]:
        """The body, in pieces of at most PIECE_BYTES. Raises Broken if it ends early or falls silent.

        With the last piece the connection is free, whether or not the caller asks for one more.
        """
        connection, left = self._connection, self._length
        if connection is None:
            return
        try:
            for piece in connection.body(left):
                left -= len(piece)
                if not left:
                    self._finish()
                yield piece
        except NotHTTP:
            raise unreadable(self._transport.backend) from None
        except OSError:
            raise _broken(self._transport.backend) from None
        else:
            self._finish()
        finally:
            self.close()

    def document(self, most: int = MAX_DOCUMENT_BYTES, seconds: float = DOCUMENT_SECONDS) -> bytes:
        """The whole body. Raises Broken, also if it takes longer, and ServiceFault if it is larger."""
        deadline = time.monotonic() + seconds
        found: list[bytes] = []
        size = 0
        for piece in self.pieces():
            found.append(piece)
            size += len(piece)
            if size > most:
                self.close()
                raise unreadable(self._transport.backend)
            if time.monotonic() > deadline:
                self.close()
                raise Broken(f"The storage {self._transport.backend!r} does not end its answer.")
        return b"".join(found)

    def close(self) -> None:
        """Free the connection; one that has unread bytes is closed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _finish(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            if self._keeps:
                self._transport.keep(self._host, connection)
            else:
                connection.close()


def _context(ca_bundle: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_bundle)
    context.hostname_checks_common_name = False  # RFC 9525: the subject names nobody
    return context


def _broken(backend: str) -> Broken:
    return Broken(f"The connection to the storage {backend!r} broke or fell silent. Try again.")


_all: weakref.WeakSet[Transport] = weakref.WeakSet()
_inherited: list[object] = []
"""Connections of parent processes, kept so that nothing of them is closed here."""


def _after_fork() -> None:
    for transport in list(_all):
        transport.forget()


os.register_at_fork(after_in_child=_after_fork)
