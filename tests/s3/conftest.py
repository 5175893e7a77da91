"""One server for the whole session, and a bucket of its own for every test."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.s3.server import Server

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server with gunicorn's own ASGI worker."""
    server = Server(tmp_path_factory.mktemp("s3-home"))
    server.prepare()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def s3(s3_server: Server) -> Any:
    """A boto3 client that tries once."""
    return s3_server.client()


@pytest.fixture
def bucket(s3: Any) -> str:
    """The name of a new, empty bucket."""
    name = f"bucket-{next(_numbers)}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def new_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Makes and starts servers with settings of their own; they end with the test."""
    made: list[Server] = []

    def start(worker: str = "", **settings: str) -> Server:
        server = Server(tmp_path_factory.mktemp("s3-home"), worker, dict(settings))
        server.prepare()
        server.start()
        made.append(server)
        return server

    yield start
    for server in made:
        server.stop()
