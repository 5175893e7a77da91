"""Locks bind the migration: locked versions move, and nothing removes or overwrites them."""

from __future__ import annotations

import time

import pytest

from jobs.errors import Cancelled, JobFailed, TargetLocked
from jobs.kinds.migration.clearing import MOST_TOLD
from proxy import routes
from proxy.backends.values import COMPLIANCE, GOVERNANCE, Lock, NewObject, Place, Route
from proxy.errors import ObjectLocked
from proxy.records import find_bucket
from proxy.store import Store
from tests.jobs.kinds.conftest import every_pair
from tests.jobs.kinds.driving import Killed
from tests.jobs.kinds.migrating import BIG_STEPS, SMALL_STEPS, job, staged
from tests.jobs.kinds.world import KIB, Bytes, closed, contents, make_bucket, mark, noise, put, versions

pytestmark = pytest.mark.usefixtures("backends")

TOMORROW = int(time.time() * 1000) + 86_400_000


def locked_bucket() -> Route:
    """Versions with every kind of lock between others that have none."""
    bucket = make_bucket()
    store = Store.at(bucket.route)
    put(store, "locked", noise(1, 100), version_id="gov", lock=Lock(GOVERNANCE, TOMORROW))
    put(store, "locked", noise(2, 700 * KIB), version_id="comp", lock=Lock(COMPLIANCE, TOMORROW))
    put(store, "locked", noise(3, 50 * KIB), version_id="free")
    put(store, "locked", b"held", version_id="held", lock=Lock(hold=True))
    mark(store, "locked", "marker")
    put(store, "open", b"nothing keeps it")
    closed(bucket)
    return bucket.route


@every_pair
@pytest.mark.parametrize("limits", [SMALL_STEPS, BIG_STEPS], ids=["small steps", "big steps"])
def test_locked_versions_move_with_their_locks(limits: object) -> None:
    before = contents(locked_bucket())
    job(limits=limits).run()  # type: ignore[arg-type]
    route = find_bucket("photos").route
    assert contents(route) == before
    with pytest.raises(ObjectLocked):
        put(Store.at(route), "locked", b"over it", version_id="comp")


@every_pair
def test_cleanup_leaves_locked_versions_and_says_until_when() -> None:
    source = locked_bucket()
    saved = job(delete_source=True).run()
    left = versions(Store.at(source))
    assert [info.version_id for info in left] == ["held", "comp", "gov"]
    assert saved.deleted == 3
    told = {issue.version_id: issue.message for issue in saved.issues if issue.code == "ObjectLocked"}
    day = time.strftime("%Y-%m-%d", time.gmtime(TOMORROW / 1000))
    assert set(told) == {"held", "comp", "gov"}
    assert "legal hold" in told["held"]
    assert f"compliance retention keeps it until {day}" in told["comp"]
    assert f"overnance retention keeps it until {day}" in told["gov"]
    place = [issue.message for issue in saved.issues if issue.code == "BucketNotEmpty"]
    assert len(place) == 1 and "3 of them locked" in place[0]
    assert source.place in routes.backend("here").places("photos")


def test_very_many_locked_versions_of_a_key_are_told_as_a_number() -> None:
    bucket = make_bucket()
    store = Store.at(bucket.route)
    for number in range(MOST_TOLD + 30):
        lock = Lock(hold=True) if number % 10 else Lock()
        put(store, "many", b"x", version_id=f"v-{number:03}", lock=lock)
    closed(bucket)
    drive = job(delete_source=True)
    drive.run()
    held = [info.version_id for info in versions(store)]
    assert drive.saved.deleted == (MOST_TOLD + 30) // 10 and len(held) == 72
    told = [issue for issue in drive.saved.issues if issue.key == "many"]
    assert len(told) == MOST_TOLD + 1
    assert told[-1].message == "22 more versions stay."


@pytest.mark.parametrize("phase", ["verify", "flip"])
def test_a_cancelled_migration_of_locked_versions_leaves_nothing_on_the_target(phase: str) -> None:
    source = locked_bucket()
    before = contents(source)
    drive = job()
    drive.run(until=phase)
    drive.unwind()
    assert routes.backend("there").places("photos") == ()
    assert drive.saved.issues == []
    assert contents(source) == before


def test_a_cancel_inside_a_locked_version_leaves_nothing_on_the_target() -> None:
    source = locked_bucket()
    before = contents(source)

    def cancel(event: str) -> None:
        if event == "effect ended" and '"inside_id":"comp"' in (drive.saved.token or ""):
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


@pytest.mark.parametrize("params", [{}, {"delete_source": True}], ids=["keep", "delete"])
def test_killed_at_each_boundary_locked_versions_are_copied_once_and_stay(params: dict[str, bool]) -> None:
    source = locked_bucket()
    before = contents(source)
    lived_through: set[tuple[object, ...]] = set()
    seen = 0

    def kill(event: str) -> None:
        nonlocal seen
        seen += 1
        boundary = (drive.saved.phase, drive.saved.token, event, seen)
        if event != "pulse" and boundary not in lived_through:
            lived_through.add(boundary)
            raise Killed

    drive = job(happens=kill, **params)
    while not drive.saved.ended:
        seen = 0
        try:
            drive.run()
        except Killed:
            continue
    assert contents(find_bucket("photos").route) == before
    left = [info.version_id for info in versions(Store.at(source))]
    assert left == (["held", "comp", "gov"] if params else [row["version_id"] for row in before["history"]])
    told = [issue.version_id for issue in drive.saved.issues if issue.code == "ObjectLocked"]
    assert told == (["held", "comp", "gov"] if params else [])


# -- leftovers of the target ---------------------------------------------------------------------


def _locked_leftover() -> Route:
    place = Place("f" * 32, "photos", "old")
    routes.backend("there").create_bucket(place)
    new = NewObject("left", version_id="v", lock=Lock(GOVERNANCE, TOMORROW))
    routes.backend("there").put(place, new, Bytes(b"x"))
    return Route("there", place)


@pytest.mark.parametrize("replace_target", [False, True])
def test_a_leftover_with_locked_versions_is_refused_with_counts(replace_target: bool) -> None:
    locked_bucket()
    _locked_leftover()
    with pytest.raises(TargetLocked) as caught:
        job(replace_target=replace_target)
    assert caught.value.status == 409
    assert caught.value.fields == {"keys": 1, "versions": 0, "uploads": 0, "locked": 1}


def test_a_leftover_that_is_locked_between_plan_and_stage_fails_the_job() -> None:
    locked_bucket()
    drive = job(replace_target=True)
    _locked_leftover()
    with pytest.raises(JobFailed, match="1 locked versions") as caught:
        drive.run()
    assert caught.value.code == "TargetLocked"


def test_a_leftover_that_is_locked_before_its_removal_stays_and_is_told() -> None:
    locked_bucket()
    place = Place("f" * 32, "photos", "old")
    routes.backend("there").create_bucket(place)
    routes.backend("there").put(place, NewObject("left"), Bytes(b"x"))
    drive = job(replace_target=True)
    drive.run(until="cleanup")
    _locked_leftover()
    drive.run()
    assert [issue.code for issue in drive.saved.issues] == ["ObjectLocked"]
    assert place in routes.backend("there").places("photos")
    assert staged(drive).place in routes.backend("there").places("photos")
