"""What the backend contract runs over: every type in BACKENDS, plain and behind a wrapper that seals."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.backends import BACKENDS
from proxy.backends.base import Backend
from proxy.backends.encrypted import SEALING, Encrypted
from proxy.backends.s3 import S3Backend
from proxy.backends.values import ObjectInfo, Place
from tests.bucket_keys import HeldKeys
from tests.conftest import FakeClock
from tests.contracts.named import Named

MakeBackend = Callable[[], Backend]
_numbers = itertools.count()


SEALED = "encrypted "
OURSELVES = "s3 of a sluicegate"
"""The service whose objects the contract is held over: it does all that S3 does, and quickly."""


KINDS = [f"{wrapper}{name}" for name in ("filesystem", "memory", OURSELVES) for wrapper in ("", SEALED)]


def over(kind: str) -> Any:
    """A kind as a parameter: what is known of a service's objects is in the control database."""
    marks = [pytest.mark.django_db(transaction=True)] if kind.removeprefix(SEALED) == OURSELVES else []
    return pytest.param(kind, marks=marks)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What a test asks of a backend (`asks`), by the flags of the backend; the others are left out."""
    out = [item for item in items if not _has_all(item)]
    config.hook.pytest_deselected(items=out)
    items[:] = [item for item in items if _has_all(item)]


def _has_all(item: pytest.Item) -> bool:
    kind = getattr(item, "callspec", None) and item.callspec.params.get("make_backend", "")  # type: ignore[attr-defined]
    if not kind or kind.removeprefix(SEALED) != OURSELVES:
        return True
    if kind != OURSELVES and item.get_closest_marker("handed_on"):
        return False
    return all(getattr(S3Backend, flag) for mark in item.iter_markers("asks") for flag in mark.args)


@pytest.fixture(params=[over(kind) for kind in KINDS])
def make_backend(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[MakeBackend]:
    """Makes prepared backends of one type, each with a physical place of its own."""
    made: list[Backend] = []
    kind = request.param.removeprefix(SEALED)
    services = request.getfixturevalue("s3_services") if kind == OURSELVES else None

    def make() -> Backend:
        backend: Any
        if services is not None:
            options = of_its_own(services("sluicegate").options, len(made))
            backend = Named(BACKENDS["s3"](f"b{len(made)}", options, clock))
        else:
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


def of_its_own(options: dict[str, Any], number: int) -> dict[str, Any]:
    """The same service under another name, which makes it another place."""
    names = ("127.0.0.1", "localhost")
    return {**options, "endpoint": options["endpoint"].replace(names[0], names[number])}


def new_place(backend: Backend, bucket: str = "photos") -> Place:
    """A fresh empty place. (A service has one bucket of a name.)"""
    number = next(_numbers)
    if backend.assigns_versions:
        bucket = f"{bucket}-{secrets.token_hex(6)}"
    place = Place(f"id{number}", bucket, f"{number:016x}")
    backend.create_bucket(place)
    return place


def facts(info: ObjectInfo, target: Backend) -> dict[str, Any]:
    """Everything that a copy on the target has in common with its source."""
    own = ("seq", "seal", "encryption", *(() if target.keeps_versions else ("ordinal",)))
    return {name: getattr(info, name) for name in ObjectInfo.__dataclass_fields__ if name not in own}


@pytest.fixture
def place(backend: Backend) -> Place:
    return new_place(backend)
