"""What a request to migrate must be, and what its preview says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobs.errors import BadRequest, JobError, TargetNotEmpty, Unavailable
from jobs.kinds import KINDS
from proxy import routes
from proxy.backends.values import Place, Route
from proxy.errors import BackendUnavailable
from proxy.models import Bucket
from proxy.records import BucketRecord
from proxy.store import Store
from tests.jobs.kinds.conftest import storage
from tests.jobs.kinds.world import fill, make_bucket, open_upload, put

MIGRATE = KINDS["migrate"]

pytestmark = pytest.mark.usefixtures("in_memory")


def _full_bucket() -> BucketRecord:
    bucket = make_bucket()
    fill(Store.at(bucket.route))
    return bucket


def _leftover(bucket: str = "photos", incarnation: str = "old") -> Route:
    """A place on `there` that no bucket uses."""
    place = Place("f" * 32, bucket, incarnation)
    routes.backend("there").create_bucket(place)
    return Route("there", place)


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({}, "target_backend"),
        ({"target_backend": ""}, "target_backend"),
        ({"target_backend": 7}, "target_backend"),
        ({"target_backend": None}, "target_backend"),
        ({"target_backend": "nowhere"}, "target_backend"),
        ({"target_backend": "here"}, "target_backend"),
        ({"target_backend": "there", "delete_source": "yes"}, "delete_source"),
        ({"target_backend": "there", "replace_target": 1}, "replace_target"),
        ({"target_backend": "there", "bandwidth": 1}, "bandwidth"),
    ],
)
def test_a_wrong_request_is_refused_and_the_parameter_named(params: dict[str, Any], names: str) -> None:
    with pytest.raises(BadRequest) as caught:
        MIGRATE.plan(make_bucket(), params)
    assert caught.value.status == 400
    assert caught.value.fields["parameter"] == names


def test_two_names_of_one_place_are_refused(settings: Any, tmp_path: Path) -> None:
    settings.STORAGE = storage("filesystem", "filesystem", tmp_path)
    settings.STORAGE["backends"]["there"]["path"] = settings.STORAGE["backends"]["here"]["path"]
    with pytest.raises(BadRequest, match="two names of one place"):
        MIGRATE.plan(make_bucket(), {"target_backend": "there"})


def test_a_target_that_cannot_be_reached_is_a_typed_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> None:
        raise BackendUnavailable("The disk is not mounted.")

    bucket = make_bucket()
    monkeypatch.setattr(routes.backend("there"), "check", gone)
    with pytest.raises(Unavailable, match="not mounted") as caught:
        MIGRATE.plan(bucket, {"target_backend": "there"})
    assert isinstance(caught.value, JobError)
    assert caught.value.status == 503


def test_the_preview_says_what_moves_and_that_writes_pause() -> None:
    preview = MIGRATE.plan(_full_bucket(), {"target_backend": "there", "delete_source": True}).preview
    assert preview["objects"] == 15
    assert preview["uploads"] == 3
    assert preview["bytes"] > 10 * 1024 * 1024
    assert (preview["from_backend"], preview["to_backend"]) == ("here", "there")
    assert preview["writes_pause"] is True
    assert any("503" in note for note in preview["notes"])
    assert any("deleted" in note for note in preview["notes"])


def test_planning_changes_nothing() -> None:
    bucket = _full_bucket()
    before = routes.backend("here").head_seq(bucket.route.place)
    MIGRATE.plan(bucket, {"target_backend": "there"})
    assert routes.backend("there").places("photos") == ()
    assert routes.backend("here").head_seq(bucket.route.place) == before


def test_a_target_that_holds_anything_is_refused_with_counts() -> None:
    bucket, left = _full_bucket(), Store.at(_leftover())
    put(left, "one")
    put(left, "two")
    open_upload(left, "u", "three", {})
    with pytest.raises(TargetNotEmpty) as caught:
        MIGRATE.plan(bucket, {"target_backend": "there"})
    assert caught.value.status == 409
    assert caught.value.fields == {"keys": 2, "versions": 0, "uploads": 1}


def test_an_open_upload_alone_makes_a_target_not_empty() -> None:
    bucket = _full_bucket()
    open_upload(Store.at(_leftover()), "u", "three", {})
    with pytest.raises(TargetNotEmpty):
        MIGRATE.plan(bucket, {"target_backend": "there"})


def test_several_leftovers_are_counted_together() -> None:
    bucket = _full_bucket()
    put(Store.at(_leftover(incarnation="old")), "one")
    put(Store.at(_leftover(incarnation="older")), "two")
    with pytest.raises(TargetNotEmpty) as caught:
        MIGRATE.plan(bucket, {"target_backend": "there"})
    assert caught.value.fields["keys"] == 2


def test_with_replace_target_the_preview_says_what_will_go() -> None:
    bucket = _full_bucket()
    put(Store.at(_leftover()), "one", b"12345")
    preview = MIGRATE.plan(bucket, {"target_backend": "there", "replace_target": True}).preview
    assert preview["replaces"] == {"objects": 1, "versions": 0, "uploads": 0, "bytes": 5}
    assert any("1 keys" in note for note in preview["notes"])


def test_empty_leftovers_and_other_names_are_no_hindrance() -> None:
    bucket = _full_bucket()
    _leftover()
    put(Store.at(_leftover(bucket="photos2")), "one")
    plan = MIGRATE.plan(bucket, {"target_backend": "there"})
    assert plan.preview["replaces"]["objects"] == 0


def test_a_place_that_another_bucket_uses_is_not_the_targets_leftover() -> None:
    bucket, used = _full_bucket(), _leftover(incarnation="used")
    put(Store.at(used), "theirs")
    Bucket.objects.create(
        id="f" * 32, name="other", owner_id="b" * 64, created_ms=1, backend="there",
        place_id=routes.place_id("there"), real_bucket="photos", incarnation="used",
    )  # fmt: skip
    assert MIGRATE.plan(bucket, {"target_backend": "there"}).preview["replaces"]["objects"] == 0
