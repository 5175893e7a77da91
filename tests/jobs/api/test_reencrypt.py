"""Re-encrypting over the API: several buckets, each with its own answer."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from jobs.models import AuditEntry, Job
from proxy.records import find_bucket
from tests.jobs.windows import ADMIN, logged_in, make_bucket, make_user


def post(client: Client, body: Any, path: str = "") -> Any:
    return client.post(f"{ADMIN}/jobs/reencrypt{path}", body, content_type="application/json")


def test_each_bucket_gets_a_job_and_its_gate_is_closed(boss: Client) -> None:
    for name in ("photos", "logs"):
        make_bucket(name)
    answer = post(boss, {"buckets": ["photos", "logs"], "mode": "rewrap"})
    jobs = list(Job.objects.order_by("pk"))
    assert answer.status_code == 202
    assert answer.json() == {
        "started": [{"bucket": job.bucket_name, "job_id": job.pk, "id": job.public_id} for job in jobs],
        "errors": [],
    }
    assert [(job.kind, job.spec["mode"]) for job in jobs] == [("reencrypt", "rewrap")] * 2
    assert find_bucket("logs").gate.holder == jobs[1].public_id
    assert AuditEntry.objects.filter(action="reencrypt").count() == 2


def test_one_refusal_does_not_stop_the_others(boss: Client) -> None:
    make_bucket("photos")
    make_bucket("busy")
    post(boss, {"buckets": ["busy"]})
    body = post(boss, {"buckets": ["nothing", "busy", "photos", "photos"]}).json()
    assert [each["bucket"] for each in body["started"]] == ["photos"]
    assert [(each["bucket"], each["code"]) for each in body["errors"]] == [
        ("nothing", "NotFound"),
        ("busy", "BucketBusy"),
    ]
    assert all(each["error"] for each in body["errors"])


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"buckets": []},
        {"buckets": "photos"},
        {"buckets": [f"b{number}" for number in range(101)]},
        {"buckets": ["photos"], "mode": "else"},
        {"buckets": ["photos"], "node": "rewrap"},
        {"buckets": [["photos"]]},
        ["photos"],
    ],
)
@pytest.mark.parametrize("path", ["", "/preview"])
def test_a_wrong_wish_is_400_and_starts_nothing(boss: Client, body: Any, path: str) -> None:
    make_bucket()
    answer = post(boss, body, path)
    assert answer.status_code == 400, answer.content
    assert answer.json()["error"] and answer.json()["code"]
    assert not Job.objects.exists() and not find_bucket("photos").gate.closed


def test_a_preview_counts_and_changes_nothing(boss: Client) -> None:
    make_bucket(objects=3)
    body = post(boss, {"buckets": ["photos", "nothing"]}, "/preview").json()
    (told,) = body["previews"]
    assert (told["bucket"], told["backend"], told["mode"], told["objects"]) == ("photos", "local", "none", 3)
    assert told["ways"] == {"right": {"objects": 3, "bytes": 30}}
    assert told["modes"] == {"none": {"objects": 3, "bytes": 30}}
    assert (told["bytes"], told["exact"], told["writes_pause"]) == (0, True, True)
    assert [each["bucket"] for each in body["errors"]] == ["nothing"]
    assert not Job.objects.exists()


def test_who_may_only_look_gets_a_preview_and_no_job(site: None) -> None:
    make_bucket()
    reader = logged_in(make_user("reader", operates=False))
    assert post(reader, {"buckets": ["photos"]}, "/preview").status_code == 200
    assert post(reader, {"buckets": ["photos"]}).status_code == 403
    assert not Job.objects.exists()


def test_a_job_that_was_cancelled_is_tried_again_as_it_was_asked_for(boss: Client) -> None:
    make_bucket()
    first = post(boss, {"buckets": ["photos"], "mode": "rewrite"}).json()["started"][0]["id"]
    assert boss.post(f"{ADMIN}/jobs/{first}/cancel").json()["status"] == "cancelled"
    again = boss.post(f"{ADMIN}/jobs/{first}/retry-failed").json()
    assert (again["kind"], again["detail"]["parent"]) == ("reencrypt", first)
    assert Job.objects.latest("pk").spec == {"mode": "rewrite"}
