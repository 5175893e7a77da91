"""Whole gateways over services: new buckets live on a service, others in a directory beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.s3.server import Server


def configuration(
    services: Mapping[str, Mapping[str, Any]], default: str, buckets: Mapping[str, Any] | None = None
) -> str:
    """A sluicegate.yaml with those services and a directory called `local`. (JSON is YAML.)"""
    backends = [{"name": "local", "type": "filesystem", "path": "local"}]
    for name, options in services.items():
        said = {key: value for key, value in options.items() if value is not None and key != "encryption"}
        backends.append({"name": name, **said})
    storage = {"default_backend": default, "backends": backends, "buckets": dict(buckets or {})}
    return json.dumps({"storage": storage})


def gateway(
    prepared: Server,
    home: Path,
    services: Mapping[str, Mapping[str, Any]],
    default: str,
    buckets: Mapping[str, Any] | None = None,
    **settings: str,
) -> Server:
    """A server that is not started yet, with a home of its own."""
    server = prepared.copy(home, **settings)
    server.settings["SLUICEGATE_CONFIG"] = str(home / "sluicegate.yaml")
    (home / "sluicegate.yaml").write_text(configuration(services, default, buckets))
    return server
