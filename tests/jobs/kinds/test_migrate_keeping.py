"""What a target cannot keep: refused with counts, unless the request names what may be lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.errors import BadRequest, JobFailed, TargetCannotKeep
from jobs.kinds import KINDS
from jobs.kinds.migration.keeping import UPLOADS, VERSIONS, Loss, hindrances, loss
from proxy import routes
from proxy.backends.values import GOVERNANCE, NULL_VERSION, Lock, Route, Usage
from proxy.bucket_settings import ENABLED, SUSPENDED, BucketSettings
from proxy.records import change_settings, find_bucket
from proxy.store import Store
from tests.jobs.kinds.conftest import storage
from tests.jobs.kinds.migrating import BIG_STEPS, SMALL_STEPS, job, staged, versioned_bucket
from tests.jobs.kinds.world import VERSIONS_FILLED, closed, contents, keys, make_bucket, mark, put, versions

MIGRATE = KINDS["migrate"]
TOMORROW = int(time.time() * 1000) + 86_400_000

Poor = Callable[..., None]


@pytest.fixture
def poor(settings: Any, tmp_path: Path, db: None) -> Poor:
    """Makes `there` a backend that cannot keep what is named."""

    def make(**cannot: bool) -> None:
        settings.STORAGE = storage("memory", "memory", tmp_path)
        there = settings.STORAGE["backends"]["there"]
        there |= {name: False for name in cannot if name != "keeps_uploads"}
        if "keeps_uploads" in cannot:
            routes.backend("there").inner.keeps_uploads = False  # type: ignore[attr-defined]

    return make


# -- the decision, pure ----------------------------------------------------------------------

HELD = Usage(keys=9, versions=5, uploads=2, size=1, locked=3)


def _target(**cannot: bool) -> Any:
    abilities = dict.fromkeys(("keeps_versions", "keeps_locks", "keeps_uploads"), True)
    return SimpleNamespace(name="there", **({"assigns_versions": False} | abilities | cannot))


@pytest.mark.parametrize(
    ("cannot", "lost"),
    [
        ({}, Loss()),
        ({"keeps_versions": False}, Loss(versions=5, version_ids=4, locked=3)),
        ({"keeps_locks": False}, Loss(locked=3)),
        ({"keeps_uploads": False}, Loss(uploads=2)),
    ],
)
def test_what_is_lost_follows_from_what_the_target_can(cannot: dict[str, bool], lost: Loss) -> None:
    assert loss(HELD, 4, _target(**cannot)) == lost


NO_VERSIONS, NO_LOCKS = {"keeps_versions": False}, {"keeps_locks": False}
ITS_OWN_IDS = {"keeps_versions": False, "assigns_versions": True}


@pytest.mark.parametrize(
    ("cannot", "lost", "settings", "drop", "needed"),
    [
        ({}, Loss(), BucketSettings(versioning=ENABLED, object_lock=True), (), []),
        (NO_VERSIONS, Loss(), BucketSettings(), (), []),
        (NO_VERSIONS, Loss(), BucketSettings(versioning=SUSPENDED), (), []),
        (NO_VERSIONS, Loss(), BucketSettings(versioning=ENABLED), (), [None]),
        (NO_VERSIONS, Loss(versions=1), BucketSettings(versioning=ENABLED), (VERSIONS,), [None]),
        (NO_VERSIONS, Loss(versions=1), BucketSettings(versioning=SUSPENDED), (), [VERSIONS]),
        (NO_VERSIONS, Loss(version_ids=1), BucketSettings(versioning=SUSPENDED), (UPLOADS,), [VERSIONS]),
        (NO_VERSIONS, Loss(versions=1), BucketSettings(versioning=SUSPENDED), (VERSIONS,), []),
        (ITS_OWN_IDS, Loss(), BucketSettings(versioning=ENABLED), (), []),
        (ITS_OWN_IDS, Loss(version_ids=1), BucketSettings(versioning=ENABLED), (), [VERSIONS]),
        (ITS_OWN_IDS, Loss(version_ids=1), BucketSettings(versioning=ENABLED), (VERSIONS,), []),
        (ITS_OWN_IDS, Loss(), BucketSettings(versioning=ENABLED, object_lock=True), (VERSIONS,), [None]),
        (NO_VERSIONS, Loss(locked=1), BucketSettings(versioning=SUSPENDED), (VERSIONS,), [None]),
        (NO_LOCKS, Loss(locked=1), BucketSettings(), (VERSIONS, UPLOADS), [None]),
        (NO_LOCKS, Loss(), BucketSettings(versioning=ENABLED, object_lock=True), (VERSIONS,), [None]),
        (NO_LOCKS, Loss(), BucketSettings(versioning=ENABLED), (), []),
        ({"keeps_uploads": False}, Loss(uploads=1), BucketSettings(), (VERSIONS,), [UPLOADS]),
        ({"keeps_uploads": False}, Loss(uploads=1), BucketSettings(), (UPLOADS,), []),
    ],
)
def test_a_move_is_hindered_by_what_nobody_may_lose(
    cannot: dict[str, bool], lost: Loss, settings: BucketSettings, drop: Any, needed: list[str | None]
) -> None:
    assert [each for _, each in hindrances(lost, settings, _target(**cannot), drop)] == needed


# -- planning ------------------------------------------------------------------------------------


def _refused(**params: Any) -> TargetCannotKeep:
    with pytest.raises(TargetCannotKeep) as caught:
        MIGRATE.plan(find_bucket("photos"), {"target_backend": "there", **params})
    assert (caught.value.status, caught.value.code) == (409, "TargetCannotKeep")
    return caught.value


def _suspended(source: Route) -> Route:
    change_settings(find_bucket("photos"), versioning=SUSPENDED)
    return source


def test_versions_and_ids_are_counted_and_the_refusal_says_what_to_drop(poor: Poor) -> None:
    poor(keeps_versions=False)
    _suspended(versioned_bucket())
    refusal = _refused()
    assert refusal.fields == {
        "versions": VERSIONS_FILLED - 3,
        "version_ids": 2,
        "locked": 0,
        "uploads": 0,
        "drop": [VERSIONS],
    }
    assert "drop versions" in refusal.message


def test_several_losses_are_told_at_once(poor: Poor) -> None:
    poor(keeps_versions=False, keeps_uploads=False)
    _suspended(versioned_bucket())
    refusal = _refused()
    assert refusal.fields["uploads"] == 1 and refusal.fields["drop"] == [VERSIONS, UPLOADS]
    assert _refused(drop=[VERSIONS]).fields["drop"] == [UPLOADS]
    assert MIGRATE.plan(find_bucket("photos"), {"target_backend": "there", "drop": [UPLOADS, VERSIONS]}).spec[
        "drop"
    ] == [VERSIONS, UPLOADS]


def test_locked_versions_are_never_given_up(poor: Poor) -> None:
    poor(keeps_locks=False)
    put(Store.at(make_bucket().route), "k", version_id="v", lock=Lock(GOVERNANCE, TOMORROW))
    refusal = _refused(drop=[VERSIONS, UPLOADS])
    assert refusal.fields["locked"] == 1 and refusal.fields["drop"] == []
    assert "cannot keep 1 locked versions" in refusal.message


def test_a_bucket_with_versioning_on_cannot_go_where_versions_cannot_be_kept(poor: Poor) -> None:
    poor(keeps_versions=False)
    change_settings(make_bucket(), versioning=ENABLED)
    for drop in ([], [VERSIONS]):
        refusal = _refused(drop=drop)
        assert "suspend it first" in refusal.message and refusal.fields["drop"] == []


def test_a_bucket_with_object_lock_cannot_go_where_locks_cannot_be_kept(poor: Poor) -> None:
    poor(keeps_locks=False)
    change_settings(make_bucket(), versioning=ENABLED, object_lock=True)
    assert "Object lock is on" in _refused(drop=[VERSIONS]).message


@pytest.mark.parametrize("drop", ["versions", [1], ["locks"], {"versions": True}, None, [["versions"]]])
def test_a_wrong_drop_is_refused(poor: Poor, drop: Any) -> None:
    poor()
    with pytest.raises(BadRequest) as caught:
        MIGRATE.plan(make_bucket(), {"target_backend": "there", "drop": drop})
    assert caught.value.fields["parameter"] == "drop"


def test_the_preview_says_what_moves_and_what_would_be_lost(poor: Poor) -> None:
    poor()
    versioned_bucket()
    bucket = find_bucket("photos")
    plan = MIGRATE.plan(bucket, {"target_backend": "there", "drop": [VERSIONS]})
    usage = Store.at(bucket.route).usage()
    assert plan.preview["versions"] == usage.versions
    assert plan.preview["versions_bytes"] == usage.versions_size > 0
    assert plan.preview["dropped"] == {"versions": 0, "version_ids": 0, "locked": 0, "uploads": 0}
    assert any("with their ids and their order" in note for note in plan.preview["notes"])


def test_the_preview_of_a_loss_names_it(poor: Poor) -> None:
    poor(keeps_versions=False, keeps_uploads=False)
    _suspended(versioned_bucket())
    plan = MIGRATE.plan(
        find_bucket("photos"), {"target_backend": "there", "drop": [VERSIONS, UPLOADS], "delete_source": True}
    )
    lost = plan.preview["dropped"]
    assert (lost["versions"], lost["version_ids"], lost["uploads"]) == (VERSIONS_FILLED - 3, 2, 1)
    told = " ".join(plan.preview["notes"])
    assert f"{VERSIONS_FILLED - 3} older versions and delete markers do not move" in told
    assert "1 open uploads do not move" in told


def test_the_preview_tells_of_locks_that_outlive_the_cleanup(poor: Poor) -> None:
    poor()
    bucket = make_bucket()
    put(Store.at(bucket.route), "k", version_id="v", lock=Lock(hold=True))
    plan = MIGRATE.plan(bucket, {"target_backend": "there", "delete_source": True})
    assert plan.preview["locked"] == 1
    assert any("stay there until their locks end" in note for note in plan.preview["notes"])


# -- moving without them -------------------------------------------------------------------------


@pytest.mark.parametrize("limits", [SMALL_STEPS, BIG_STEPS], ids=["small steps", "big steps"])
def test_without_versions_the_current_objects_move_under_the_null_version(poor: Poor, limits: Any) -> None:
    poor(keeps_versions=False)
    source = _suspended(versioned_bucket())
    before = contents(source)
    drive = job(limits=limits, drop=[VERSIONS])
    drive.run()
    after = contents(find_bucket("photos").route)
    assert after["objects"] == {
        key: facts | {"version_id": NULL_VERSION} for key, facts in before["objects"].items()
    }
    assert [row["version_id"] for row in after["history"]] == [NULL_VERSION] * len(before["objects"])
    assert after["uploads"].keys() == before["uploads"].keys()
    assert drive.saved.processed == len(before["objects"])
    assert contents(source) == before


def test_without_versions_cleanup_still_empties_the_source(poor: Poor) -> None:
    poor(keeps_versions=False)
    source = _suspended(versioned_bucket())
    drive = job(drop=[VERSIONS], delete_source=True)
    drive.run()
    assert source.place not in routes.backend("here").places("photos")
    assert drive.saved.deleted == VERSIONS_FILLED + 1


@pytest.mark.parametrize("side", ["source", "target"])
def test_verification_without_versions_finds_a_key_that_one_side_lacks(poor: Poor, side: str) -> None:
    poor(keeps_versions=False)
    source = _suspended(versioned_bucket())
    drive = job(drop=[VERSIONS])
    drive.run(until="verify")
    other = source if side == "target" else staged(drive)
    put(Store.at(other), "b")
    with pytest.raises(JobFailed, match=f"^b: the {side} has no such object"):
        drive.run()


def test_without_uploads_none_moves_and_only_the_cleanup_aborts_them(poor: Poor) -> None:
    poor(keeps_uploads=False)
    source = versioned_bucket()
    assert Store.at(source).list_uploads().uploads
    job(drop=[UPLOADS], limits=BIG_STEPS).run()
    route = find_bucket("photos").route
    assert Store.at(route).list_uploads(finished=True).uploads == ()
    assert Store.at(source).list_uploads().uploads
    assert contents(route)["history"] == contents(source)["history"]


def test_what_the_target_can_keep_moves_even_if_it_may_be_lost(poor: Poor) -> None:
    poor()
    before = contents(versioned_bucket())
    job(drop=[VERSIONS, UPLOADS]).run()
    assert contents(find_bucket("photos").route) == before


def test_locks_that_have_ended_are_no_hindrance_where_locks_cannot_be_kept(poor: Poor) -> None:
    poor(keeps_locks=False)
    versioned_bucket()
    job().run()
    store = Store.at(find_bucket("photos").route)
    assert store.head("kept", "v-1").lock == Lock()


# -- between the plan and the drain ----------------------------------------------------------------


def test_versions_that_come_between_plan_and_stage_fail_the_job(poor: Poor) -> None:
    poor(keeps_versions=False)
    bucket = make_bucket()
    closed(bucket)
    drive = job()
    mark(Store.at(bucket.route), "late", "m-1")
    with pytest.raises(JobFailed, match="1 older versions") as caught:
        drive.run()
    assert caught.value.code == "TargetCannotKeep"


def test_versioning_that_is_turned_on_between_plan_and_stage_fails_the_job(poor: Poor) -> None:
    poor(keeps_versions=False)
    closed(make_bucket())
    drive = job()
    change_settings(find_bucket("photos"), versioning=ENABLED)
    with pytest.raises(JobFailed, match="suspend it first"):
        drive.run()


def test_an_id_that_nobody_gave_up_stops_the_copy(poor: Poor) -> None:
    """A bucket whose settings say that it never had versions, and that has one all the same."""
    poor(keeps_versions=False)
    bucket = make_bucket()
    put(Store.at(bucket.route), "odd", version_id="v-1")
    closed(bucket)
    with pytest.raises(JobFailed, match=r"^odd: there cannot keep the version id v-1"):
        job().run()
    assert keys(Store.at(bucket.route)) == ["odd"] and len(versions(Store.at(bucket.route))) == 1
