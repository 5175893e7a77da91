"""After the flip and instead of it: cleanup deletes what it may, unwinding what the job made."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jobs.errors import Cancelled
from proxy import routes
from proxy.backends.values import (
    Deletion,
    NewObject,
    Place,
    Route,
    UploadInfo,
)
from proxy.models import Bucket
from proxy.records import find_bucket
from proxy.store import Store
from tests.jobs.kinds.conftest import every_pair
from tests.jobs.kinds.driving import Killed
from tests.jobs.kinds.migrating import BIG_STEPS, filled_bucket, job, staged
from tests.jobs.kinds.world import NOW_MS, Bytes, contents, keys, open_upload, put

pytestmark = pytest.mark.usefixtures("backends")


def _leftover(incarnation: str = "old") -> Route:
    place = Place("f" * 32, "photos", incarnation)
    routes.backend("there").create_bucket(place)
    routes.backend("there").put(place, NewObject(key="left"), Bytes(b"x"))
    return Route("there", place)


# -- cleanup ---------------------------------------------------------------------------------


def test_without_delete_source_the_source_stays_as_it_was() -> None:
    source = filled_bucket()
    before = contents(source)
    assert job().run().deleted == 0
    assert contents(source) == before


def test_delete_source_empties_the_source_and_removes_its_place() -> None:
    source = filled_bucket()
    before = contents(source)
    saved = job(delete_source=True).run()
    assert source.place not in routes.backend("here").places("photos")
    assert saved.deleted == len(before["objects"])
    assert saved.issues == []
    assert contents(find_bucket("photos").route) == before


def test_cleanup_waits_for_the_grace_after_the_flip(settings: Any) -> None:
    settings.CLEANUP_GRACE_SECONDS = 77
    source = filled_bucket()
    drive = job(delete_source=True)
    before = len(keys(Store.at(source)))
    drive.run(until="cleanup")
    drive.saved.clock_ms += 10_000

    def stop(event: str) -> None:
        if event == "effect begins":
            raise Killed

    drive.happens = stop
    with pytest.raises(Killed):
        drive.run()
    assert drive.waited_s == pytest.approx(67)
    assert len(keys(Store.at(source))) == before


def test_a_clock_that_was_set_back_does_not_make_the_grace_longer(settings: Any) -> None:
    settings.CLEANUP_GRACE_SECONDS = 77
    filled_bucket()
    drive = job(delete_source=True)
    drive.run(until="cleanup")
    drive.saved.clock_ms -= 3_600_000
    with pytest.raises(Killed):
        _run_until_waited(drive)
    assert drive.waited_s == pytest.approx(77)


def _run_until_waited(drive: Any) -> None:
    def stop(event: str) -> None:
        if event == "page" and drive.waited_s:
            raise Killed

    drive.happens = stop
    drive.run()


def test_the_flip_notes_the_bound_of_the_source() -> None:
    source = filled_bucket()
    bound = routes.backend("here").head_seq(source.place)
    drive = job()
    drive.run(until="cleanup")
    assert json.loads(drive.saved.state)["bound"] == bound


def test_what_was_written_behind_our_back_after_the_flip_stays_and_is_told() -> None:
    source = filled_bucket()
    drive = job(delete_source=True)
    drive.run(until="cleanup")
    put(Store.at(source), "plain", b"newer")
    put(Store.at(source), "another", b"new")
    drive.run()
    assert sorted(keys(Store.at(source))) == ["another", "plain"]
    left = {issue.key for issue in drive.saved.issues if issue.code == "WrittenAfterFlip"}
    assert left == {"another", "plain"}
    assert [issue.code for issue in drive.saved.issues if issue.key == "photos"] == ["BucketNotEmpty"]


def test_cleanup_does_not_look_at_the_target() -> None:
    source = filled_bucket()
    drive = job(delete_source=True)
    drive.run(until="cleanup")
    moved = Store.at(find_bucket("photos").route)
    moved.delete(Deletion("plain"))
    put(moved, "facts", b"changed by a client")
    drive.run()
    assert source.place not in routes.backend("here").places("photos")
    assert drive.saved.issues == []
    assert moved.head("facts").size == len(b"changed by a client")


def test_an_upload_that_was_begun_after_the_flip_stays_and_is_told() -> None:
    source = filled_bucket()
    drive = job(delete_source=True)
    drive.run(until="cleanup")
    store = Store.at(source)
    store.create_upload(_late_upload())
    drive.run()
    assert [upload.upload_id for upload in store.list_uploads().uploads] == ["late"]
    assert any("late" in issue.message for issue in drive.saved.issues)


def _late_upload() -> Any:
    return UploadInfo(upload_id="late", key="late", initiated=NOW_MS + 1)


def test_leftovers_of_the_target_go_after_the_flip_and_not_before() -> None:
    filled_bucket()
    left = _leftover()
    drive = job(replace_target=True)
    drive.run(until="cleanup")
    assert left.place in routes.backend("there").places("photos")
    drive.run()
    assert left.place not in routes.backend("there").places("photos")
    assert find_bucket("photos").route.place in routes.backend("there").places("photos")


def test_a_leftover_that_a_bucket_has_taken_meanwhile_is_not_touched() -> None:
    filled_bucket()
    left = _leftover()
    drive = job(replace_target=True)
    drive.run(until="cleanup")
    Bucket.objects.create(
        id="f" * 32, name="other", owner_id="b" * 64, created_ms=1, backend="there",
        place_id=routes.place_id("there"), real_bucket="photos", incarnation="old",
    )  # fmt: skip
    drive.run()
    assert keys(Store.at(left)) == ["left"]
    assert [issue.code for issue in drive.saved.issues] == ["InUse"]


def test_a_place_that_another_bucket_uses_is_never_touched() -> None:
    filled_bucket()
    theirs = _leftover("theirs")
    Bucket.objects.create(
        id="f" * 32, name="other", owner_id="b" * 64, created_ms=1, backend="there",
        place_id=routes.place_id("there"), real_bucket="photos", incarnation="theirs",
    )  # fmt: skip
    job(replace_target=True, delete_source=True).run()
    assert keys(Store.at(theirs)) == ["left"]


# -- unwind ------------------------------------------------------------------------------------


@every_pair
@pytest.mark.parametrize("phase", ["stage", "copy", "verify", "flip"])
def test_unwinding_before_a_phase_leaves_nothing(phase: str) -> None:
    source = filled_bucket()
    before, seq = contents(source), routes.backend("here").head_seq(source.place)
    drive = job()
    drive.run(until=phase)
    drive.unwind()
    drive.unwind()
    assert routes.backend("there").places("photos") == ()
    assert contents(source) == before
    assert routes.backend("here").head_seq(source.place) == seq
    assert find_bucket("photos").route == source


def test_a_cancel_inside_a_large_object_leaves_nothing() -> None:
    source = filled_bucket()
    before = contents(source)

    def cancel(event: str) -> None:
        if event == "pulse" and '"inside"' in (drive.saved.token or ""):
            raise Cancelled

    drive = job(happens=cancel)
    try:
        drive.run(until="verify")
    except Cancelled:
        pass
    drive.happens = lambda event: None
    drive.unwind()
    assert routes.backend("there").places("photos") == ()
    assert contents(source) == before


def test_leftovers_stay_when_the_job_is_unwound() -> None:
    filled_bucket()
    left = _leftover()
    drive = job(replace_target=True, limits=BIG_STEPS)
    drive.run(until="flip")
    drive.unwind()
    assert routes.backend("there").places("photos") == (left.place,)


def test_a_place_that_the_bucket_has_moved_to_is_never_unwound() -> None:
    filled_bucket()
    drive = job()
    drive.run(until="cleanup")
    drive.unwind()
    assert contents(staged(drive))["objects"]
    assert [issue.code for issue in drive.saved.issues] == ["InUse"]


def test_a_second_attempt_after_an_unwound_one_is_a_place_of_its_own() -> None:
    filled_bucket()
    first = job()
    first.run(until="verify")
    first.unwind()
    second = job()
    second.run()
    assert staged(second) != staged(first)
    assert find_bucket("photos").route == staged(second)


# -- killed anywhere ------------------------------------------------------------------------------


@every_pair
@pytest.mark.parametrize("params", [{}, {"delete_source": True}], ids=["keep", "delete"])
def test_killed_at_each_boundary_in_turn_the_job_comes_to_the_same_end(params: dict[str, Any]) -> None:
    """One job that is killed at every boundary once, and goes on each time from what was saved."""
    source = filled_bucket()
    before = contents(source)
    kills = 0
    lived_through: set[tuple[str, str | None, str, int]] = set()
    count = {"here": 0}

    def kill(event: str) -> None:
        nonlocal kills
        count["here"] += 1
        if event == "pulse":
            return
        boundary = (drive.saved.phase, drive.saved.token, event, count["here"])
        if boundary not in lived_through:
            lived_through.add(boundary)
            kills += 1
            raise Killed

    drive = job(happens=kill, **params)
    while not drive.saved.ended:
        count["here"] = 0
        try:
            drive.run()
        except Killed:
            continue
    assert kills > 50
    assert contents(find_bucket("photos").route) == before
    assert not find_bucket("photos").gate.closed
    if params:
        assert source.place not in routes.backend("here").places("photos")
    else:
        assert contents(source) == before


def test_an_unwinding_that_is_killed_is_taken_up_again() -> None:
    filled_bucket()
    drive = job()
    drive.run(until="flip")

    def kill(event: str) -> None:
        if event == "effect ended":
            raise Killed

    drive.happens = kill
    with pytest.raises(Killed):
        drive.unwind()
    drive.happens = lambda event: None
    drive.unwind()
    assert routes.backend("there").places("photos") == ()


def test_a_refused_token_begins_the_walk_again() -> None:
    source = filled_bucket()
    before = contents(source)
    drive = job()
    drive.run(until="verify")
    drive.saved.phase, drive.saved.token = "copy", "no token of ours"
    drive.run()
    assert contents(find_bucket("photos").route) == before
    open_upload(Store.at(find_bucket("photos").route), "after", "k", {})
