from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobsite.checks import check


def _ids() -> list[str | None]:
    return [message.id for message in check()]


def test_the_defaults_are_in_order() -> None:
    assert _ids() == []


def test_certificate_and_key_come_together_and_are_readable(settings: Any, tmp_path: Path) -> None:
    cert = tmp_path / "cert.pem"
    cert.touch()
    settings.TLS_CERT, settings.TLS_KEY = str(cert), ""
    assert _ids() == ["jobsite.E001"]
    settings.TLS_KEY = str(tmp_path / "absent.pem")
    assert _ids() == ["jobsite.E001"]
    settings.TLS_KEY = str(cert)
    assert _ids() == []


@pytest.mark.parametrize(
    ("url", "ids"),
    [
        ("https://s3.example.org", []),
        ("http://localhost:9000", []),
        ("s3.example.org", ["jobsite.E002"]),
        ("https://s3.example.org/console", ["jobsite.E002"]),
        ("ftp://s3.example.org", ["jobsite.E002"]),
    ],
)
def test_the_public_url_is_an_origin(settings: Any, url: str, ids: list[str]) -> None:
    settings.PUBLIC_URL = url
    assert _ids() == ids


@pytest.mark.parametrize(
    ("url", "ids"),
    [
        ("https://s3.test", []),
        ("https://console.other.test", []),
        ("https://console.s3.test", ["jobsite.E003"]),
    ],
)
def test_the_public_url_is_not_the_host_of_a_bucket(settings: Any, url: str, ids: list[str]) -> None:
    settings.DOMAINS = ("s3.test",)
    settings.PUBLIC_URL = url
    assert [message.id for message in check()] == ids


def test_debug_is_pointed_out(settings: Any) -> None:
    settings.DEBUG = True
    assert _ids() == ["jobsite.W001"]
