"""How the web server starts and ends."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.s3 import raw
from tests.s3.server import Server

NewServer = Callable[..., Server]


def wait_until_refused(server: Server) -> None:
    """Until no worker takes connections any more."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            server.connect(1).close()
        except OSError:
            return
        time.sleep(0.1)
    raise TimeoutError("the server still takes connections")


def test_a_request_under_way_is_finished_and_new_ones_are_refused(new_server: NewServer) -> None:
    server = new_server()
    server.client().create_bucket(Bucket="draining")
    body = b"x" * 6_000_000
    with server.connect() as connection:
        head = raw.head(server, "PUT", "/draining/k", {"content-length": str(len(body))})
        connection.sendall(head + body[:3_000_000])
        time.sleep(0.3)
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        wait_until_refused(server)
        connection.sendall(body[3_000_000:])
        answer = raw.read(connection, "PUT")
    assert answer.status == 200
    assert server.process.wait(10) == 0
    server.process = None
    server.start()
    assert server.client().head_object(Bucket="draining", Key="k")["ContentLength"] == len(body)


def test_idle_connections_do_not_delay_the_end(new_server: NewServer) -> None:
    server = new_server()
    with server.connect() as connection:
        connection.sendall(raw.head(server, "GET", "/"))
        assert raw.read(connection).status == 200
        assert server.process is not None
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(10) == 0
        assert time.monotonic() - began < 5
        server.process = None


def test_small_answers_are_not_held_back(s3_server: Server) -> None:
    """Without TCP_NODELAY a second small write waits 40 ms for an acknowledgement."""
    with s3_server.connect() as connection:
        began = time.monotonic()
        for _ in range(50):
            connection.sendall(raw.head(s3_server, "GET", "/"))
            assert raw.read(connection).status == 200
        assert time.monotonic() - began < 1.5


def test_a_worker_that_is_killed_is_replaced(new_server: NewServer) -> None:
    server = new_server(SLUICEGATE_WEB_WORKERS="1")
    s3 = server.client()
    s3.create_bucket(Bucket="survives")
    s3.put_object(Bucket="survives", Key="k", Body=b"x")
    assert server.process is not None
    pid = server.process.pid
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    os.kill(int(child), signal.SIGKILL)
    deadline = time.monotonic() + 20
    while True:
        try:
            assert server.client().get_object(Bucket="survives", Key="k")["Body"].read() == b"x"
            break
        except Exception:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_no_control_socket_is_left_in_the_home(s3_server: Server) -> None:
    assert not (Path.home() / ".gunicorn" / "gunicorn.ctl").exists()
    assert not list(s3_server.home.rglob("*.ctl"))


def test_parallel_readers_get_their_own_bytes(s3_server: Server) -> None:
    s3 = s3_server.client()
    s3.create_bucket(Bucket="parallel")
    for number in range(4):
        s3.put_object(Bucket="parallel", Key=str(number), Body=bytes([number]) * 3_000_000)
    wrong: list[int] = []

    def read(number: int) -> None:
        for _ in range(5):
            body = s3.get_object(Bucket="parallel", Key=str(number))["Body"].read()
            if body != bytes([number]) * 3_000_000:
                wrong.append(number)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
