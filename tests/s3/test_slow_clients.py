"""Clients that are slow, stuck or gone hold nothing that others need."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from typing import Any

from tests.s3 import raw
from tests.s3.errors import refused
from tests.s3.server import Server

NewServer = Callable[..., Server]
SERVED_WITHIN = 3.0


def others_are_served(s3: Any, bucket: str) -> None:
    began = time.monotonic()
    for number in range(10):
        s3.put_object(Bucket=bucket, Key="small", Body=bytes([number]) * 4096)
        assert s3.get_object(Bucket=bucket, Key="small")["Body"].read() == bytes([number]) * 4096
    s3.put_object(Bucket=bucket, Key="large", Body=b"x" * 5_000_000)
    assert len(s3.get_object(Bucket=bucket, Key="large")["Body"].read()) == 5_000_000
    assert time.monotonic() - began < SERVED_WITHIN


def test_200_half_sent_headers_stop_nobody(s3_server: Server, s3: Any, bucket: str) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            connection = stack.enter_context(s3_server.connect())
            connection.sendall(raw.head(s3_server, "GET", f"/{bucket}")[:-20])
        others_are_served(s3, bucket)


def test_200_stalled_uploads_stop_nobody(s3_server: Server, s3: Any, bucket: str) -> None:
    """Some of them small, some held back, some that stream: fewer of these than may at once."""
    with contextlib.ExitStack() as stack:
        for number in range(200):
            size = (100, 500_000, 50_000_000, 3_000_000)[number % 4]
            connection = stack.enter_context(s3_server.connect())
            head = raw.head(s3_server, "PUT", f"/{bucket}/stalled", {"content-length": str(size)})
            connection.sendall(head)
            if number % 4 != 3:
                connection.sendall(b"x" * min(size // 2, 3_000_000))
        others_are_served(s3, bucket)
    with refused("404"):
        s3.head_object(Bucket=bucket, Key="stalled")


def test_40_readers_that_do_not_read_stop_nobody(s3_server: Server, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="download", Body=b"x" * 30_000_000)
    with contextlib.ExitStack() as stack:
        for _ in range(40):
            connection = stack.enter_context(s3_server.connect())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(raw.head(s3_server, "GET", f"/{bucket}/download"))
        others_are_served(s3, bucket)


def test_a_stalled_upload_is_told_so_after_the_idle_limit(new_server: NewServer) -> None:
    server = new_server(SLUICEGATE_READ_IDLE_SECONDS="1")
    server.client().create_bucket(Bucket="stalls")
    for size in (100, 500_000, 50_000_000):
        with server.connect() as connection:
            head = raw.head(server, "PUT", "/stalls/k", {"content-length": str(size)})
            connection.sendall(head + b"x" * min(size // 2, 4_000_000))
            answer = raw.read(connection, "PUT")
        assert (answer.status, answer.code) == (400, "RequestTimeout")


def test_an_upload_that_trickles_is_ended(new_server: NewServer) -> None:
    server = new_server(SLUICEGATE_READ_IDLE_SECONDS="1", SLUICEGATE_LEAST_UPLOAD_RATE="1000")
    server.client().create_bucket(Bucket="trickles")
    with server.connect() as connection:
        connection.sendall(raw.head(server, "PUT", "/trickles/k", {"content-length": "100000"}))
        for _ in range(8):
            time.sleep(0.3)
            try:
                connection.sendall(b"x")
            except OSError:
                break
        answer = raw.read(connection, "PUT")
    assert (answer.status, answer.code) == (400, "RequestTimeout")


def test_more_large_uploads_than_threads_are_told_to_slow_down(new_server: NewServer) -> None:
    server = new_server(SLUICEGATE_STREAM_UPLOADS="2", SLUICEGATE_WEB_WORKERS="1")
    s3 = server.client()
    s3.create_bucket(Bucket="crowded")
    with contextlib.ExitStack() as stack:
        for number in range(2):
            connection = stack.enter_context(server.connect())
            head = raw.head(server, "PUT", f"/crowded/{number}", {"content-length": "50000000"})
            connection.sendall(head + b"x" * 8_000_000)
        time.sleep(1)
        with refused("SlowDown", 503):
            s3.put_object(Bucket="crowded", Key="third", Body=b"x" * 5_000_000)
        s3.put_object(Bucket="crowded", Key="small", Body=b"x" * 4096)
    time.sleep(2)
    s3.put_object(Bucket="crowded", Key="third", Body=b"x" * 5_000_000)


def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(
    s3_server: Server, s3: Any, bucket: str
) -> None:
    for _ in range(20):
        with s3_server.connect() as connection:
            head = raw.head(s3_server, "PUT", f"/{bucket}/left", {"content-length": "20000000"})
            connection.sendall(head + b"x" * 5_000_000)
    time.sleep(1)
    with refused("404"):
        s3.head_object(Bucket=bucket, Key="left")
    others_are_served(s3, bucket)
    for key in ("small", "large"):
        s3.delete_object(Bucket=bucket, Key=key)
    s3.delete_bucket(Bucket=bucket)  # nobody is left in the write slot


def test_a_download_that_nobody_takes_is_cut(new_server: NewServer) -> None:
    server = new_server(SLUICEGATE_WRITE_IDLE_SECONDS="1")
    s3 = server.client()
    s3.create_bucket(Bucket="untaken")
    size = 50_000_000
    s3.put_object(Bucket="untaken", Key="k", Body=b"x" * size)
    with server.connect(30) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.sendall(raw.head(server, "GET", "/untaken/k"))
        time.sleep(5)
        taken = 0
        with contextlib.suppress(ConnectionError):
            while piece := connection.recv(1_000_000):
                taken += len(piece)
    assert taken < size / 2
    assert len(s3.get_object(Bucket="untaken", Key="k")["Body"].read()) == size
