"""The OpenAPI document and its page."""

from __future__ import annotations

import re

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern

from jobs.api.urls import urlpatterns
from tests.jobs.windows import read


def test_the_document_describes_every_route(boss: Client) -> None:
    document = boss.get("/_/api/schema/?format=json").json()
    routes = {
        "/_/api/" + re.sub(r"<str:(\w+)>", r"{\1}", str(route.pattern))
        for route in urlpatterns
        if isinstance(route, URLPattern) and str(route.pattern).startswith("admin/")
    }
    assert set(document["paths"]) == routes
    migrate = document["paths"]["/_/api/admin/buckets/{bucket}/migrate"]["post"]
    assert {"202", "400", "404", "409"} <= set(migrate["responses"])
    assert set(document["components"]["securitySchemes"]) == {"token", "cookieAuth"}


def test_the_document_is_valid_and_raises_no_warning(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", "/dev/null")
    assert "error" not in capsys.readouterr().err.lower()


def test_the_page_takes_nothing_from_elsewhere(boss: Client) -> None:
    answer = boss.get("/_/api/docs/")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert not re.search(r'(src|href)="(https?:)?//', page)
    assert "script-src 'self';" in answer["Content-Security-Policy"]
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>\s*\S", page)
    for path in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert read(boss, path), path


@pytest.mark.parametrize("path", ["/_/api/schema/", "/_/api/docs/"])
def test_strangers_do_not_see_it(path: str, db: None) -> None:
    assert Client().get(path).status_code in (401, 403)
