"""Resident memory of a server while many clients upload at once and then download at once.

The limit is part of the run: more than LIMIT_MIB in any of its processes is an error, whatever the
size of the objects.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.moving import client
from benchmarks.servers import Server

MIB = 1024 * 1024
LIMIT_MIB = 400
CLIENTS = 32
_PIECE = bytes(256 * 1024)
_SAMPLE_SECONDS = 0.05


def processes(pid: int) -> list[int]:
    """A process and all that came of it."""
    found = [pid]
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in children.read_text().split():
                found += processes(int(child))
    return found


def resident(pid: int) -> int:
    """Bytes of a process in memory; 0 once it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    except OSError:
        return 0


@contextlib.contextmanager
def watched(pid: int) -> Iterator[Callable[[], float]]:
    """Calling what this gives tells the peak in MiB of the largest process so far."""
    peak, ended = 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not ended.wait(_SAMPLE_SECONDS):
            peak = max(peak, *(resident(one) for one in processes(pid)))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield lambda: peak / MIB
    finally:
        ended.set()
        thread.join()


@dataclass
class Transfer:
    """One connection: a head to send, then `upload` bytes; then an answer that is read to its end."""

    head: bytes
    upload: int = 0
    _answer: bytearray = field(default_factory=bytearray)
    _left: int = -1

    def send(self, connection: socket.socket) -> bool:
        """Send a piece; False once all is sent."""
        if self.head:
            self.head = self.head[connection.send(self.head) :]
        elif self.upload:
            self.upload -= connection.send(_PIECE[: min(len(_PIECE), self.upload)])
        return bool(self.head or self.upload)

    def receive(self, connection: socket.socket) -> bool:
        """Read a piece; False once the answer has ended. Raises RuntimeError unless it is 200."""
        piece = connection.recv(len(_PIECE))
        if self._left < 0:
            self._answer += piece
            head, end, rest = bytes(self._answer).partition(b"\r\n\r\n")
            if end:
                if b" 200 " not in head[:16]:
                    raise RuntimeError(f"the server answered {head!r} {rest!r}")
                self._left = int(head.lower().partition(b"content-length:")[2].split()[0]) - len(rest)
        else:
            self._left -= len(piece)
        if not piece and self._left:
            raise RuntimeError("the server ended the connection early")
        return self._left != 0


def run(address: tuple[str, int], transfers: list[Transfer]) -> float:
    """All at once, from one thread; the seconds that it took."""
    began, open_ones = time.monotonic(), len(transfers)
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as stack:
        for transfer in transfers:
            connection = stack.enter_context(socket.create_connection(address, 60))
            connection.setblocking(False)
            selector.register(connection, selectors.EVENT_WRITE, transfer)
        while open_ones:
            for key, _ in selector.select():
                moving, connection = key.data, key.fileobj
                assert isinstance(connection, socket.socket)
                if key.events == selectors.EVENT_WRITE:
                    if not moving.send(connection):
                        selector.modify(connection, selectors.EVENT_READ, moving)
                elif not moving.receive(connection):
                    selector.unregister(connection)
                    open_ones -= 1
    return time.monotonic() - began


def measure(server: Server, *, size: int, clients: int = CLIENTS) -> list[str]:
    """`clients` uploads of `size` bytes at once, then as many downloads. Raises RuntimeError."""
    s3, bucket, url = client(server), "memory", urlsplit(server.endpoint)
    s3.create_bucket(Bucket=bucket)
    lines = []
    for direction, method in (("up", "PUT"), ("down", "GET")):
        transfers = []
        for number in range(clients):
            operation = "put_object" if method == "PUT" else "get_object"
            signed = s3.generate_presigned_url(operation, {"Bucket": bucket, "Key": f"{number:03d}"})
            target = signed.removeprefix(server.endpoint)
            length = f"Content-Length: {size}\r\n" if method == "PUT" else ""
            head = f"{method} {target} HTTP/1.1\r\nHost: {url.netloc}\r\n{length}\r\n".encode()
            transfers.append(Transfer(head, size if method == "PUT" else 0))
        with watched(server.pid) as peak:
            seconds = run((url.hostname or "", url.port or 80), transfers)
        rate = clients * size / MIB / seconds
        lines.append(
            f"{clients} x {size // MIB:,} MiB {direction:<5}{rate:>8,.0f} MiB/s   largest process "
            f"{peak():,.0f} MiB of {LIMIT_MIB}"
        )
        if peak() > LIMIT_MIB:
            raise RuntimeError(lines[-1])
    return lines
