"""Lifecycle rules over real services: their own version ids, times by the second, conditions as they can."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.kinds.lifecycle_rules.ground import Steps
from jobs.kinds.pieces import Limits
from proxy import routes
from proxy.backends.values import Deletion
from proxy.errors import PreconditionFailed
from proxy.records import find_bucket
from proxy.store import Store
from proxy.versioning import deletion
from tests.jobs.kinds.ruling import bucket_of, days, line, preview, rule, run, shown, spec
from tests.jobs.kinds.world import MIB, keys, noise, open_upload, put, put_in_parts
from tests.s3services import Service

IN_PIECES = Steps(limits=Limits(large_bytes=5 * MIB, part_bytes=5 * MIB))
SERVICES = ("moto", "seaweedfs")
VERSIONED = ("moto", "sluicegate")
"""Those that keep versions as S3 does, on this machine."""


@pytest.fixture
def service(
    request: pytest.FixtureRequest,
    s3_services: Callable[[str], Service],
    settings: Any,
    tmp_path: Path,
    db: None,
) -> Iterator[str]:
    """The service is the backend of every bucket but those named in the settings."""
    options = s3_services(request.param).options
    there = {"type": "filesystem", "path": str(tmp_path / "there")}
    settings.STORAGE = {
        "backends": {"here": options, "there": there}, "default_backend": "here", "buckets": {},
    }  # fmt: skip
    yield request.param
    for name in routes.backend_names():
        getattr(routes.backend(name), "close", lambda: None)()


def on(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("service", names, indirect=True)


def name() -> str:
    return f"b-{uuid.uuid4().hex[:20]}"


@on(*SERVICES)
def test_what_is_due_goes_and_a_second_run_finds_nothing(service: str) -> None:
    store = bucket_of(name())
    for number in range(7):
        put(store, f"logs/{number}", noise(number, 50))
        put(store, f"tagged/{number}", b"x", tags={"keep": "yes" if number % 2 else "no"})
    put(store, "other")
    asked = spec(
        rule("logs", prefix="logs/", action="delete", after_s=days(1), abort_multipart_after_s=days(1)),
        rule("tags", prefix="tagged/", action="delete", after_s=days(1), tags={"keep": "no"}),
        bucket=store.place.bucket,
    )
    assert run(asked).deleted == 0
    open_upload(store, f"u-{uuid.uuid4().hex}", "logs/upload", {1: b"part"})
    told = preview(asked, in_days=2)
    saved = run(asked, in_days=2)
    assert keys(store) == ["other", "tagged/1", "tagged/3", "tagged/5"]
    assert store.list_uploads().uploads == ()
    assert (saved.deleted, saved.issues) == (12, []) and len(shown(told)) == 12
    assert run(asked, in_days=2).deleted == 0


@on(*SERVICES, "sluicegate")
def test_what_was_overwritten_after_it_was_listed_stays(service: str) -> None:
    store = bucket_of(name())
    put(store, "a", b"old")
    done = False

    def overwrite(event: str) -> None:
        nonlocal done
        if event == "page" and not done:
            done = True
            put(store, "a", b"newer")

    asked = spec(rule(action="delete", after_s=days(1)), bucket=store.place.bucket)
    saved = run(asked, in_days=2, happens=overwrite)
    assert keys(store) == ["a"] and (saved.deleted, saved.issues) == (0, [])


@on(*SERVICES)
@pytest.mark.parametrize("to", ["here", "there"])
def test_what_goes_to_another_bucket_is_there_whole(service: str, to: str, settings: Any) -> None:
    store, cold = bucket_of(name()), name()
    settings.STORAGE["buckets"][cold] = {"backend": to}
    there = bucket_of(cold)
    put(store, "p/a", noise(1, 70_000), metadata={"a": "b"}, headers={"content-type": "text/x"})
    put_in_parts(store, "p/parts", noise(2, 5 * MIB), noise(3, 100))
    before = {key: (store.head(key).size, store.head(key).etag) for key in keys(store)}
    destination = {"bucket": cold, "prefix": ""}
    asked = spec(
        rule(action="transition", prefix="p/", after_s=days(1), destination=destination),
        bucket=store.place.bucket,
    )
    saved = run(asked, in_days=2, steps=IN_PIECES)
    assert keys(store) == [] and (saved.deleted, saved.issues) == (2, [])
    assert {f"p/{key}": (there.head(key).size, there.head(key).etag) for key in keys(there)} == before
    assert there.head("a").metadata == {"a": "b"}


@on(*SERVICES)
def test_the_newest_are_retained(service: str) -> None:
    store = bucket_of(name())
    for number in range(6):
        put(store, f"dumps/{number}", noise(number, 50))
    asked = spec(rule(action="retain-newest", count=2), bucket=store.place.bucket)
    kept = sorted(keys(store), key=lambda key: (store.head(key).last_modified, key))[-2:]
    run(asked)
    assert keys(store) == kept
    assert run(asked).deleted == 0


@on(*VERSIONED)
def test_versions_and_markers_go_as_on_any_backend(service: str) -> None:
    store = bucket_of(name(), versioned=True)
    for number in range(5):
        put(store, "many", noise(number, 50), version_id="v")
    put(store, "one", version_id="v")
    lone = put(store, "lone", version_id="v")
    store.delete(deletion(find_bucket(store.place.bucket).settings, "lone"))
    store.delete(Deletion("lone", lone.version_id))
    asked = spec(
        rule("versions", noncurrent_after_s=0, noncurrent_keep=1),
        rule("markers", expired_delete_markers=True),
        bucket=store.place.bucket,
    )
    told = preview(asked, in_days=1)
    newest = line(store)
    saved = run(asked, in_days=1)
    assert [each.split()[0] for each in line(store)] == ["many", "many", "one"]
    assert set(line(store)) < set(newest)
    assert (saved.deleted, saved.issues) == (4, []) and len(shown(told)) == 4
    hidden = spec(rule(action="delete", after_s=0, prefix="one"), bucket=store.place.bucket)
    assert run(hidden, in_days=1).deleted == 1 and keys(store) == ["many"]
    assert run(hidden, in_days=1).deleted == 0, "no marker is put in front of another"


@on(*VERSIONED)
def test_a_version_that_is_the_newest_is_not_removed_as_superseded(service: str) -> None:
    store: Store = bucket_of(name(), versioned=True)
    old = put(store, "a", b"old", version_id="v")
    new = put(store, "a", b"new", version_id="v")
    with pytest.raises(PreconditionFailed):
        store.delete(Deletion("a", new.version_id, superseded=True))
    store.delete(Deletion("a", old.version_id, superseded=True))
    assert len(line(store)) == 1
