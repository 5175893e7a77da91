"""Every operation that we do not have says so; none pretends."""

from __future__ import annotations

import os

import django
import pytest

from tests.s3 import raw
from tests.s3.server import Server

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jobsite.settings")
django.setup()

from proxy.handlers.refusals import not_implemented  # noqa: E402
from proxy.operations import OPERATIONS, Level, Operation  # noqa: E402

ABSENT = [one for one in OPERATIONS if one.handler is not_implemented]


@pytest.mark.parametrize("operation", ABSENT, ids=lambda one: one.name)
def test_it_says_that_it_is_not_implemented(s3_server: Server, bucket: str, operation: Operation) -> None:
    path = f"/{bucket}/key" if operation.level is Level.OBJECT else f"/{bucket}"
    query = "&".join(marker if "=" in marker else f"{marker}=" for marker in operation.markers)
    body = b"<x/>" if operation.method in ("PUT", "POST") else b""
    answer = raw.ask(s3_server, operation.method, f"{path}?{query}" if query else path, body=body)
    assert (answer.status, answer.code) == (501, "NotImplemented")


def test_every_operation_has_a_name_and_a_right_of_its_own_kind() -> None:
    names = [one.name for one in OPERATIONS]
    assert len(names) == len(set(names))
    for one in OPERATIONS:
        assert one.right.startswith(("s3:", "s3express:"))
        assert (one.access.value == "read") == (
            one.method in ("GET", "HEAD", "OPTIONS") or one.name == "SelectObjectContent"
        )


def test_a_method_that_s3_does_not_know_is_not_allowed(s3_server: Server, bucket: str) -> None:
    answer = raw.ask(s3_server, "PATCH", f"/{bucket}/key")
    assert (answer.status, answer.code) == (405, "MethodNotAllowed")
    assert "GET" in answer.headers["Allow"]
