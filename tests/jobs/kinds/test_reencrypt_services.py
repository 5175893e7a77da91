"""Re-encryption on real services: what they let nobody change stays, is counted, and is no failure."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.kinds.pieces import MIB, Limits
from proxy import routes
from proxy.backends.values import Route
from proxy.bucket_settings import ENABLED
from proxy.records import change_settings
from proxy.resealing import Resealing
from proxy.store import Store
from tests.jobs.kinds.driving import Saved
from tests.jobs.kinds.encrypting import PLAIN, SEALED, House, entries, modes, reencryption
from tests.jobs.kinds.world import KIB, closed, contents, make_bucket, noise, put
from tests.s3services import Service

IN_PIECES = Limits(large_bytes=6 * MIB, part_bytes=5 * MIB, page_items=4, page_bytes=8 * MIB, page_entries=4)


@pytest.fixture
def house(
    request: pytest.FixtureRequest,
    s3_services: Callable[[str], Service],
    settings: Any,
    tmp_path: Path,
    db: None,
) -> Iterator[House]:
    settings.CLEANUP_GRACE_SECONDS = 0
    made = House(settings, "s3", tmp_path, **_without_type(s3_services(request.param).options))
    made.set(PLAIN)
    yield made
    made.close()


def _without_type(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name != "type"}


def filled(*, large: int, versioned: bool = False) -> Route:
    """Some objects, one of them so large; the gate is closed."""
    bucket = make_bucket(f"b-{uuid.uuid4().hex[:20]}")
    if versioned:
        change_settings(bucket, versioning=ENABLED)
        routes.backend("here").set_versioning(bucket.route.place, ENABLED)
    store, version = Store.at(bucket.route), "v" if versioned else "null"
    put(store, "empty", b"", version_id=version)
    put(store, "large", noise(1, large), version_id=version)
    put(store, "small", b"small", version_id=version, metadata={"a": "b"}, tags={"c": "d"})
    put(store, "日本", noise(2, 70 * KIB), version_id=version, headers={"content-type": "image/png"})
    if versioned:
        put(store, "small", b"newer", version_id=version)
    closed(bucket)
    return bucket.route


def objects(route: Route) -> Any:
    """What a plain GET finds of each, but for the ids, which a service gives anew."""
    found = contents(route)["objects"]
    return {key: {**facts, "version_id": ""} for key, facts in found.items()}


def ways(saved: Saved) -> dict[str, int]:
    found = json.loads(saved.state)["survey"]["ways"]
    return {way: count["objects"] for way, count in found.items()}


def job(route: Route, mode: str = "") -> Saved:
    return reencryption(mode, name=route.place.bucket, limits=IN_PIECES).run()


SIZES = [("moto", 11 * MIB + 5), ("seaweedfs", 11 * MIB + 5)]


@pytest.mark.parametrize(("house", "large"), SIZES, indirect=["house"])
def test_a_bucket_is_sealed_wrapped_anew_and_opened_again(house: House, large: int) -> None:
    route = filled(large=large)
    before = objects(route)
    house.set(SEALED, "ring-1")
    saved = job(route)
    assert (saved.issues, modes(route), objects(route)) == ([], {SEALED: 4}, before)
    old = Resealing.at(route).needed()
    saved = job(route, "rewrap")
    assert saved.issues == [] and saved.bytes_done == 0
    assert len(Resealing.at(route).needed()) == 1 and Resealing.at(route).needed().isdisjoint(old)
    assert objects(route) == before
    house.set(PLAIN, "ring-1")
    saved = job(route)
    assert (saved.issues, modes(route), objects(route)) == ([], {PLAIN: 4}, before)
    assert Store.at(route).list_uploads().uploads == ()


@pytest.mark.parametrize("house", ["moto"], indirect=True)
def test_older_versions_stay_and_are_counted(house: House) -> None:
    route = filled(large=11 * MIB + 5, versioned=True)
    before = objects(route)
    house.set(SEALED, "ring-1")
    saved = job(route)
    assert ways(saved) == {"rewrite": 4, "fixed": 1} and saved.issues == []
    assert all(entry.wrap for entry in entries(route) if entry.latest)
    assert objects(route) == before
    saved = job(route, "rewrap")
    assert set(ways(saved)) == {"fixed", "other"} and saved.issues == []
    assert objects(route) == before


@pytest.mark.parametrize("house", ["moto"], indirect=True)
def test_what_was_plain_or_sealed_here_is_encrypted_by_the_service(house: House) -> None:
    route = filled(large=MIB)
    house.set(SEALED, "ring-1")
    put(Store.at(route), "sealed", b"here")
    before = objects(route)
    house.set("sse-s3", "ring-1")
    saved = job(route)
    assert (saved.issues, modes(route), objects(route)) == ([], {"sse-s3": 5}, before)
    assert job(route).bytes_done == 0
