"""A server that does what a script says with each request, most of it wrong."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self


@dataclass
class Exchange:
    """One request at the server, its body not yet read."""

    line: str
    headers: Mapping[str, str]
    connection: socket.socket
    rest: bytes
    body: bytes = field(default=b"", repr=False)

    def read_body(self) -> None:
        left = int(self.headers.get("content-length", "0")) - len(self.rest)
        pieces = [self.rest]
        while left > 0 and (piece := self.connection.recv(min(left, 65536))):
            pieces.append(piece)
            left -= len(piece)
        self.body = b"".join(pieces)

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)


Act = Callable[[Exchange, threading.Event], bool]
"""Answers a request; True if the connection goes on. The event says that the server ends."""


def answer(status: int = 200, body: bytes = b"", **headers: str | None) -> Act:
    """A whole answer to a request that was read; a header of None is left away."""
    said: dict[str, str | None] = {"content-length": str(len(body))}
    said |= {name.replace("_", "-"): value for name, value in headers.items()}

    def act(exchange: Exchange, ends: threading.Event) -> bool:
        exchange.read_body()
        lines = "".join(f"{name}: {value}\r\n" for name, value in said.items() if value is not None)
        exchange.send(f"HTTP/1.1 {status} Odd\r\n{lines}\r\n".encode("latin-1") + body)
        return said.get("connection") != "close"

    return act


def error(status: int, code: str, **headers: str | None) -> Act:
    body = f"<Error><Code>{code}</Code><Message>so it is</Message></Error>".encode()
    return answer(status, body, **headers)


def early(status: int, body: bytes = b"") -> Act:
    """An answer before the body was read."""

    def act(exchange: Exchange, ends: threading.Event) -> bool:
        exchange.send(f"HTTP/1.1 {status} Odd\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        ends.wait(5)
        return False

    return act


def raw(data: bytes, *, goes_on: bool = False) -> Act:
    """These bytes for a request that was read."""

    def act(exchange: Exchange, ends: threading.Event) -> bool:
        exchange.read_body()
        exchange.send(data)
        return goes_on

    return act


def hang_up(exchange: Exchange, ends: threading.Event) -> bool:
    """The end, in the middle of the request."""
    return False


def stall(exchange: Exchange, ends: threading.Event) -> bool:
    """Nothing, for longer than anybody waits."""
    ends.wait(60)
    return False


def drip(exchange: Exchange, ends: threading.Event) -> bool:
    """A head that never ends, a byte at a time."""
    exchange.send(b"HTTP/1.1 200 OK\r\nx-slow: ")
    while not ends.wait(0.02):
        exchange.send(b"x")
    return False


def endless(piece: bytes, total: int) -> Act:
    """An answer of so many bytes, as fast as they are taken."""

    def act(exchange: Exchange, ends: threading.Event) -> bool:
        exchange.send(f"HTTP/1.1 200 OK\r\ncontent-length: {total}\r\n\r\n".encode())
        for _ in range(total // len(piece)):
            exchange.send(piece)
        return False

    return act


GOOD = answer(200, b"data", etag='"e"')
"""A good answer to a GET, HEAD or PUT."""


class Flaky:
    """Listens from the beginning; each request takes the next act, the last one over and over."""

    def __init__(self, *script: Act, certificate: tuple[str, str] | None = None) -> None:
        self.requests: list[Exchange] = []
        self.connections = 0
        self._script = list(script)
        self._ends = threading.Event()
        self._open: list[socket.socket] = []
        self._context: ssl.SSLContext | None = None
        if certificate:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(*certificate)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def endpoint(self) -> str:
        scheme = "https" if self._context else "http"
        return f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._ends.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        for connection in self._open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    def _accept(self) -> None:
        while not self._ends.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=[connection])
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with (
                self._context.wrap_socket(connection, server_side=True) if self._context else connection as c
            ):
                while self._one(c):
                    pass
        except OSError:
            connection.close()

    def _one(self, connection: socket.socket) -> bool:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                return False
            data += piece
        head, _, rest = data.partition(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(entry.split(": ", 1) for entry in lines)
        exchange = Exchange(line, headers, connection, rest)
        self.requests.append(exchange)
        act = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        return act(exchange, self._ends)
