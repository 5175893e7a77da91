"""What the backend contract runs over: every type in BACKENDS."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from proxy.backends import BACKENDS
from proxy.backends.base import Backend
from proxy.backends.values import Place
from tests.conftest import FakeClock

MakeBackend = Callable[[], Backend]
_numbers = itertools.count()


@pytest.fixture(params=sorted(BACKENDS))
def make_backend(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[MakeBackend]:
    """Makes prepared backends of one type, each with a physical place of its own."""
    made: list[Backend] = []

    def make() -> Backend:
        options = {"path": str(tmp_path / f"backend-{len(made)}")}
        backend = BACKENDS[request.param](f"b{len(made)}", options, clock)
        backend.prepare(None)
        made.append(backend)
        return backend

    yield make
    for backend in made:
        getattr(backend, "close", lambda: None)()


@pytest.fixture
def backend(make_backend: MakeBackend) -> Backend:
    return make_backend()


def new_place(backend: Backend, bucket: str = "photos") -> Place:
    """A fresh empty place."""
    number = next(_numbers)
    place = Place(f"id{number}", bucket, f"{number:016x}")
    backend.create_bucket(place)
    return place


@pytest.fixture
def place(backend: Backend) -> Place:
    return new_place(backend)
