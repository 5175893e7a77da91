"""What the backend contract runs over: every type in BACKENDS, plain and behind a wrapper that seals."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.backends import BACKENDS
from proxy.backends.base import Backend
from proxy.backends.encrypted import SEALING, Encrypted
from proxy.backends.values import ObjectInfo, Place
from tests.bucket_keys import HeldKeys
from tests.conftest import FakeClock

MakeBackend = Callable[[], Backend]
_numbers = itertools.count()


SEALED = "encrypted "


@pytest.fixture(params=[f"{wrapper}{name}" for name in sorted(BACKENDS) for wrapper in ("", SEALED)])
def make_backend(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[MakeBackend]:
    """Makes prepared backends of one type, each with a physical place of its own."""
    made: list[Backend] = []
    kind = request.param.removeprefix(SEALED)

    def make() -> Backend:
        options = {"path": str(tmp_path / f"backend-{len(made)}")}
        backend = BACKENDS[kind](f"b{len(made)}", options, clock)
        if request.param != kind:
            backend = Encrypted(backend, HeldKeys(), SEALING)
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


def facts(info: ObjectInfo) -> dict[str, Any]:
    """Everything that a copy elsewhere has in common with its source."""
    own = ("seq", "seal", "encryption")
    return {name: getattr(info, name) for name in ObjectInfo.__dataclass_fields__ if name not in own}


@pytest.fixture
def place(backend: Backend) -> Place:
    return new_place(backend)
