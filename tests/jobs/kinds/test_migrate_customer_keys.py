"""A migration of what only its writers can open (SSE-C): it arrives as it is, and is proved all the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from jobs.errors import JobFailed
from jobs.kinds import KINDS
from proxy.backends.values import NewObject, PartRequest, Route, UploadInfo
from proxy.errors import AccessDenied, InvalidRequest
from proxy.records import find_bucket
from proxy.store import Store
from tests.jobs.kinds.conftest import every_pair
from tests.jobs.kinds.migrating import BIG_STEPS, SMALL_STEPS, job, staged
from tests.jobs.kinds.world import NOW_MS, Bytes, closed, make_bucket, noise, put

pytestmark = [
    pytest.mark.usefixtures("backends"),
    pytest.mark.parametrize("limits", [SMALL_STEPS, BIG_STEPS], ids=["small steps", "big steps"]),
]

KEY, OTHER = b"k" * 32, b"o" * 32
FIRST = noise(2, 5 * 1024 * 1024)
BODIES = {"small": b"secret", "large": noise(1, 300_000), "parts": FIRST + b"end"}


def locked_bucket() -> Route:
    """A bucket of which the gateway cannot open anything, with an upload that is still open."""
    bucket = make_bucket()
    store = Store.at(bucket.route)
    for key in ("small", "large"):
        put(store, key, BODIES[key], customer_key=KEY)
    for upload_id, key in (("done", "parts"), ("open", "to come")):
        store.create_upload(UploadInfo(upload_id, key, NOW_MS, customer_key=KEY))
        store.put_part(upload_id, 1, Bytes(FIRST), customer_key=KEY)
        store.put_part(upload_id, 2, Bytes(b"end"), customer_key=KEY)
    complete(store, "done")
    closed(bucket)
    return bucket.route


def complete(store: Store, upload_id: str) -> None:
    parts, _ = store.list_parts(upload_id)
    store.complete_upload(upload_id, [PartRequest(part.number, part.etag) for part in parts])


def read(store: Store, key: str) -> bytes:
    with store.open(key) as reader:
        with pytest.raises(InvalidRequest):
            b"".join(reader.read(0, 1))
        reader.unlock(KEY)
        return b"".join(reader.read(0, reader.info.size))


@every_pair
def test_the_writers_keys_open_it_where_it_went(limits: Any) -> None:
    locked_bucket()
    told = KINDS["migrate"].plan(find_bucket("photos"), {"target_backend": "there"}).looked_at().preview
    assert told["sealing"] == {"kept": len(BODIES)}
    drive = job(limits=limits)
    drive.run()
    route = find_bucket("photos").route
    assert (route.backend, drive.saved.issues) == ("there", [])
    there = Store.at(route)
    assert {key: read(there, key) for key in BODIES} == BODIES
    with pytest.raises(AccessDenied):
        there.put_part("open", 2, Bytes(b"no"), customer_key=OTHER)
    there.put_part("open", 2, Bytes(b"more"), customer_key=KEY)
    complete(there, "open")
    assert read(there, "to come") == FIRST + b"more"


@pytest.mark.parametrize("key", ["small", "large"])
def test_another_body_under_the_same_facts_is_found(limits: Any, key: str) -> None:
    source = Store.at(locked_bucket())
    drive = job(limits=limits)
    drive.run(until="verify")
    again = replace(NewObject.copy_of(source.head(key)), customer_key=KEY)
    Store.at(staged(drive)).put(again, Bytes(BODIES[key]))
    with pytest.raises(JobFailed, match=f"^{key}: it is not sealed as the source is"):
        drive.run()


def test_another_part_of_an_open_upload_is_found(limits: Any) -> None:
    source = Store.at(locked_bucket())
    drive = job(limits=limits)
    drive.run(until="verify")
    parts, _ = source.list_parts("open")
    Store.at(staged(drive)).put_part("open", 2, Bytes(b"end"), parts[1], customer_key=KEY)
    with pytest.raises(JobFailed, match=r"open\), part 2: it is not sealed as the source is"):
        drive.run()
