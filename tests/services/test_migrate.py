"""The migrate kind between directories and real services, and between services."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import BadRequest, JobFailed, TargetForeign, TargetNotEmpty
from jobs.kinds.migration.ground import Limits
from proxy import routes
from proxy.backends.s3.places import MARKER
from proxy.backends.values import Deletion, Route
from proxy.bucket_settings import ENABLED
from proxy.records import change_settings, find_bucket
from proxy.store import Store
from proxy.wire.headers import DEFAULT_CONTENT_TYPE
from tests.jobs.kinds.migrating import SMALL_STEPS, job
from tests.jobs.kinds.world import (
    KIB,
    MIB,
    closed,
    contents,
    fill_versions,
    make_bucket,
    noise,
    open_upload,
    put,
    put_in_parts,
    versions,
)  # fmt: skip
from tests.s3services import Service

Services = Callable[[str], Service]
Between = Callable[..., None]

PARTS = Limits(large_bytes=6 * MIB, part_bytes=6 * MIB, page_items=4, page_bytes=16 * MIB)
"""One object of three parts is copied in pieces."""

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def between(settings: Any, tmp_path: Path, s3_services: Services) -> Between:
    """Chooses where `here` and `there` are: a directory, or a service by its name."""

    def options(what: str, name: str) -> dict[str, Any]:
        if what == "filesystem":
            return {"type": "filesystem", "path": str(tmp_path / name)}
        return s3_services(what).options

    def choose(here: str, there: str, **buckets: Any) -> None:
        settings.STORAGE = {
            "backends": {"here": options(here, "here"), "there": options(there, "there")},
            "default_backend": "here",
            "buckets": buckets,
        }

    return choose


def _fill(store: Store) -> None:
    """All that every service can keep; an open upload where its parts can be read again."""
    put(store, "empty", b"")
    put(
        store, "facts", noise(2, 70 * KIB), headers={"content-type": "a/b", "cache-control": "no-store"},
        metadata={"camera": "one"}, tags={"team": "blue"}, acl="an acl",
    )  # fmt: skip
    for number, key in enumerate(("a", "b/c", "é", "日本", "z z+%", "\U0001f600")):
        put(store, key, noise(100 + number, 10 * number))
    put(store, "large", noise(3, 700 * KIB + 17))
    put_in_parts(store, "of parts", noise(4, 5 * MIB), noise(5, 5 * MIB), noise(6, 1234))
    open_upload(store, "open-without-parts", "plain", {})
    if store.backend.reads_parts:
        open_upload(store, "open-with-parts", "to come", {1: noise(9, 5 * MIB), 2: noise(10, 999)})


def _filled(name: str) -> Route:
    bucket = make_bucket(name)
    _fill(Store.at(bucket.route))
    closed(bucket)
    return bucket.route


def facts(found: dict[str, Any]) -> dict[str, Any]:
    """Without what a service decides: in what line its versions stand, and parts that it keeps to itself."""
    uploads = {
        name: {**upload, "parts": [part for part, _ in upload.get("parts", ())]}
        for name, upload in found["uploads"].items()
    }
    objects = {
        key: {**facts, "headers": {"content-type": DEFAULT_CONTENT_TYPE, **facts["headers"]}}
        for key, facts in found["objects"].items()
    }
    return {"objects": objects, "uploads": uploads}


PAIRS = [("filesystem", "sluicegate"), ("seaweedfs", "filesystem"), ("sluicegate", "seaweedfs")]


@pytest.mark.parametrize("pair", PAIRS, ids=" to ".join)
def test_everything_moves_and_stays_what_it_was(between: Between, pair: tuple[str, str]) -> None:
    name = f"moves-{pair[1]}"
    between(*pair)
    before = contents(_filled(name))
    saved = job(name, limits=PARTS, delete_source=True).run()
    assert saved.issues == []
    assert facts(contents(find_bucket(name).route)) == facts(before)
    assert routes.backend("here").places(name) == ()


def test_an_object_of_parts_keeps_its_etag_on_the_service_itself(
    between: Between, s3_services: Services
) -> None:
    between("filesystem", "moto")
    bucket = make_bucket("own-etag")
    put_in_parts(Store.at(bucket.route), "k", noise(4, 5 * MIB), noise(5, 2 * MIB))
    closed(bucket)
    job("own-etag", limits=PARTS).run()
    client = s3_services("moto").client()
    assert client.head("own-etag", "k").etag == Store.of(find_bucket("own-etag")).head("k").etag
    client.close()


def test_one_service_copies_to_itself(between: Between, monkeypatch: pytest.MonkeyPatch) -> None:
    between("moto", "moto", itself={"backend": "here", "alias": "itself-before"})
    before = contents(_filled("itself"))
    drive = job("itself", limits=PARTS)
    drive.run(until="copy")

    def refuse(*_: Any) -> Any:
        raise AssertionError("a body came through here")

    monkeypatch.setattr("proxy.backends.base.ReaderBody.__iter__", refuse)
    drive.run(until="verify")
    monkeypatch.undo()
    drive.run()
    assert facts(contents(find_bucket("itself").route)) == facts(before)
    assert find_bucket("itself").route.place.bucket == "itself"


def test_a_service_is_not_moved_onto_itself(between: Between) -> None:
    between("moto", "moto")
    make_bucket("same")
    with pytest.raises(BadRequest, match="two names of one place"):
        job("same")


def test_versions_of_a_service_keep_ids_and_order_in_a_directory(between: Between) -> None:
    between("sluicegate", "filesystem")
    bucket = make_bucket("kept-versions")
    store = Store.at(bucket.route)
    store.set_versioning(ENABLED)
    change_settings(bucket, versioning=ENABLED)
    for number in range(4):
        put(store, "k", noise(number, 100 * number), version_id="a version", metadata={"n": str(number)})
    put(store, "other", b"x", version_id="a version")
    closed(bucket)
    before = versions(store)
    assert len({info.version_id for info in before}) == 5
    job("kept-versions", limits=SMALL_STEPS).run()
    after = versions(Store.of(find_bucket("kept-versions")))
    names = ("key", "version_id", "size", "etag", "last_modified", "latest")
    assert [[getattr(each, name) for name in names] for each in after] == [
        [getattr(each, name) for name in names] for each in before
    ]


def test_from_the_flip_on_the_service_keeps_versions(between: Between) -> None:
    between("filesystem", "sluicegate")
    bucket = make_bucket("later-versions")
    change_settings(bucket, versioning=ENABLED)
    fill_versions(Store.at(bucket.route))
    closed(find_bucket("later-versions"))
    job("later-versions", drop=["versions"]).run()
    store = Store.of(find_bucket("later-versions"))
    before = {info.version_id for info in versions(store)}
    assert before == {"null"}
    put(store, "kept", b"newer", version_id="a version")
    assert [info.version_id == "null" for info in versions(store) if info.key == "kept"] == [False, True]


def test_a_failed_move_leaves_no_real_bucket_that_it_made(
    between: Between, monkeypatch: pytest.MonkeyPatch
) -> None:
    between("filesystem", "sluicegate")
    source = _filled("unwound")
    drive = job("unwound")
    drive.run(until="verify")
    assert routes.backend("there").places("unwound") != ()
    drive.unwind()
    assert routes.backend("there").places("unwound") == ()
    assert "unwound" not in routes.backend("there").real_buckets()
    assert find_bucket("unwound").route == source


def test_an_empty_real_bucket_is_taken_and_left(between: Between, s3_services: Services) -> None:
    between("filesystem", "sluicegate")
    client = s3_services("sluicegate").client()
    client.create_bucket("prepared-before")
    _filled("prepared-before")
    drive = job("prepared-before")
    drive.run(until="verify")
    drive.unwind()
    assert "prepared-before" in client.buckets()
    assert client.list("prepared-before").objects == ()
    job("prepared-before").run()
    assert find_bucket("prepared-before").route.backend == "there"
    client.close()


@pytest.mark.parametrize("emptied", [True, False], ids=["emptied", "with what was left"])
def test_a_former_place_of_the_bucket_can_be_its_place_again(between: Between, emptied: bool) -> None:
    between("filesystem", "sluicegate")
    name = f"back-and-forth-{emptied}".lower()
    first = _filled(name)
    job(name).run()
    there = find_bucket(name).route
    bucket = closed(find_bucket(name))
    routes.switch(bucket.id, there, first)
    if emptied:
        for upload in Store.at(there).list_uploads().uploads:
            Store.at(there).abort_upload(upload.upload_id)
        for info in Store.at(there).list().objects:
            Store.at(there).delete(Deletion(info.key))
    else:
        with pytest.raises(TargetNotEmpty):
            job(name)
    assert job(name, replace_target=not emptied).run().issues == []
    moved = find_bucket(name).route
    assert (moved.backend, moved.place.incarnation != there.place.incarnation) == ("there", True)
    assert facts(contents(moved))["objects"] == facts(contents(first))["objects"]


def test_what_another_gateway_holds_is_never_replaced(between: Between, s3_services: Services) -> None:
    between("filesystem", "sluicegate")
    client = s3_services("sluicegate").client()
    client.create_bucket("of-another")
    client.put("of-another", MARKER, b'{"bucket_id": "theirs", "incarnation": "1"}')
    client.put("of-another", "theirs", b"x")
    _filled("of-another")
    for replace in (False, True):
        with pytest.raises(TargetForeign, match="is not this gateway's"):
            job("of-another", replace_target=replace)
    assert "theirs" in [each.key for each in client.list("of-another").objects]
    client.close()


def test_a_real_bucket_that_holds_anything_is_refused(between: Between, s3_services: Services) -> None:
    between("filesystem", "sluicegate")
    client = s3_services("sluicegate").client()
    client.create_bucket("of-others")
    _filled("of-others")
    drive = job("of-others")
    client.put("of-others", "theirs", b"x")
    with pytest.raises(TargetForeign):
        job("of-others", replace_target=True)
    with pytest.raises(JobFailed, match="is not this gateway's"):
        drive.run()
    drive.unwind()
    assert [each.key for each in client.list("of-others").objects] == ["theirs"]
    client.close()


def test_what_is_written_past_the_gateway_while_it_is_verified_fails_the_job(
    between: Between, s3_services: Services
) -> None:
    between("sluicegate", "filesystem")
    source = _filled("disturbed")
    client = s3_services("sluicegate").client()
    drive = job("disturbed", limits=SMALL_STEPS)

    def disturb(event: str) -> None:
        if event != "page" or drive.saved.phase != "verify":
            return
        if json.loads(drive.saved.token or "{}").get("section") == "uploads":
            client.put("disturbed", "a", b"behind its back")

    drive.happens = disturb
    with pytest.raises(JobFailed) as caught:
        drive.run()
    assert caught.value.code == "SourceChanged"
    assert find_bucket("disturbed").route == source
    client.close()
