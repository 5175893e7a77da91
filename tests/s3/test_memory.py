"""Memory is constant: what clients send and take at once does not pile up in a worker."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks import memory
from benchmarks.servers import Server as Measured
from tests.s3.server import Server

NewServer = Callable[..., Server]


def test_32_uploads_and_downloads_at_once_stay_in_one_workers_bounds(new_server: NewServer) -> None:
    server = new_server(SLUICEGATE_WEB_WORKERS="1")
    assert server.process is not None
    measured = Measured(
        "tests", server.endpoint, server.access_key, server.secret_key, server.process.pid, server.home
    )
    memory.measure(measured, size=16 * memory.MIB)  # raises above 400 MiB; all at once are 512 MiB
