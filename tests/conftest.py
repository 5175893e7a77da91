"""Fixtures that every test may use."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

# A slow machine is no wrong result: what must be fast has a test of its own that says so.
hypothesis.settings.register_profile(
    "sluicegate", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("sluicegate")

pytest_plugins = ["tests.certificates", "tests.needs", "tests.postgres", "tests.s3services", "tests.sites"]


class FakeClock:
    """A clock that stands still until it is told to move. Calling it gives milliseconds."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def advance(self, *, ms: int = 0, seconds: float = 0.0) -> int:
        """Move by that much (backwards if negative); the new time in milliseconds."""
        self.now_ms += ms + round(seconds * 1000)
        return self.now_ms


@pytest.fixture
def clock() -> FakeClock:
    """Starts at the real wall clock, so that what is compared with file times makes sense."""
    return FakeClock(time.time_ns() // 1_000_000)


@pytest.fixture
def home(tmp_path: Path, settings: object) -> Iterator[Path]:
    """A state directory of this test alone; `settings.HOME` points to it."""
    path = tmp_path / "home"
    path.mkdir()
    settings.HOME = path  # type: ignore[attr-defined]
    yield path
