"""Settings of the web server that contradict each other, found before it starts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from proxy.wire.hosts import bucket_of_host


def tls() -> Iterator[CheckMessage]:
    """Certificate and key come together, and can be read."""
    files = {"SLUICEGATE_TLS_CERT": settings.TLS_CERT, "SLUICEGATE_TLS_KEY": settings.TLS_KEY}
    if not any(files.values()):
        return
    for name, path in files.items():
        if not path:
            yield Error(f"{name} is not set, but its counterpart is.", id="jobsite.E001")
        elif not os.access(path, os.R_OK):
            yield Error(f"{name}: cannot read {path}.", id="jobsite.E001")


def public_url() -> Iterator[CheckMessage]:
    """An origin and nothing more: the console's forms are checked against it."""
    parts = urlsplit(settings.PUBLIC_URL)
    if settings.PUBLIC_URL and not (parts.scheme in ("http", "https") and parts.netloc and not parts.path):
        yield Error(
            f"SLUICEGATE_PUBLIC_URL must be like https://s3.example.org, not {settings.PUBLIC_URL!r}.",
            id="jobsite.E002",
        )
    if bucket_of_host(parts.netloc, settings.DOMAINS):
        yield Error(
            f"SLUICEGATE_PUBLIC_URL {settings.PUBLIC_URL} names a bucket below SLUICEGATE_DOMAIN.",
            hint="Browsers reach the console at the domain itself or at a name outside of it.",
            id="jobsite.E003",
        )


def debug() -> Iterator[CheckMessage]:
    """Django's debug pages show settings to whoever causes an error."""
    if settings.DEBUG:
        yield Warning(
            "SLUICEGATE_DEBUG is on: errors of the console are shown with settings and source.",
            id="jobsite.W001",
        )


@register("jobsite")
def check(**kwargs: Any) -> list[CheckMessage]:
    """Every check of the site."""
    return [message for one in (tls, public_url, debug) for message in one()]
