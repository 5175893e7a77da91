"""Users of the session's server besides root, and somebody without a signature."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.config import Config

from tests.s3.errors import refused
from tests.s3.server import Server

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Person:
    """A user: name, canonical id, and a client of theirs."""

    name: str
    id: str
    s3: Any


def make_person(server: Server, name: str) -> Person:
    """A user with a key, who may create buckets."""
    made = json.loads(server.manage("keys", "create", name, "--json"))
    client = server.client(aws_access_key_id=made["access_key"], aws_secret_access_key=made["secret_key"])
    return Person(name, client.list_buckets()["Owner"]["ID"], client)


@pytest.fixture(scope="session")
def alice(s3_server: Server) -> Person:
    """Owns the buckets of these tests."""
    return make_person(s3_server, "alice")


@pytest.fixture(scope="session")
def bob(s3_server: Server) -> Person:
    """Another user, who has nothing unless a test gives it."""
    return make_person(s3_server, "bob")


@pytest.fixture(scope="session")
def nobody(s3_server: Server) -> Any:
    """A client without a signature."""
    config = Config(
        signature_version=UNSIGNED, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}
    )
    return s3_server.client(config)


@pytest.fixture
def own(alice: Person) -> str:
    """The name of a new, empty bucket of Alice's."""
    name = f"alices-{next(_numbers)}"
    alice.s3.create_bucket(Bucket=name)
    return name


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(bucket: str, actions: str | list[str], principal: Any = "*", **more: Any) -> dict[str, Any]:
    """A statement about a bucket and all that is in it; `more` replaces or adds elements."""
    return {
        "Effect": "Allow",
        "Principal": principal,
        "Action": actions,
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        **more,
    }


@contextmanager
def denied() -> Iterator[None]:
    with refused("AccessDenied", 403):
        yield
