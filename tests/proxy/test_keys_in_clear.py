"""A client's own encryption key over HTTP is refused at the front desk, unless a setting allows it."""

from __future__ import annotations

from typing import Any

import pytest

from proxy import gateway
from proxy.backends.values import Place, Route
from proxy.bucket_settings import BucketSettings
from proxy.caller import Caller
from proxy.gateway import Admitted, Response
from proxy.records import BucketRecord, GateState
from tests.proxy.wire.making import scope
from tests.s3.encrypting import MINE

HEADERS = [(name.encode(), value.encode()) for name, value in MINE.headers.items()]
ROUTE = Route("shelf", Place("id", "photos", "1"))
BUCKET = BucketRecord("id", "photos", "a" * 64, 0, ROUTE, GateState(None, 0), BucketSettings())


def admit(monkeypatch: pytest.MonkeyPatch) -> Admitted | Response:
    """A read by root, from another host."""

    def authenticate(admitted: Admitted, request: Any) -> None:
        admitted.caller = Caller("a" * 64, "root", root=True)

    monkeypatch.setattr(gateway, "_authenticate", authenticate)
    monkeypatch.setattr(gateway, "find_bucket", lambda name: BUCKET)
    return gateway.admit(scope("GET", b"/photos/k", headers=HEADERS), "0" * 16)


def test_a_key_in_clear_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = admit(monkeypatch)
    assert isinstance(refused, Response)
    assert (refused.status, refused.code) == (400, "InvalidRequest")
    assert MINE.text.encode() not in refused.body


def test_a_setting_allows_it(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.SSE_C_OVER_HTTP = True
    assert isinstance(admit(monkeypatch), Admitted)
