"""Plain values: without what is absent, times as numbers, and what tells two of them apart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any


def seconds(moment: datetime | None) -> int | None:
    """Unix seconds."""
    return None if moment is None else int(moment.timestamp())


def compact(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same without what is absent."""
    return {name: value for name, value in values.items() if value is not None}


def etag_of(facts: Any) -> str:
    """The same for the same plain values: what a poll compares. Source: RFC 9110, section 8.8.3."""
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()
    return f'"{digest[:32]}"'
