"""Clients that wait for next to nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from proxy.backends.s3.caller import Caller, Timing
from proxy.backends.s3.client import Client
from proxy.backends.s3.options import Credentials, Options


@dataclass
class World:
    """Time that passes only while somebody sleeps, and no jitter."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def timing(self) -> Timing:
        return Timing(monotonic=lambda: self.now, sleep=self.sleep, chance=lambda: 0.5)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def connect(world: World) -> Iterator[Callable[..., Client]]:
    """Makes clients of an endpoint that wait for next to nothing; `options` as of Options."""
    made: list[Client] = []

    def client(endpoint: str, **options: Any) -> Client:
        waits = {"connect_timeout": 2.0, "read_timeout": 0.3, "retry_budget": 0.0, **options}
        caller = Caller(
            "cloud", Options(endpoint, **waits), lambda: Credentials("a", "b"), timing=world.timing()
        )
        made.append(Client(caller))
        return made[-1]

    yield client
    for each in made:
        each.close()


Connect = Callable[..., Client]
