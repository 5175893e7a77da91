"""The Backends page: who answers, and why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from proxy import routes
from proxy.backends.services import Condition
from tests.jobs.windows import make_bucket


def test_each_backend_is_shown_with_its_state_and_buckets(boss: Client) -> None:
    make_bucket("alpha")
    page = boss.get("/_/backends/").content.decode()
    assert page.count('class="row"') == 2
    assert page.count(">available<") == 2 and "unavailable" not in page
    assert "default" in page and "filesystem" in page


def test_one_that_is_down_is_told_with_the_reason(boss: Client, settings: Any) -> None:
    root = Path(settings.STORAGE["backends"]["archive"]["path"])
    root.rename(root.with_name("elsewhere"))
    page = boss.get("/_/backends/").content.decode()
    assert page.count(">unavailable<") == 1 and page.count(">available<") == 1


def test_what_a_service_can_and_its_breaker_are_shown(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    can = Condition("open", {"versioning": "yes", "tagging": "no", "locks": "unknown"})
    monkeypatch.setattr(routes.backend("archive"), "condition", lambda: can)
    page = boss.get("/_/backends/").content.decode()
    assert "breaker open" in page and "<s>tagging</s>" in page and "locks?" in page
    row = boss.get("/_/api/admin/backends").json()["backends"][1]
    assert (row["breaker"], row["capabilities"]) == ("open", dict(can.capabilities))


def test_a_poll_is_answered_304_while_nothing_changed(boss: Client) -> None:
    first = boss.get("/_/backends/", headers={"HX-Request": "true"})
    again = boss.get("/_/backends/", headers={"HX-Request": "true", "If-None-Match": first["ETag"]})
    assert (first.status_code, again.status_code) == (200, 304)
    assert b"<html" not in first.content
