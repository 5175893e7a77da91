"""`manage.py backends`: what is configured, what is there, what it can do."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from proxy.backends.s3.capabilities import MEANINGS
from proxy.models import Bucket
from tests.s3.server import free_port
from tests.s3services import Service

pytestmark = pytest.mark.django_db


@pytest.fixture
def service(s3_services: Callable[[str], Service]) -> Service:
    return s3_services("moto")


@pytest.fixture
def storage(settings: Settings, tmp_path: Path, service: Service) -> dict[str, Any]:
    """A directory, a service that is there, and one that is not."""
    encryption = {"mode": "none", "keys": []}
    gone = {**service.options, "endpoint": f"http://127.0.0.1:{free_port()}", "retry_budget": 0.1}
    found = {
        "backends": {
            "local": {"type": "filesystem", "path": str(tmp_path / "local"), "encryption": encryption},
            "cloud": {**service.options, "encryption": {"mode": "sse-s3", "keys": []}},
            "gone": gone,
        },
        "default_backend": "local",
        "buckets": {},
    }
    settings.STORAGE = found
    return found


def _run(*words: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("backends", *words, stdout=out, stderr=err)
    except CommandError as error:
        return out.getvalue(), f"{err.getvalue()}CommandError: {error}"
    return out.getvalue(), err.getvalue()


@pytest.mark.usefixtures("storage")
def test_the_list_shows_where_bytes_live(service: Service) -> None:
    Bucket.objects.create(name="one", owner_id="o", created_ms=0, backend="cloud", real_bucket="r")
    shown = _run("list")[0].splitlines()
    assert shown[0].split() == ["BACKEND", "TYPE", "WHERE", "ENCRYPTION", "BUCKETS"]
    assert shown[1].split()[-1] == "default"
    assert shown[2].split() == ["cloud", "s3", service.options["endpoint"], "sse-s3", "1"]
    rows = json.loads(_run("list", "--json")[0])
    assert [(row["backend"], row["buckets"], row["default"]) for row in rows] == [
        ("local", 0, True),
        ("cloud", 1, False),
        ("gone", 0, False),
    ]
    assert service.options["secret_access_key"] not in json.dumps(rows)


@pytest.mark.usefixtures("storage")
def test_a_check_says_what_each_can_do_and_which_is_gone() -> None:
    shown, complaint = _run("check")
    rows = [line.split() for line in shown.splitlines()]
    assert rows[0] == ["local", "cloud", "gone"]
    assert ["reachable", "yes", "yes", "no"] in rows
    assert ["encryption", "mode", "none", "sse-s3", "none"] in rows
    assert ["versioning", "-", "yes", "-", *MEANINGS["versioning"].split()] in rows
    assert ["checksums", "-", "no", "-", *MEANINGS["checksums"].split()] in rows
    assert len(rows) == 4 + len(MEANINGS)
    assert "gone: The storage 'gone' cannot be reached" in complaint
    assert complaint.endswith("CommandError: Not reachable: gone.")


@pytest.mark.usefixtures("storage")
def test_one_backend_as_json() -> None:
    out, complaint = _run("check", "cloud", "--json")
    [row] = json.loads(out)
    assert complaint == ""
    assert (row["backend"], row["reachable"], row["problem"]) == ("cloud", True, "")
    assert row["capabilities"]["conditional_put"] is True
    assert list(row["capabilities"]) == list(MEANINGS)


@pytest.mark.usefixtures("storage")
def test_an_unknown_backend_is_refused() -> None:
    assert _run("check", "elsewhere")[1] == "CommandError: No backend is named elsewhere."
