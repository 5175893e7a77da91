"""Starting a migration over the API, and what a wrong wish is answered."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from jobs.models import Job
from proxy.bucket_settings import ENABLED
from proxy.records import change_settings, find_bucket
from tests.jobs.test_actions import make_left_behind
from tests.jobs.windows import ADMIN, make_bucket


def post(client: Client, path: str, body: Any) -> Any:
    return client.post(f"{ADMIN}/buckets/{path}", body, content_type="application/json")


def test_a_migration_is_accepted_with_its_id(boss: Client) -> None:
    make_bucket(objects=2)
    answer = post(boss, "photos/migrate", {"target_backend": "archive"})
    job = Job.objects.get()
    assert answer.status_code == 202
    assert answer.json() == {
        "job_id": job.pk,
        "id": job.public_id,
        "bucket": "photos",
        "from_backend": "local",
        "to_backend": "archive",
    }
    assert job.spec["delete_source"] is False and job.spec["replace_target"] is False
    assert find_bucket("photos").gate.holder == job.public_id


def test_a_precopy_has_the_bucket_from_the_start_and_leaves_its_gate_open(boss: Client) -> None:
    make_bucket(objects=2)
    body = {"target_backend": "archive", "precopy": True}
    preview = post(boss, "photos/migrate/preview", body).json()
    assert preview["precopy"] and preview["pause_s"] == preview["pause_s_precopy"]
    started = post(boss, "photos/migrate", body).json()["id"]
    assert Job.objects.get().mode == "precopy"
    assert not find_bucket("photos").gate.closed
    assert boss.get(f"{ADMIN}/jobs/bucket/photos").json()["active"]["gated"] is False
    second = post(boss, "photos/migrate", body)
    assert (second.status_code, second.json()["job"]) == (409, started)


def test_a_precopy_of_what_leaves_no_trace_is_400_with_a_code_of_its_own(boss: Client) -> None:
    change_settings(make_bucket(), versioning=ENABLED, object_lock=True)
    answer = post(boss, "photos/migrate", {"target_backend": "archive", "precopy": True})
    assert (answer.status_code, answer.json()["code"]) == (400, "PrecopyImpossible")
    assert not Job.objects.exists()


def test_a_busy_bucket_is_409_with_the_id_of_the_first(boss: Client) -> None:
    make_bucket()
    first = post(boss, "photos/migrate", {"target_backend": "archive"}).json()["id"]
    answer = post(boss, "photos/migrate", {"target_backend": "archive"})
    assert answer.status_code == 409
    assert answer.json()["code"] == "BucketBusy" and answer.json()["job"] == first


def test_a_target_that_is_not_empty_is_409_with_counts(boss: Client) -> None:
    make_left_behind(make_bucket().id)
    answer = post(boss, "photos/migrate", {"target_backend": "archive"})
    assert answer.status_code == 409 and answer.json()["code"] == "TargetNotEmpty"
    assert (answer.json()["keys"], answer.json()["versions"], answer.json()["uploads"]) == (1, 0, 0)
    body = {"target_backend": "archive", "replace_target": True}
    preview = post(boss, "photos/migrate/preview", body).json()
    assert preview["replaces"]["objects"] == 1
    assert (preview["exact"], preview["ways"], preview["sealing"]) == (True, {}, {})
    assert preview["pause_s"] == 0
    assert post(boss, "photos/migrate", body).status_code == 202


@pytest.mark.parametrize(
    ("bucket", "body", "status"),
    [
        ("nothing", {"target_backend": "archive"}, 404),
        ("photos", {"target_backend": "nowhere"}, 400),
        ("photos", {"target_backend": "local"}, 400),
        ("photos", {}, 400),
        ("photos", {"target_backend": ""}, 400),
        ("photos", {"target_backend": None}, 400),
        ("photos", {"target_backend": "archive", "delete_source": "yes"}, 400),
        ("photos", {"target_backend": "archive", "delete_source": 1}, 400),
        ("photos", {"target_backend": "archive", "delete_sourse": True}, 400),
        ("photos", {"target_backend": "archive", "precopy": "yes"}, 400),
        ("photos", ["archive"], 400),
        ("photos", "{", 400),
        ("photos", "[" * 60_000, 400),
        ("photos", " " * 65_537, 413),
    ],
)
@pytest.mark.parametrize("path", ["migrate", "migrate/preview"])
def test_a_wrong_wish_has_its_status_and_starts_nothing(
    boss: Client, bucket: str, body: Any, status: int, path: str
) -> None:
    make_bucket()
    answer = post(boss, f"{bucket}/{path}", body)
    assert answer.status_code == status, answer.content
    assert answer.json()["error"] and answer.json()["code"]
    assert not Job.objects.exists() and not find_bucket("photos").gate.closed


def test_a_preview_tells_and_changes_nothing(boss: Client) -> None:
    make_bucket(objects=3)
    answer = post(boss, "photos/migrate/preview", {"target_backend": "archive", "delete_source": True})
    body = answer.json()
    assert answer.status_code == 200
    assert (body["objects"], body["bytes"], body["delete_source"], body["writes_pause"]) == (
        3,
        30,
        True,
        True,
    )
    assert not Job.objects.exists()


def test_buckets_and_backends_are_listed(boss: Client) -> None:
    make_bucket("alpha")
    make_bucket("beta")
    body = boss.get(f"{ADMIN}/buckets?limit=1").json()
    assert [row["name"] for row in body["buckets"]] == ["alpha"] and body["next_after"] == "alpha"
    assert body["buckets"][0]["backend"] == "local" and body["buckets"][0]["gate"] == {"closed": False}
    assert [row["name"] for row in boss.get(f"{ADMIN}/buckets?after=alpha").json()["buckets"]] == ["beta"]
    assert [row["name"] for row in boss.get(f"{ADMIN}/buckets?prefix=be").json()["buckets"]] == ["beta"]
    assert boss.get(f"{ADMIN}/buckets?prefix=%E9").status_code == 400
    rows = boss.get(f"{ADMIN}/backends").json()["backends"]
    assert [(row["name"], row["default"], row["available"]) for row in rows] == [
        ("local", True, True),
        ("archive", False, True),
    ]
    assert [(row["buckets"], row["encryption"]) for row in rows] == [(2, "none"), (0, "none")]
