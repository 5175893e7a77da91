"""What was found out about a service, noted in the control database for all processes."""

from __future__ import annotations

import json

from proxy.backends.s3.capabilities import Capabilities
from proxy.backends.s3.tables import row, run

_NOTE = (
    "INSERT INTO proxy_s3service (service, capabilities, probed_ms) VALUES (%s, %s, %s)"
    " ON CONFLICT (service) DO UPDATE"
    " SET capabilities = excluded.capabilities, probed_ms = excluded.probed_ms"
)


def note(service: str, found: Capabilities, now_ms: int) -> None:
    """Keep what a probe has found; it counts until the next one."""
    run(_NOTE, service, json.dumps(found.as_json()), now_ms)


def noted(service: str) -> Capabilities | None:
    """What the last probe found; None if there was none yet."""
    found = row("SELECT capabilities FROM proxy_s3service WHERE service = %s", service)
    return None if found is None else Capabilities.from_json(json.loads(found[0]))
