"""A rule's preview as lines of text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def preview_lines(preview: Mapping[str, Any]) -> list[str]:
    """One fact a line."""
    return [f"{name}: {value}" for name, value in preview.items()]
