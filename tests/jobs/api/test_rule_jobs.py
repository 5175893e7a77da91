"""Rules in the jobs of the admin API: the shapes of rows, runs, failures and answers."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from jobs.api import serializers as shapes
from tests.jobs.rule_rows import ENTRY, LIFECYCLE, make_failed_object, make_rule, make_run
from tests.jobs.windows import ADMIN, make_bucket, make_job


def fits(shape: Any, row: dict[str, Any]) -> None:
    """Every field is described, and what is described as always there is there."""
    fields = shape().fields
    assert set(row) <= set(fields), set(row) - set(fields)
    assert {name for name, field in fields.items() if field.required} <= set(row)


def test_a_row_of_a_rule_has_the_shape_of_the_document(boss: Client) -> None:
    job = make_rule(status="succeeded", lifetime_objects=3, last_error="x")
    make_run(job)
    make_rule("lifecycle", "expire", "running", phase="sweep")
    make_job("failed")
    body = boss.get(f"{ADMIN}/jobs").json()
    assert [row["id"].partition(":")[0] for row in body["jobs"]] == [
        "lifecycle",
        "replication",
        "maintenance",
    ]
    for row in body["jobs"]:
        fits(shapes.JobRow, row)
    fits(shapes.JobAnswer, boss.get(f"{ADMIN}/jobs/{job.public_id}").json())


def test_runs_and_failures_of_a_rule_have_the_shapes_of_the_document(boss: Client) -> None:
    job = make_rule(status="succeeded")
    make_failed_object(job, make_run(job, errors=1, detail={"followed": True}), "firmware/a/b")
    (run,) = boss.get(f"{ADMIN}/jobs/{job.public_id}/runs").json()["runs"]
    fits(shapes.RunRow, run)
    assert run["mode"] == "reconcile" and run["detail"] == {"followed": True}
    (failure,) = boss.get(f"{ADMIN}/jobs/{job.public_id}/failures").json()["failures"]
    fits(shapes.FailureRow, failure)
    assert (failure["source_key"], failure["dest_key"]) == ("firmware/a/b", "a/b")


def test_answers_to_actions_have_the_shapes_of_the_document(boss: Client) -> None:
    make_bucket("db-archive", objects=1)
    old = ENTRY | {"prefix": "", "after_s": None, "on_date_ms": 1}
    rule = make_rule("lifecycle", "expire", spec=LIFECYCLE | {"rules": [old]})
    preview = boss.post(f"{ADMIN}/jobs/{rule.public_id}/preview")
    assert preview.status_code == 200
    fits(shapes.PreviewAnswer, preview.json())
    fits(shapes.Candidate, preview.json()["candidates"][0])
    paused = boss.post(f"{ADMIN}/jobs/{rule.public_id}/pause")
    assert paused.status_code == 204 and not paused.content
    begun = boss.post(f"{ADMIN}/jobs/{make_rule().public_id}/run-now")
    assert begun.status_code == 202
    fits(shapes.BegunRun, begun.json())


@pytest.mark.parametrize("query", ["trigger=x", "paused=yes", "sort=rule", "limit=0"])
def test_a_wrong_parameter_is_a_bad_request(boss: Client, query: str) -> None:
    assert boss.get(f"{ADMIN}/jobs?{query}").status_code == 400


def test_without_a_limit_every_rule_is_listed_and_with_one_no_more_than_that(boss: Client) -> None:
    for number in range(60):
        make_rule("lifecycle", f"r{number:02}")
    make_job("failed")
    assert len(boss.get(f"{ADMIN}/jobs").json()["jobs"]) == 61
    assert len(boss.get(f"{ADMIN}/jobs?trigger=scheduled&q=r0").json()["jobs"]) == 10
    first = boss.get(f"{ADMIN}/jobs?limit=59").json()
    assert len(first["jobs"]) == 59
    rest = boss.get(f"{ADMIN}/jobs?limit=59&cursor={first['next_cursor']}").json()["jobs"]
    assert rest[0]["id"] == "lifecycle:r59" and len(rest) == 2


def test_a_rule_makes_no_bucket_busy(boss: Client) -> None:
    make_rule(status="running")
    assert boss.get(f"{ADMIN}/jobs/bucket/releases").json() == {"active": None}
