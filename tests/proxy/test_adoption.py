"""Adopting real buckets that a service has: what becomes of each, and that a repetition changes nothing."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from proxy import adoption, routes, users
from proxy.adoption import Became
from proxy.backends.values import Place
from proxy.errors import BackendUnavailable, NotImplementedByUs
from proxy.models import Bucket, S3Place
from proxy.records import find_bucket
from proxy.store import Store
from tests.jobs.kinds.services import ServiceLike, service, services  # noqa: F401
from tests.jobs.kinds.world import keys, put

pytestmark = pytest.mark.usefixtures("services", "db")

Run = Callable[..., str]


@pytest.fixture
def minio(settings: Any, tmp_path: Path) -> ServiceLike:
    """A service with three buckets of others beside a directory, and a root user."""
    settings.STORAGE = {
        "backends": {
            "local": {"type": "filesystem", "path": str(tmp_path)},
            "minio": {"type": "service"},
        },
        "default_backend": "local",
        "buckets": {"archive-v1": {"backend": "minio", "alias": "v1"}},
    }
    users.create_user("boss", root=True)
    found = service("minio")
    found.strangers = {"photos": "", "kept": "Enabled", "v1": "Suspended"}
    place = Place("", "photos", "")
    found.create_bucket(place)
    put(Store.at(routes.Route("minio", place)), "a/b", b"as it was")
    return found


@pytest.fixture
def run() -> Run:
    """The command; what it printed."""

    def run(*words: str) -> str:
        out = io.StringIO()
        call_command("buckets", *words, stdout=out, stderr=io.StringIO())
        return out.getvalue()

    return run


def _adopt(real: str, name: str = "", **options: Any) -> adoption.Adoption:
    return adoption.adopt("minio", real, name or real, "c" * 64, 1_750_000_000_000, **options)


def test_an_adopted_bucket_is_served_with_what_was_in_it(minio: ServiceLike) -> None:
    assert _adopt("photos").became is Became.ADOPTED
    bucket = find_bucket("photos")
    assert (bucket.route.backend, bucket.route.place.bucket, bucket.owner_id) == ("minio", "photos", "c" * 64)
    assert keys(Store.of(bucket)) == ["a/b"]


@pytest.mark.parametrize(("real", "status"), [("photos", ""), ("kept", "Enabled")])
def test_how_the_service_keeps_versions_is_taken_over(minio: ServiceLike, real: str, status: str) -> None:
    assert _adopt(real).versioning == status
    assert find_bucket(real).settings.versioning == status


def test_a_repetition_is_no_error_and_changes_nothing(minio: ServiceLike) -> None:
    _adopt("photos")
    before = find_bucket("photos")
    again = _adopt("photos", "another-name")
    assert (again.became, again.name) == (Became.THERE, "photos")
    assert find_bucket("photos") == before


def test_a_preview_changes_nothing(minio: ServiceLike) -> None:
    assert _adopt("photos", preview=True).became is Became.WOULD_BE
    assert "photos" in minio.strangers
    assert not Bucket.objects.exists()


def test_a_name_that_is_taken_or_reserved_is_refused(minio: ServiceLike) -> None:
    routes.create_bucket("photos", "d" * 64, 1)
    assert "it is on local" in _adopt("photos").why
    assert "reserved" in _adopt("v1").why
    assert _adopt("kept", "NO").became is Became.REFUSED
    assert set(minio.strangers) == {"photos", "kept", "v1"}


def test_what_shows_the_marker_of_another_sluicegate_is_refused(minio: ServiceLike) -> None:
    minio.adopt(Place("e" * 32, "kept", "elsewhere"))
    refused = _adopt("kept")
    assert (refused.became, "another Sluicegate" in refused.why) == (Became.REFUSED, True)


def test_a_former_place_of_a_bucket_is_refused(minio: ServiceLike) -> None:
    moved = routes.create_bucket("moved", "d" * 64, 1)
    minio.adopt(Place(moved.id, "kept", "before"))
    assert "former place of the bucket moved, which is on local" in _adopt("kept").why


def test_an_adoption_that_a_crash_cut_short_goes_on_with_its_place(minio: ServiceLike) -> None:
    place = Place("e" * 32, "kept", "began")
    minio.adopt(place)
    S3Place.objects.create(
        backend="minio", bucket_id=place.bucket_id, incarnation="began", real_bucket="kept", adopted=True,
        created_ms=1,
    )  # fmt: skip
    assert _adopt("kept").became is Became.ADOPTED
    assert find_bucket("kept").route.place == place


def test_a_directory_has_nothing_to_adopt(minio: ServiceLike) -> None:
    assert adoption.real_buckets("local") == ()
    assert adoption.adopt("local", "photos", "photos", "c" * 64, 1).became is Became.REFUSED
    with pytest.raises(NotImplementedByUs):
        routes.backend("local").adopt(Place("e" * 32, "photos", "new"))


# -- the command ---------------------------------------------------------------------------------


def test_all_are_adopted_under_the_names_of_the_configuration(minio: ServiceLike, run: Run) -> None:
    done = json.loads(run("adopt", "minio", "--all", "--json"))
    assert [(each["real_bucket"], each["name"], each["result"]) for each in done] == [
        ("kept", "kept", "adopted"),
        ("photos", "photos", "adopted"),
        ("v1", "archive-v1", "adopted"),
    ]
    assert {row["owner"] for row in json.loads(run("list", "--json"))} == {"boss"}
    again = json.loads(run("adopt", "minio", "--all", "--json"))
    assert {each["result"] for each in again} == {"there already"}


def test_one_that_is_refused_does_not_stop_the_others(minio: ServiceLike, run: Run) -> None:
    routes.create_bucket("kept", "d" * 64, 1)
    with pytest.raises(CommandError, match="2 of 3 were refused"):
        run("adopt", "minio", "kept", "missing", "photos")
    assert find_bucket("photos").route.backend == "minio"


def test_one_that_the_service_does_not_give_out_does_not_stop_the_others(
    minio: ServiceLike, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    adopt = minio.adopt

    def elsewhere(place: Place) -> str:
        if place.bucket == "kept":
            raise BackendUnavailable("It is in another region.")
        return adopt(place)

    monkeypatch.setattr(minio, "adopt", elsewhere)
    with pytest.raises(CommandError, match="1 of 2 were refused"):
        run("adopt", "minio", "kept", "photos")
    assert find_bucket("photos").route.backend == "minio"
    with pytest.raises(CommandError, match="another region"):
        run("adopt", "minio", "kept")


def test_owner_and_name_can_be_chosen(minio: ServiceLike, run: Run) -> None:
    alice = users.create_user("alice")
    run("adopt", "minio", "v1", "--as", "old-photos", "--owner", "alice")
    bucket = find_bucket("old-photos")
    assert (bucket.owner_id, bucket.route.place.bucket) == (alice.owner_id, "v1")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("adopt", "minio"), "Name the buckets"),
        (("adopt", "minio", "photos", "--all"), "Name the buckets"),
        (("adopt", "minio", "photos", "kept", "--as", "x"), "--as is for one bucket"),
        (("adopt", "minio", "photos", "--owner", "nobody"), "no user nobody"),
        (("adopt", "nowhere", "photos"), "not configured"),
    ],
)
def test_a_wrong_wish_is_told(minio: ServiceLike, run: Run, words: tuple[str, ...], why: str) -> None:
    with pytest.raises(CommandError, match=why):
        run(*words)
    assert not Bucket.objects.exists()
