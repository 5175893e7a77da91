"""Every operation that we do not have says so; none pretends."""

from __future__ import annotations

import pytest

from proxy.handlers.refusals import not_implemented
from proxy.operations import OPERATIONS, Level, Operation
from tests.s3 import raw
from tests.s3.server import Server

ABSENT = [one for one in OPERATIONS if one.handler is not_implemented]


@pytest.mark.parametrize("operation", ABSENT, ids=lambda one: one.name)
def test_it_says_that_it_is_not_implemented(s3_server: Server, bucket: str, operation: Operation) -> None:
    path = f"/{bucket}/key" if operation.level is Level.OBJECT else f"/{bucket}"
    query = "&".join(marker if "=" in marker else f"{marker}=" for marker in operation.markers)
    body = b"<x/>" if operation.method in ("PUT", "POST") else b""
    answer = raw.ask(s3_server, operation.method, f"{path}?{query}" if query else path, body=body)
    assert (answer.status, answer.code) == (501, "NotImplemented")


def test_a_method_that_s3_does_not_know_is_not_allowed(s3_server: Server, bucket: str) -> None:
    answer = raw.ask(s3_server, "PATCH", f"/{bucket}/key")
    assert (answer.status, answer.code) == (405, "MethodNotAllowed")
    assert "GET" in answer.headers["Allow"]
