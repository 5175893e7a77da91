"""A backend in memory that behaves as a service does: its own version ids, its own clock, no sequence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from proxy import backends, routes
from proxy.backends.memory import MemoryBackend
from proxy.backends.memory.place import MemoryPlace
from proxy.backends.values import (
    ALWAYS,
    UNLOCKED,
    ChangeListing,
    FeedPosition,
    Lock,
    NewObject,
    ObjectInfo,
    Place,
    Precondition,
    Usage,
)  # fmt: skip
from proxy.errors import BackendUnavailable, NotImplementedByUs


class ServiceLike(MemoryBackend):
    """Its clock is read to the second, and goes on by one whenever somebody asks for it.

    `told` is what it was told of versioning, in order. It takes over no versions and locks, unless it is
    `filling`: then it is made to have what a service has got from its clients. `strangers` are real buckets
    that others made, and how they keep versions.
    """

    assigns_versions = True
    counts_changes = False
    feeds_changes = False

    def __init__(self, name: str, now: Any) -> None:
        super().__init__(name, now, keeps_versions=False, keeps_locks=False)
        self.second = 0
        self.told: list[str] = []
        self.filling = False
        self.strangers: dict[str, str] = {}

    def head_seq(self, place: Place) -> int:
        self.second += 1
        return self.second * 1000

    def changes(self, place: Place, after: FeedPosition, limit: int = 1000) -> ChangeListing:
        raise NotImplementedByUs("This storage does not tell what changes there.")

    def usage(self, place: Place, patience_s: float | None = None) -> Usage:
        return replace(super().usage(place), locked=0)

    def real_buckets(self) -> tuple[str, ...]:
        return (*self.strangers, *(place.bucket for place in self._places if place.incarnation))

    def adopt(self, place: Place) -> str:
        found = self.strangers.pop(place.bucket, None)
        if found is None and place not in self._places:
            raise BackendUnavailable(f"There is no bucket {place.bucket}.")
        self._places.setdefault(place, self._places.pop(Place("", place.bucket, ""), MemoryPlace()))
        return found or ""

    def set_versioning(self, place: Place, status: str) -> None:
        self.told.append(status)

    def put(self, place: Place, new: NewObject, body: Any, when: Precondition = ALWAYS) -> ObjectInfo:
        self._at(place).seq = self.second * 1000 - 1
        return super().put(place, new, body, when)

    def _refuse_unkept(self, version_id: str, lock: Lock = UNLOCKED, *, marker: bool = False) -> None:
        if not self.filling:
            super()._refuse_unkept(version_id, lock, marker=marker)


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Makes `service` a type of backend."""
    types = {**backends.BACKENDS, "service": lambda name, options, now: ServiceLike(name, now)}
    monkeypatch.setattr(backends, "BACKENDS", types)
    yield


def service(name: str) -> ServiceLike:
    """The service itself, below what stands around every backend."""
    found = getattr(routes.backend(name), "inner", None)
    assert isinstance(found, ServiceLike)
    return found
