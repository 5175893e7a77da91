"""Replication between directories and real services, also of what was written behind our back."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import JobFailed
from jobs.kinds.replicate import Replicate
from jobs.kinds.replication.ground import Limits
from proxy.backends.s3.client import Client
from proxy.backends.s3.places import MARKER
from proxy.backends.values import PartRequest
from proxy.bucket_settings import ENABLED
from proxy.errors import MetadataTooLarge
from proxy.records import change_settings, find_bucket
from tests.jobs.kinds.replicating import Rule, copied, delete, rule
from tests.jobs.kinds.world import KIB, MIB, keys, noise, put, put_in_parts
from tests.s3services import Service

Services = Callable[[str], Service]
Between = Callable[..., Rule]

PARTS = Limits(large_bytes=6 * MIB, part_bytes=6 * MIB, page_items=4, page_bytes=16 * MIB)
"""One object of three parts goes over in pieces."""

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def between(settings: Any, tmp_path: Path, s3_services: Services) -> Between:
    """A rule from a directory or a service to another one, by their names."""

    def options(what: str, name: str) -> dict[str, Any]:
        if what == "filesystem":
            return {"type": "filesystem", "path": str(tmp_path / name)}
        return s3_services(what).options

    def choose(here: str, there: str, **said: Any) -> Rule:
        settings.STORAGE = {
            "backends": {"here": options(here, "here"), "there": options(there, "there")},
            "default_backend": "here",
            "buckets": {},
        }
        name = secrets.token_hex(8)
        mirror = rule(f"from-{name}", f"to-{name}", **said)
        mirror.limits = PARTS
        return mirror

    return choose


def _fill(mirror: Rule) -> None:
    store = mirror.source
    put(store, "empty", b"")
    put(
        store, "facts", noise(2, 70 * KIB), headers={"content-type": "a/b", "cache-control": "no-store"},
        metadata={"camera": "one"}, tags={"team": "blue"},
    )  # fmt: skip
    for number, key in enumerate(("a", "b/c", "é", "日本", "z z+%", "\U0001f600")):
        put(store, key, noise(100 + number, 10 * number))
    put_in_parts(store, "of parts", noise(4, 5 * MIB), noise(5, 5 * MIB), noise(6, 1234))


def told(rule: Rule) -> tuple[dict[str, Any], dict[str, Any]]:
    """What clients see of each object at the source and at the destination."""

    def of(store: Any) -> dict[str, Any]:
        found = {}
        for key in keys(store):
            with store.open(key) as reader:
                info = reader.info
                body = b"".join(reader.read(0, info.size))
            found[key] = (
                info.size, info.etag, info.last_modified // 1000, dict(info.metadata), dict(info.tags), body,
            )  # fmt: skip
        return found

    return of(rule.source), of(rule.destination)


def behind_our_back(client: Client, bucket: str) -> None:
    """As any other client of the service would write: whole, in parts, and once more."""
    client.put(bucket, "plain", noise(1, 3000))
    client.put(bucket, "overwritten", b"first")
    client.put(bucket, "overwritten", noise(2, 500))
    upload = client.create_upload(bucket, "multipart", {})
    parts = [
        PartRequest(number, client.upload_part(bucket, "multipart", upload, number, body).etag)
        for number, body in enumerate((noise(3, 5 * MIB), noise(4, 100)), 1)
    ]
    client.complete_upload(bucket, "multipart", upload, parts, {})


PAIRS = [
    ("filesystem", "seaweedfs"),
    ("seaweedfs", "filesystem"),
    ("seaweedfs", "seaweedfs"),
    ("sluicegate", "moto"),
]


@pytest.mark.parametrize("pair", PAIRS, ids=" to ".join)
def test_everything_is_copied_and_a_second_run_copies_nothing(
    between: Between, pair: tuple[str, str]
) -> None:
    mirror = between(*pair)
    _fill(mirror)
    first = mirror.run()
    assert first.issues == [] and copied(first) == len(keys(mirror.source))
    source, destination = told(mirror)
    assert destination == source
    assert copied(mirror.run()) == 0
    counts = Replicate().report(mirror.run("verify") and mirror.notes)["verify"]["counts"]
    assert counts["in_sync"] == len(source) == sum(counts.values())


@pytest.mark.parametrize("there", ["filesystem", "sluicegate"])
@pytest.mark.parametrize("here", ["seaweedfs", "moto"])
def test_what_others_write_at_the_source_is_copied_once(
    between: Between, s3_services: Services, here: str, there: str
) -> None:
    mirror = between(here, there)
    client = s3_services(here).client()
    behind_our_back(client, mirror.here)
    assert copied(mirror.run()) == 3
    assert copied(mirror.run()) == 0
    source, destination = told(mirror)
    assert destination == source
    client.put(mirror.here, "plain", b"written once more")
    assert copied(mirror.run()) == 1
    assert copied(mirror.run()) == 0
    client.close()


@pytest.mark.parametrize("here", ["seaweedfs", "moto"])
def test_an_empty_bucket_in_the_place_of_the_source_deletes_no_replica(
    between: Between, s3_services: Services, here: str
) -> None:
    mirror = between(here, "filesystem", replicate_deletes=True)
    for key in ("a", "b"):
        put(mirror.source, key)
    mirror.run()
    client = s3_services(here).client()
    for key in ("a", "b", MARKER):
        client.delete(mirror.here, key)
    client.delete_bucket(mirror.here)
    client.create_bucket(mirror.here, {})
    with pytest.raises(JobFailed, match="is not the bucket that it was"):
        mirror.run()
    assert keys(mirror.destination) == ["a", "b"]
    client.close()


@pytest.mark.parametrize("there", ["seaweedfs", "moto"])
def test_what_others_write_at_the_destination_is_brought_in_line_once(
    between: Between, s3_services: Services, there: str
) -> None:
    mirror = between("filesystem", there, conflict="content-diff", replicate_deletes=True)
    client = s3_services(there).client()
    behind_our_back(client, mirror.there)
    put(mirror.source, "plain", noise(1, 3000))
    put(mirror.source, "overwritten", b"the source's own")
    put(mirror.source, "multipart", noise(3, 5 * MIB) + noise(4, 100))
    client.put(mirror.there, "extra", b"nobody knows it")
    run = mirror.run()
    assert (copied(run), run.deleted) == (2, 1)
    second = mirror.run()
    assert (copied(second), second.deleted) == (0, 0)
    source, destination = told(mirror)
    del source["plain"], destination["plain"]  # the same bytes were there: they stay as they are
    assert destination == source
    client.put(mirror.there, "overwritten", b"and once more behind our back")
    assert copied(mirror.run()) == 1
    client.close()


def test_a_destination_that_gives_version_ids_itself_takes_replicas(between: Between) -> None:
    mirror = between("filesystem", "moto", replicate_deletes=True)
    bucket = find_bucket(mirror.there)
    mirror.destination.set_versioning(ENABLED)
    change_settings(bucket, versioning=ENABLED)
    for body in (b"one", b"two"):
        put(mirror.source, "k", body)
        mirror.run()
    delete(mirror.source, "k")
    assert mirror.run().deleted == 1
    assert keys(mirror.destination) == []
    assert len(mirror.destination.list_versions().versions) == 3


def test_what_a_service_cannot_keep_fails_with_its_code(between: Between) -> None:
    mirror = between("filesystem", "seaweedfs")
    put(mirror.source, "k", b"x", metadata={"long": "x" * 1900})
    with pytest.raises(MetadataTooLarge):
        mirror.run()


def test_a_large_object_is_copied_by_the_service_itself_where_both_are_one(between: Between) -> None:
    """Nothing of it comes through here, so that no piece is paced."""
    mirror = between("seaweedfs", "seaweedfs")
    mirror.said["bandwidth"] = 1
    put(mirror.source, "large", noise(5, 200 * KIB))
    mirror.limits = replace(PARTS, large_bytes=MIB)
    assert copied(mirror.run()) == 1
