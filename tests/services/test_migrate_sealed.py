"""Migrations of buckets that are encrypted on one side or on both, with different keys."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs.kinds import KINDS
from proxy import routes
from proxy.backends.values import NewObject
from proxy.records import find_bucket
from proxy.store import Store
from tests.jobs.kinds.migrating import job
from tests.jobs.kinds.world import MIB, Bytes, closed, contents, make_bucket, noise, put, put_in_parts
from tests.s3services import Service
from tests.services.test_migrate import PARTS, facts

pytestmark = pytest.mark.usefixtures("db")

Between = Callable[[str, bool, str, bool], None]


@pytest.fixture
def between(settings: Any, tmp_path: Path, s3_services: Callable[[str], Service]) -> Between:
    """Chooses what `here` and `there` are, and whether each seals, with a key of its own."""

    def options(what: str, name: str, seals: bool) -> dict[str, Any]:
        key = {"id": f"key-of-{name}", "key": secrets.token_hex(32)}
        sealing = {"mode": "aes256-gcm-proxy" if seals else "none", "keys": [key] if seals else []}
        if what == "filesystem":
            return {"type": "filesystem", "path": str(tmp_path / name), "encryption": sealing}
        return {**s3_services(what).options, "encryption": {**sealing, "kms_key_id": None}}

    def choose(here: str, here_seals: bool, there: str, there_seals: bool) -> None:
        settings.STORAGE = {
            "backends": {
                "here": options(here, "here", here_seals),
                "there": options(there, "there", there_seals),
            },
            "default_backend": "here",
            "buckets": {},
        }

    return choose


def _filled(name: str) -> None:
    bucket = make_bucket(name)
    store = Store.at(bucket.route)
    put(store, "empty", b"")
    put(store, "small", noise(1, 1000), metadata={"a": "b"})
    put(store, "large", noise(2, 7 * MIB))
    put_in_parts(store, "of parts", noise(3, 5 * MIB), noise(4, 5 * MIB), noise(5, 77))
    closed(bucket)


CASES = {
    "sealed to sealed on one disk": ("filesystem", True, "filesystem", True, {"kept": 4}),
    "plain to sealed": ("filesystem", False, "sluicegate", True, {"anew": 4}),
    "sealed to plain": ("filesystem", True, "sluicegate", False, {"opened": 4}),
    "sealed to sealed on a service": ("filesystem", True, "seaweedfs", True, {"kept": 4}),
    "sealed on a service to sealed": ("sluicegate", True, "filesystem", True, {"kept": 4}),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_sealed_moves_and_reads_as_before(between: Between, case: str) -> None:
    *pair, sealing = CASES[case]
    between(*pair)
    name = "sealed-" + case.replace(" ", "-")
    _filled(name)
    before = contents(find_bucket(name).route)
    preview = KINDS["migrate"].plan(find_bucket(name), {"target_backend": "there"}).preview
    assert preview["sealing"] == sealing
    assert job(name, limits=PARTS, delete_source=True).run().issues == []
    assert facts(contents(find_bucket(name).route)) == facts(before)
    held = routes.backend("there").count_seals(find_bucket(name).route.place)
    assert sum(held.values()) == (4 if pair[3] else 0)


@pytest.mark.parametrize("target", ["filesystem", "sluicegate"])
def test_what_only_a_customer_can_open_moves_as_it_is(between: Between, target: str) -> None:
    between("filesystem", True, target, False)
    name, key = f"customers-to-{target}", b"k" * 32
    bucket = make_bucket(name)
    bodies = {"small": noise(6, 600), "large": noise(7, 7 * MIB)}
    for each, body in bodies.items():
        store = Store.at(bucket.route)
        store.put(NewObject(each, owner_id="a" * 64, customer_key=key), Bytes(body))
    closed(bucket)
    assert job(name, limits=PARTS, delete_source=True).run().issues == []
    for each, body in bodies.items():
        with Store.of(find_bucket(name)).open(each) as reader:
            reader.unlock(key)
            assert b"".join(reader.read(0, len(body))) == body
