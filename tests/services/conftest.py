"""A gateway over each service in turn, for the tests of `tests.s3` and for tests of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.s3.server import Server
from tests.s3services import Service
from tests.services.gateways import gateway

_numbers = itertools.count(1)
GatewayOver = Callable[[str], Server]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A home with tables and a key that was never started, to be copied."""
    server = Server(tmp_path_factory.mktemp("services-template"))
    server.prepare()
    return server


@pytest.fixture(scope="session")
def gateway_over(
    prepared: Server,
    s3_services: Callable[[str], Service],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[GatewayOver]:
    """Gives the running gateway whose new buckets are on the service of that name."""
    running: dict[str, Server] = {}

    def get(name: str) -> Server:
        if name not in running:
            home = tmp_path_factory.mktemp(f"over-{name}")
            server = gateway(prepared, home, {name: s3_services(name).options}, name)
            running[name] = server
            server.start()
        return running[name]

    yield get
    for server in running.values():
        server.stop()


@pytest.fixture(scope="session")
def s3_server(request: pytest.FixtureRequest, gateway_over: GatewayOver) -> Server:
    """The running gateway over the service that the test is for."""
    return gateway_over(getattr(request, "param", "seaweedfs"))


@pytest.fixture(scope="session")
def s3(s3_server: Server) -> Any:
    """A boto3 client that tries once."""
    return s3_server.client()


@pytest.fixture
def bucket(s3: Any) -> str:
    """The name of a new, empty bucket."""
    name = f"over-{next(_numbers)}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def versioned(s3: Any, bucket: str) -> str:
    """The name of a new, empty bucket that keeps versions."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket
