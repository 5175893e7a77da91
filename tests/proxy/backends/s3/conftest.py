"""Backends of services for the tests of this folder."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Iterator

import pytest

from proxy.backends.s3 import S3Backend
from proxy.backends.values import Place
from tests.conftest import FakeClock
from tests.s3services import Service

MakeBackend = Callable[[], S3Backend]
_numbers = itertools.count()


def fresh(bucket: str = "") -> Place:
    """A place that is not there yet."""
    number = next(_numbers)
    return Place(f"id{number}", bucket or f"b-{secrets.token_hex(8)}", secrets.token_hex(8))


@pytest.fixture
def make_s3(
    transactional_db: None, s3_services: Callable[[str], Service], clock: FakeClock
) -> Iterator[MakeBackend]:
    """Makes backends of one service: each as another process would have it."""
    made: list[S3Backend] = []

    def make() -> S3Backend:
        backend = S3Backend("far", s3_services("sluicegate").options, clock)
        backend.prepare(None)
        made.append(backend)
        return backend

    yield make
    for backend in made:
        backend.close()


@pytest.fixture
def s3(make_s3: MakeBackend) -> S3Backend:
    return make_s3()


@pytest.fixture
def place(s3: S3Backend) -> Place:
    found = fresh()
    s3.create_bucket(found)
    return found
