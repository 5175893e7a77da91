"""Plain functions that make what tests are about. No magic, no shared state."""

from __future__ import annotations
