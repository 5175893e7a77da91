"""Moving to and from a service: it counts no changes, tells time by the second, and gives version ids."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import JobFailed, TargetCannotKeep, TargetForeign
from jobs.kinds.migration import counting
from proxy import routes
from proxy.backends.values import Deletion, Lock, Place, Route
from proxy.bucket_settings import ENABLED, SUSPENDED
from proxy.records import change_settings, find_bucket
from proxy.store import Store
from tests.jobs.kinds.conftest import storage
from tests.jobs.kinds.driving import Drive
from tests.jobs.kinds.migrating import SMALL_STEPS, filled_bucket, job, staged, versioned_bucket
from tests.jobs.kinds.services import ServiceLike, service, services  # noqa: F401
from tests.jobs.kinds.world import (
    VERSIONS_FILLED,
    closed,
    contents,
    keys,
    make_bucket,
    mark,
    noise,
    put,
    versions,
)  # fmt: skip

pytestmark = pytest.mark.usefixtures("services", "db")

Between = Callable[[str, str], None]


@pytest.fixture
def between(settings: Any, tmp_path: Path) -> Between:
    """Chooses the types of `here` and `there`."""

    def choose(here: str, there: str) -> None:
        settings.STORAGE = storage(here, there, tmp_path)

    return choose


def _behind_the_gate(
    drive: Drive, moment: Callable[[dict[str, Any]], bool], act: Callable[[], object]
) -> None:
    """Act once, at the first page after which the saved job is as `moment` wants it."""
    done = False

    def happens(event: str) -> None:
        nonlocal done
        if event == "page" and not done and drive.saved.phase == "verify":
            position = json.loads(drive.saved.token or "{}")
            if moment(position):
                done = True
                act()

    drive.happens = happens
    drive.run()
    assert done


@contextmanager
def _filled() -> Iterator[ServiceLike]:
    """The source takes what its clients write."""
    source = service("here")
    source.filling = True
    yield source
    source.filling = False


PAIRS = [("service", "filesystem"), ("filesystem", "service"), ("service", "service"), ("service", "memory")]


@pytest.mark.parametrize("pair", PAIRS)
def test_everything_moves_and_stays_what_it_was(between: Between, pair: tuple[str, str]) -> None:
    between(*pair)
    before = contents(filled_bucket())
    saved = job(delete_source=True).run()
    after = contents(find_bucket("photos").route)
    assert {**after, "history": None} == {**before, "history": None}
    assert saved.issues == []
    assert saved.processed == len(before["objects"])
    assert routes.backend("here").places("photos") == ()


def test_versions_of_a_service_keep_ids_and_order_in_a_directory(between: Between) -> None:
    between("service", "filesystem")
    with _filled():
        source = versioned_bucket()
    before = contents(source)
    assert job().run().processed == VERSIONS_FILLED + 1
    after = contents(find_bucket("photos").route)
    assert after["history"] == before["history"]


# -- what was changed behind the gate ------------------------------------------------------------


def _changes(store: Store) -> dict[str, Callable[[], object]]:
    return {
        "a new object": lambda: put(store, "zz", b"new"),
        "another body": lambda: put(store, "plain", b"other"),
        "the same body again": lambda: put(store, "plain", noise(1, 3000)),
        "one less": lambda: store.delete(Deletion("plain")),
    }


@pytest.mark.parametrize("change", ["a new object", "another body", "the same body again", "one less"])
def test_a_change_behind_the_gate_after_its_verification_fails_the_job(between: Between, change: str) -> None:
    between("service", "filesystem")
    source = filled_bucket()
    act = _changes(Store.at(source))[change]
    with pytest.raises(JobFailed) as caught:
        _behind_the_gate(job(), lambda at: at.get("section") == "parts", act)
    assert caught.value.code == "SourceChanged"
    assert find_bucket("photos").route == source


def test_a_change_before_its_verification_is_a_difference(between: Between) -> None:
    between("service", "filesystem")
    source = filled_bucket()
    with pytest.raises(JobFailed) as caught:
        _behind_the_gate(job(), lambda at: not at, lambda: put(Store.at(source), "plain", b"other"))
    assert caught.value.code == "VerificationFailed"


def test_the_verification_waits_for_another_second_than_the_last_write(between: Between) -> None:
    between("service", "memory")
    filled_bucket()
    drive = job()
    drive.run(until="verify")
    state = json.loads(drive.saved.state)
    state["seq_staged"] = (service("here").second + 1) * 1000
    drive.saved.state = json.dumps(state)
    drive.run(until="flip")
    assert drive.waited_s == pytest.approx(1)


def test_the_cleanup_removes_nothing_that_is_newer_than_what_was_verified(between: Between) -> None:
    between("service", "filesystem")
    source = filled_bucket()
    drive = job(delete_source=True)
    drive.run(until="cleanup")
    routes.backend("here").head_seq(source.place)
    put(Store.at(source), "plain", b"newer")
    saved = drive.run()
    assert [(issue.key, issue.code) for issue in saved.issues][:1] == [("plain", "WrittenAfterFlip")]
    assert keys(Store.at(source)) == ["plain"]


# -- versioning of the target ----------------------------------------------------------------------


@pytest.mark.parametrize("status", [ENABLED, SUSPENDED])
def test_a_service_keeps_versions_only_once_everything_is_there(between: Between, status: str) -> None:
    between("filesystem", "service")
    filled_bucket()
    change_settings(find_bucket("photos"), versioning=status)
    drive = job()
    drive.run(until="flip")
    assert service("there").told == [SUSPENDED, status]
    assert {info.version_id for info in versions(Store.at(staged(drive)))} == {"null"}


def test_a_bucket_that_never_kept_versions_tells_the_service_nothing(between: Between) -> None:
    between("filesystem", "service")
    filled_bucket()
    job().run()
    assert service("there").told == []


def test_version_ids_are_given_up_only_if_the_request_says_so(between: Between) -> None:
    between("filesystem", "service")
    bucket = make_bucket()
    store = Store.at(bucket.route)
    put(store, "kept", b"old", version_id="v-1")
    put(store, "kept", b"new", version_id="v-2")
    mark(store, "hidden", "m-1")
    closed(bucket)
    change_settings(find_bucket("photos"), versioning=ENABLED)
    with pytest.raises(TargetCannotKeep, match="gives version ids itself") as caught:
        job()
    assert caught.value.fields["drop"] == ["versions"]
    job(drop=["versions"]).run()
    (moved,) = versions(Store.at(find_bucket("photos").route))
    assert (moved.key, moved.version_id, moved.size) == ("kept", "null", 3)


def test_a_lock_that_the_target_cannot_keep_stops_the_copy(between: Between) -> None:
    between("service", "service")
    with _filled():
        bucket = make_bucket()
        put(Store.at(bucket.route), "held", b"x", lock=Lock(hold=True))
    closed(bucket)
    drive = job(limits=SMALL_STEPS)
    with pytest.raises(JobFailed, match="held: it is locked") as caught:
        drive.run()
    assert caught.value.code == "TargetCannotKeep"


def test_parts_that_nobody_can_read_are_given_up_only_if_the_request_says_so(between: Between) -> None:
    between("service", "filesystem")
    before = contents(filled_bucket())
    service("here").reads_parts = False
    with pytest.raises(TargetCannotKeep, match="2 open uploads have parts") as caught:
        job()
    assert caught.value.fields["drop"] == ["uploads"]
    assert job(drop=["uploads"]).run().issues == []
    after = contents(find_bucket("photos").route)
    kept = {id for id, upload in before["uploads"].items() if not upload.get("parts")}
    assert set(after["uploads"]) == kept
    assert "open-without-parts" in kept


def test_parts_on_a_target_that_cannot_read_them_are_compared_by_their_facts(between: Between) -> None:
    between("filesystem", "service")
    before = contents(filled_bucket())
    target = service("there")
    target.reads_parts = False
    job().run()
    target.reads_parts = True
    assert contents(find_bucket("photos").route)["uploads"] == before["uploads"]


# -- what the real bucket holds ----------------------------------------------------------------------


def test_what_is_not_ours_is_never_replaced(between: Between) -> None:
    between("filesystem", "service")
    filled_bucket()
    foreign = Place("", "photos", "")
    routes.backend("there").create_bucket(foreign)
    put(Store.at(Route("there", foreign)), "theirs")
    for replace in (False, True):
        with pytest.raises(TargetForeign, match="empty bucket only"):
            job(replace_target=replace)


def test_a_large_source_is_counted_page_by_page(between: Between, monkeypatch: pytest.MonkeyPatch) -> None:
    between("service", "filesystem")
    monkeypatch.setattr(counting, "_LISTED", 4)
    source = filled_bucket()
    drive = job()
    drive.run(until="copy")
    state = json.loads(drive.saved.state)
    held = Store.at(source).usage()
    assert (state["objects"], state["bytes"], state["uploads"]) == (held.keys, held.size, held.uploads)
