"""Bodies stream through a gateway over a service: its memory does not grow with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from benchmarks.memory import Transfer, run, watched
from tests.s3.server import Server
from tests.services.conftest import GatewayOver

MIB = 1024 * 1024
SIZE = 256 * MIB
MOST_MIB = 200
"""Of one process, with all that it has loaded: below the body's size."""


@pytest.fixture(scope="module")
def server(gateway_over: GatewayOver) -> Iterator[Server]:
    yield gateway_over("seaweedfs")


def test_256_mib_go_through_in_constant_memory(server: Server) -> None:
    s3: Any = server.client()
    s3.create_bucket(Bucket="streams")
    assert server.process is not None
    url = s3.generate_presigned_url("put_object", {"Bucket": "streams", "Key": "large"})
    target = urlsplit(url)
    line = f"PUT {target.path}?{target.query} HTTP/1.1"
    head = f"{line}\r\nHost: {target.netloc}\r\nContent-Length: {SIZE}\r\n\r\n"
    with watched(server.process.pid) as peak:
        run((target.hostname or "", target.port or 80), [Transfer(head.encode(), SIZE)])
        found = s3.get_object(Bucket="streams", Key="large")["Body"]
        size = sum(len(piece) for piece in found.iter_chunks(MIB))
    assert size == SIZE
    assert peak() < MOST_MIB
