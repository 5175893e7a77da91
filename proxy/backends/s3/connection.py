"""One connection to a service: bytes out, one answer in, waits bounded. See `http1` for the words."""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Iterator

from proxy.backends.s3 import http1
from proxy.backends.s3.http1 import NotHTTP

_RECEIVE_BYTES = 256 * 1024
_AT_ONCE_BYTES = 64 * 1024
"""Up to here a body goes out together with its head."""


class Connection:
    """A socket and what was received too early. Not for two threads at once.

    Everything raises OSError (TimeoutError where the service is silent for `silence` seconds) and NotHTTP.
    """

    def __init__(
        self, address: tuple[str, int], wait: float, silence: float, context: ssl.SSLContext | None
    ) -> None:
        plain = socket.create_connection(address, wait)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = context.wrap_socket(plain, server_hostname=address[0]) if context else plain
        except BaseException:
            plain.close()
            raise
        self._socket.settimeout(silence)
        self._silence = silence
        self._readable, self._both = select.poll(), select.poll()
        self._readable.register(self._socket, select.POLLIN)
        self._both.register(self._socket, select.POLLIN | select.POLLOUT)
        self._rest = b""
        self._ended = False
        self.used = 0.0
        """When it was given back (monotonic)."""

    def send(self, head: bytes, body: bytes = b"") -> None:
        """A head and what is at hand of its body."""
        if len(body) <= _AT_ONCE_BYTES:
            self._socket.sendall(head + body)
        else:
            self._socket.sendall(head)
            self._socket.sendall(body)

    def send_piece(self, piece: bytes) -> bool:
        """A piece of a stream; False if the other side speaks instead of taking it."""
        left = memoryview(piece)
        self._socket.settimeout(0)
        try:
            while left:
                try:
                    left = left[self._socket.send(left) :]
                except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                    if not self._both.poll(self._silence * 1000):
                        raise TimeoutError from None
                    if self.speaks():
                        return False
            return True
        finally:
            self._socket.settimeout(self._silence)

    def speaks(self) -> bool:
        """Whether an answer begins, or the end has come. (Over TLS not all that arrives is either.)"""
        if not self._rest and self._readable.poll(0):
            before = self._socket.gettimeout()
            self._socket.settimeout(0)
            try:
                self._rest = self._socket.recv(_RECEIVE_BYTES)
            except (BlockingIOError, ssl.SSLWantReadError):
                return False
            finally:
                self._socket.settimeout(before)
            self._ended = not self._rest
        return self._ended or bool(self._rest)

    def close(self) -> None:
        self._socket.close()

    def __del__(self) -> None:
        """A download that nobody read to the end and nobody closed gives its socket back as well."""
        if hasattr(self, "_socket"):
            self._socket.close()

    def head(self) -> http1.Head:
        """The head of the final answer, which must come whole in time."""
        deadline = time.monotonic() + self._silence
        while True:
            end = self._rest.find(b"\r\n\r\n")
            if end < 0:
                if len(self._rest) > http1.MAX_HEAD_BYTES:
                    raise NotHTTP("an endless head")
                if time.monotonic() > deadline:  # interim answers give no more time
                    raise TimeoutError
                self._rest += self._receive()
                continue
            found = http1.read_head(self._rest[:end])
            self._rest = self._rest[end + 4 :]
            if found.status >= 200:
                return found

    def body(self, length: int) -> Iterator[bytes]:
        """The body, as it arrives, in pieces of at most 256 KiB."""
        if length == http1.CHUNKED:
            return self._chunks()
        if length == http1.TO_THE_END:
            return self._remainder()
        return self._exactly(length)

    def _receive(self) -> bytes:
        """What there is. Raises ConnectionError at the end."""
        piece = b"" if self._ended else self._socket.recv(_RECEIVE_BYTES)
        if not piece:
            raise ConnectionError("the connection ended")
        return piece

    def _exactly(self, length: int) -> Iterator[bytes]:
        while length:
            piece = self._rest or self._receive()
            self._rest = piece[length:]
            piece = piece[:length]
            length -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        while size := http1.chunk_size(self._line()):
            yield from self._exactly(size)
            if self._line():
                raise NotHTTP("a chunk that is longer than it says")
        for _ in range(64):
            if not self._line():
                return
        raise NotHTTP("endless trailers")

    def _remainder(self) -> Iterator[bytes]:
        if self._rest:
            yield self._rest
        while piece := self._socket.recv(_RECEIVE_BYTES):
            yield piece

    def _line(self) -> bytes:
        while (end := self._rest.find(b"\r\n")) < 0:
            if len(self._rest) > http1.MAX_LINE_BYTES:
                raise NotHTTP("an endless line")
            self._rest += self._receive()
        line, self._rest = self._rest[:end], self._rest[end + 2 :]
        return line
