"""The jobs of the admin API: lists, one job, runs, failures, actions."""

from __future__ import annotations

import pytest
from django.test import Client

from jobs.models import Job
from tests.jobs.windows import ADMIN, NOW, make_bucket, make_failure, make_job


def test_the_list_has_workers_and_rows(boss: Client) -> None:
    job = make_job("running", phase="copy", phase_done=1, phase_total=2)
    body = boss.get(f"{ADMIN}/jobs").json()
    assert set(body) == {"workers", "jobs"}
    (row,) = body["jobs"]
    assert row["id"] == job.public_id and row["status"] == "running" and row["percent"] == 25
    assert row["scope"] == {"bucket": "photos", "target": "archive"}
    assert row["actions"] == ["cancel"]
    assert "why" not in body["workers"] and body["workers"]["running"] == 1


def test_filters_narrow_the_list_and_the_cursor_goes_on(boss: Client) -> None:
    make_job("failed", bucket_name="logs")
    kept = [make_job("succeeded") for _ in range(3)]
    first = boss.get(f"{ADMIN}/jobs?bucket=photos&status=succeeded&kind=migrate&q=photos&limit=2").json()
    assert [row["id"] for row in first["jobs"]] == [kept[2].public_id, kept[1].public_id]
    rest = boss.get(f"{ADMIN}/jobs?bucket=photos&limit=2&cursor={first['next_cursor']}").json()
    assert [row["id"] for row in rest["jobs"]] == [kept[0].public_id] and "next_cursor" not in rest


@pytest.mark.parametrize(
    "query",
    ["limit=x", "limit=-1", "limit=0", "limit=²", "status=done", "sort=x", "cursor=%00", "stauts=failed"],
)
def test_a_wrong_parameter_is_a_bad_request(boss: Client, query: str) -> None:
    answer = boss.get(f"{ADMIN}/jobs?{query}")
    assert answer.status_code == 400
    assert answer.json()["code"] == "BadRequest" and answer.json()["error"]


def test_one_job_has_its_definition(boss: Client) -> None:
    job = make_job("failed", last_error="away")
    body = boss.get(f"{ADMIN}/jobs/{job.public_id}").json()
    assert body["definition"]["parameters"]["target_backend"] == "archive"
    assert body["last_error"] == "away" and body["started_at"] == int(NOW.timestamp())


@pytest.mark.parametrize(
    "job_id", ["maintenance:999", "maintenance", "x:y:z", "%00", "maintenance:99999999999999999999"]
)
@pytest.mark.parametrize("rest", ["", "/runs", "/failures"])
def test_an_unknown_job_is_404(boss: Client, job_id: str, rest: str) -> None:
    answer = boss.get(f"{ADMIN}/jobs/{job_id}{rest}")
    assert answer.status_code == 404 and answer.json()["code"] == "NotFound"


def test_runs_and_failures_have_their_shapes(boss: Client) -> None:
    job = make_job("running", failed=5)
    make_failure(job, "SlowDown", "a/b")
    (run,) = boss.get(f"{ADMIN}/jobs/{job.public_id}/runs").json()["runs"]
    assert run["status"] == "running" and run["triggered_by"] == "api" and "finished_at" not in run
    body = boss.get(f"{ADMIN}/jobs/{job.public_id}/failures?limit=1").json()
    assert body["total"] == 5 and body["by_code"] == {"SlowDown": 1}
    assert body["failures"][0]["object_key"] == "a/b" and body["failures"][0]["error"] == "no"
    assert boss.get(f"{ADMIN}/jobs/{job.public_id}/failures?limit=101").status_code == 400


def test_what_nobody_foresaw_is_a_500_that_tells_nothing(
    boss: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> None:
        raise RuntimeError("a path, a password")

    monkeypatch.setattr("jobs.actions.lookup", broken)
    answer = boss.get(f"{ADMIN}/jobs/maintenance:1")
    assert answer.status_code == 500 and answer.json()["code"] == "InternalError"
    assert "password" not in answer.content.decode()


def test_cancel_answers_202_with_the_row(boss: Client) -> None:
    job = make_job("running", has_effects=True)
    answer = boss.post(f"{ADMIN}/jobs/{job.public_id}/cancel")
    assert answer.status_code == 202 and answer.json()["status"] == "cancelling"
    again = boss.post(f"{ADMIN}/jobs/{job.public_id}/cancel")
    assert again.status_code == 409 and "cancelling" in again.json()["error"]


def test_retry_answers_202_with_the_new_job(boss: Client) -> None:
    bucket = make_bucket()
    job = make_job("cancelled", bucket_id=bucket.id)
    answer = boss.post(f"{ADMIN}/jobs/{job.public_id}/retry-failed")
    assert answer.status_code == 202
    assert answer.json()["detail"]["parent"] == job.public_id and answer.json()["status"] == "queued"
    assert Job.objects.count() == 2


def test_an_action_outside_the_matrix_is_405_with_allow_and_the_list(boss: Client) -> None:
    job = make_job()
    for action in ("pause", "resume", "run-now", "preview", "verify", "confirm"):
        answer = boss.post(f"{ADMIN}/jobs/{job.public_id}/{action}")
        assert answer.status_code == 405, action
        assert answer["Allow"] == "OPTIONS"
        assert answer.json()["supported"] == ["cancel", "retry-failed"] and action in answer.json()["error"]


def test_an_unknown_action_is_404_and_a_wrong_method_405(boss: Client) -> None:
    job = make_job()
    assert boss.post(f"{ADMIN}/jobs/{job.public_id}/explode").status_code == 404
    answer = boss.get(f"{ADMIN}/jobs/{job.public_id}/cancel")
    assert answer.status_code == 405 and "POST" in answer["Allow"]
    assert boss.delete(f"{ADMIN}/jobs/{job.public_id}").status_code == 405
    assert Job.objects.get().status == "queued"


def test_the_busy_state_of_a_bucket_is_null_or_its_job(boss: Client) -> None:
    assert boss.get(f"{ADMIN}/jobs/bucket/photos").json() == {"active": None}
    make_job("succeeded")
    job = make_job("queued", open_run=True, gated=True, phase="copy")
    active = boss.get(f"{ADMIN}/jobs/bucket/photos").json()["active"]
    assert active["id"] == job.public_id and active["status"] == "running" and active["gated"] is True
    assert set(active) == {"id", "kind", "status", "phase", "percent", "progress", "since", "gated"}
