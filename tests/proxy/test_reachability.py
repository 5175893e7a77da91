"""A start finds out what services can do, and waits for none of them for long."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django import Settings

from proxy import reachability, routes
from proxy.models import S3Service
from tests.s3services import Service


@pytest.mark.django_db(transaction=True)
def test_what_services_can_do_is_known_after_a_start(
    settings: Settings, tmp_path: Path, s3_services: Callable[[str], Service]
) -> None:
    """One that takes connections and never answers is not waited for."""
    encryption = {"mode": "none", "keys": []}
    there = {**s3_services("sluicegate").options, "encryption": encryption}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hangs = {**there, "endpoint": f"http://127.0.0.1:{silent.getsockname()[1]}", "read_timeout": 60.0}
        settings.STORAGE = {
            "backends": {
                "local": {"type": "filesystem", "path": str(tmp_path), "encryption": encryption},
                "there": there,
                "hangs": hangs,
            },
            "default_backend": "local",
            "buckets": {},
        }
        reachability.probe_services(patience_s=6.0)
        (waits,) = (thread for thread in threading.enumerate() if thread.name == "probe-hangs")
        assert waits.is_alive(), "it waited for the one that hangs"
        assert routes.backend("there").condition().capabilities["conditional_put"] == "yes"
        assert routes.backend("hangs").condition().capabilities == {}
        assert S3Service.objects.count() == 1
    waits.join(60)  # the end of the connection ends it
