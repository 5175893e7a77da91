"""Reads of one object are answered in the event loop: nothing on their way uses Django's connections."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from proxy import control, gateway, keys, users
from proxy.door.pipe import Whole
from proxy.gateway import Admitted, Response, Unread
from proxy.limits import BRIEF_BYTES
from proxy.wire import signing
from proxy.wire.dates import amz_date

pytestmark = pytest.mark.django_db

KEY, SECRET = "SGLOOPLOOPLOOP", "s" * 40
REQUEST_ID = "0123456789ABCDEF"


def scope(method: str, path: str, length: int = 0) -> dict[str, Any]:
    """A signed request."""
    stamp = amz_date(time.time())
    fields = [("host", "h"), ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"), ("x-amz-date", stamp)]
    names = ";".join(name for name, _ in fields)
    canonical = signing.canonical_request(method, path, "", fields, names, "UNSIGNED-PAYLOAD")
    day = f"{stamp[:8]}/us-east-1/s3/aws4_request"
    key = signing.signing_key(SECRET, stamp[:8], "us-east-1", "s3")
    signature = signing.sign(key, signing.string_to_sign(stamp, day, canonical))
    fields.append(
        (
            "authorization",
            f"{signing.ALGORITHM} Credential={KEY}/{day}, SignedHeaders={names}, Signature={signature}",
        )
    )
    fields.append(("content-length", str(length)))
    return {
        "type": "http",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in fields],
        "client": ("192.0.2.7", 40000),
    }


def put(path: str, body: bytes) -> Response:
    return gateway.serve(scope("PUT", path, len(body)), REQUEST_ID, Whole(body))


def in_loop(method: str, path: str) -> Admitted | Response | Unread | None:
    """As far as the event loop gets by itself."""

    async def go() -> Admitted | Response | Unread | None:
        admitted = gateway.try_admit(scope(method, path), REQUEST_ID)
        return gateway.try_answer(admitted, Whole()) if isinstance(admitted, Admitted) else admitted

    return asyncio.run(go())


@pytest.fixture
def site(home: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.STORAGE = {
        "default_backend": "m",
        "backends": {"m": {"type": "filesystem", "path": str(home / "data")}},
        "buckets": {},
    }
    monkeypatch.setattr(keys, "note_use", lambda *_: None)
    monkeypatch.setattr(control._mine, "wrapper", connection._connections[connection._alias])
    keys.create_key(users.create_user("loop"), KEY, SECRET)
    for path, body in (("/bkt", b""), ("/bkt/small", b"content"), ("/bkt/large", b"x" * (BRIEF_BYTES + 1))):
        assert put(path, body).status == 200


def test_small_objects_are_answered_where_they_are_asked_for(site: None) -> None:
    for method, body in (("GET", b"content"), ("HEAD", b"")):
        response = in_loop(method, "/bkt/small")
        assert isinstance(response, Response)
        assert (response.status, response.body, response.length) == (200, body, 7)


def test_the_bytes_of_a_large_one_are_left_to_a_thread(site: None) -> None:
    unread = in_loop("GET", "/bkt/large")
    assert isinstance(unread, Unread)
    response = gateway.begin(unread)
    response.close()
    assert (response.status, response.length) == (200, BRIEF_BYTES + 1)


def test_refusals_are_answers_too(site: None) -> None:
    response = in_loop("GET", "/bkt/none")
    assert isinstance(response, Response) and (response.status, response.code) == (404, "NoSuchKey")


def test_whatever_else_there_is_to_do_is_left_to_a_thread(site: None) -> None:
    assert in_loop("GET", "/bkt") is None


def test_what_would_use_djangos_connection_is_left_to_a_thread(
    site: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control._mine, "wrapper", None)
    assert in_loop("HEAD", "/bkt/small") is None
