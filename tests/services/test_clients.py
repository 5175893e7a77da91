"""The stock clients through a gateway over a service, with parts, folders and odd names."""

from __future__ import annotations

import pytest

from tests.s3.server import Server
from tests.s3.test_clients import (  # noqa: F401
    name,
    test_aws_sync_in_and_out,
    test_rclone_in_and_out,
    test_s5cmd_in_and_out,
    tree,
)
from tests.services.conftest import GatewayOver


@pytest.fixture(scope="session")
def s3_server(gateway_over: GatewayOver) -> Server:
    """One service is enough: the clients see the gateway."""
    return gateway_over("seaweedfs")
