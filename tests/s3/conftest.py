"""One server for the whole session, and a bucket of its own for every test."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.s3.encrypting import encrypting, sealed, secret, unsealed  # noqa: F401
from tests.s3.people import alice, bob, nobody, own  # noqa: F401
from tests.s3.server import Server

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A home with tables and a key that was never started, to be copied."""
    server = Server(tmp_path_factory.mktemp("s3-template"))
    server.prepare()
    return server


@pytest.fixture(scope="session")
def s3_server(prepared: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server as it is configured for production."""
    server = prepared.copy(tmp_path_factory.mktemp("s3-home"))
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
def versioned(s3: Any, bucket: str) -> str:
    """The name of a new, empty bucket that keeps versions."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


@pytest.fixture
def locked(s3: Any) -> str:
    """The name of a new, empty bucket with object lock."""
    name = f"bucket-{next(_numbers)}"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


@pytest.fixture
def new_server(prepared: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Makes and starts servers with settings of their own; they end with the test."""
    made: list[Server] = []

    def start(worker: str = "", **settings: str) -> Server:
        server = prepared.copy(tmp_path_factory.mktemp("s3-home"), worker, **settings)
        made.append(server)
        server.start()
        return server

    yield start
    for server in made:
        server.stop()
