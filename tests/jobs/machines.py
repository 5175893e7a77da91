"""The clock of a machine that can be stopped, moved and started anew."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

TTL_MS = 60_000


class Machine:
    """What the tests of state machines turn."""

    now_ms = 1_000_000
    boot = 1


BOUNDS = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
"""How many lives are lived, and how long."""
