"""What can be done to a rule in which state: the whole matrix, over the API, and what each leaves behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from jobs import actions, standing
from jobs.actions import Actor, Right
from jobs.errors import Conflict, Forbidden
from jobs.kinds import KINDS
from jobs.kinds.base import Action
from jobs.models import AuditEntry, Job, Run
from tests.jobs.rule_rows import first_mode, make_failed_object, make_rule, make_run
from tests.jobs.windows import ADMIN, logged_in, make_bucket, make_job, make_user, two_backends

pytestmark = pytest.mark.django_db

BOSS = Actor("admin", "10.0.0.1")
READER = Actor("reader", "10.0.0.2", frozenset({Right.VIEW}))
ACTIONS = ("pause", "resume", "run-now", "verify", "preview", "retry-failed", "cancel", "confirm")
STATES: dict[str, dict[str, Any]] = {
    "idle": {},
    "queued": {"status": "queued"},
    "running": {"status": "running"},
    "following": {"status": "running", "mode": "events"},
    "succeeded": {"status": "succeeded"},
    "failed": {"status": "failed"},
    "failing": {"status": "succeeded", "failing": True},
    "paused": {"paused": True},
    "paused queued": {"status": "queued", "paused": True},
    "paused failing": {"paused": True, "failing": True},
    "disabled": {"enabled": False},
    "disabled failing": {"enabled": False, "failing": True},
    "withdrawn": {"enabled": False, "declared": False, "failing": True},
}
MATRIX: dict[str, dict[str, tuple[int, ...]]] = {
    "replication": {
        "idle": (204, 409, 202, 202, 405, 409, 405, 405),
        "queued": (204, 409, 409, 409, 405, 409, 405, 405),
        "running": (204, 409, 409, 409, 405, 409, 405, 405),
        "following": (204, 409, 202, 202, 405, 409, 405, 405),
        "succeeded": (204, 409, 202, 202, 405, 409, 405, 405),
        "failed": (204, 409, 202, 202, 405, 409, 405, 405),
        "failing": (204, 409, 202, 202, 405, 202, 405, 405),
        "paused": (409, 204, 202, 202, 405, 409, 405, 405),
        "paused queued": (409, 204, 202, 202, 405, 409, 405, 405),
        "paused failing": (409, 204, 202, 202, 405, 202, 405, 405),
        "disabled": (204, 409, 202, 202, 405, 409, 405, 405),
        "disabled failing": (204, 409, 202, 202, 405, 202, 405, 405),
        "withdrawn": (409, 409, 409, 409, 405, 409, 405, 405),
    },
    "lifecycle": {
        "idle": (204, 409, 202, 405, 200, 409, 405, 405),
        "queued": (204, 409, 409, 405, 200, 409, 405, 405),
        "running": (204, 409, 409, 405, 200, 409, 405, 405),
        "succeeded": (204, 409, 202, 405, 200, 409, 405, 405),
        "failed": (204, 409, 202, 405, 200, 409, 405, 405),
        "failing": (204, 409, 202, 405, 200, 202, 405, 405),
        "paused": (409, 204, 409, 405, 200, 409, 405, 405),
        "paused queued": (409, 204, 409, 405, 200, 409, 405, 405),
        "paused failing": (409, 204, 409, 405, 200, 409, 405, 405),
        "disabled": (204, 409, 409, 405, 200, 409, 405, 405),
        "disabled failing": (204, 409, 409, 405, 200, 409, 405, 405),
        "withdrawn": (409, 409, 409, 405, 409, 409, 405, 405),
    },
}
SUPPORTED = {
    "replication": ["pause", "resume", "retry-failed", "run-now", "verify"],
    "lifecycle": ["pause", "preview", "resume", "retry-failed", "run-now"],
}
ONE_OFFS: dict[str, tuple[int, ...]] = {
    "queued": (405, 405, 405, 405, 405, 409, 202, 405),
    "cancelling": (405, 405, 405, 405, 405, 409, 409, 405),
    "succeeded": (405, 405, 405, 405, 405, 409, 409, 405),
    "cancelled": (405, 405, 405, 405, 405, 202, 409, 405),
}


@pytest.fixture
def site(settings: Any, tmp_path: Path) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    two_backends(settings, tmp_path)
    make_bucket("db-archive")
    make_bucket("photos")


@pytest.fixture
def boss(site: None) -> Client:
    return logged_in(make_user())


def rule_in(kind: str, state: str) -> Job:
    columns = dict(STATES[state])
    failing = columns.pop("failing", False)
    job = make_rule(kind, **columns)
    if failing:
        make_failed_object(job, make_run(job, errors=1))
    return job


@pytest.mark.parametrize(("kind", "state"), [(kind, state) for kind in MATRIX for state in MATRIX[kind]])
def test_the_matrix_of_rules(boss: Client, kind: str, state: str) -> None:
    for action, expected in zip(ACTIONS, MATRIX[kind][state], strict=True):
        job = rule_in(kind, state)
        before = Run.objects.filter(job=job).count()
        answer = boss.post(f"{ADMIN}/jobs/{job.public_id}/{action}")
        told = f"{action}: {answer.status_code} {answer.content.decode()}"
        assert answer.status_code == expected, told
        outcome = AuditEntry.objects.get(action=action).detail["outcome"]
        assert outcome == ("done" if expected < 300 else "refused"), told
        assert Run.objects.filter(job=job).count() == before + (expected == 202), told
        if expected == 405:
            assert answer["Allow"] == "OPTIONS" and answer.json()["supported"] == SUPPORTED[kind]
        if expected == 409:
            assert answer.json()["error"].endswith(".") and action in answer.json()["error"]
        assert (action in boss.get(f"{ADMIN}/jobs/{job.public_id}").json()["actions"]) is _still(
            boss, action, expected
        )
        AuditEntry.objects.all().delete()
        job.delete()


def _still(boss: Client, action: str, code: int) -> bool:
    """Whether the row offers the action after it was asked for: only a preview changes nothing."""
    return action == "preview" and code == 200


@pytest.mark.parametrize("status", ONE_OFFS)
def test_the_matrix_of_one_offs(boss: Client, status: str) -> None:
    for action, expected in zip(ACTIONS, ONE_OFFS[status], strict=True):
        job = make_job(status)
        answer = boss.post(f"{ADMIN}/jobs/{job.public_id}/{action}")
        assert answer.status_code == expected, (action, answer.content)
        Job.objects.update(status="cancelled")


def test_every_action_that_a_kind_of_rules_has_is_in_the_matrix() -> None:
    for name, supported in SUPPORTED.items():
        assert {action.value for action in KINDS[name].actions} == set(supported)
    assert set(ACTIONS) == {action.value for action in Action}


def test_an_unknown_action_is_404(boss: Client) -> None:
    assert boss.post(f"{ADMIN}/jobs/{make_rule().public_id}/explode").status_code == 404


@pytest.mark.parametrize("action", ["pause", "resume", "run-now", "verify", "retry-failed"])
def test_who_may_only_look_begins_nothing(site: None, action: str) -> None:
    job = rule_in("replication", "paused failing" if action == "resume" else "failing")
    with pytest.raises(Forbidden):
        actions.perform(READER, job.public_id, action)
    assert Run.objects.filter(job=job).count() == 1
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.detail["outcome"]) == ("reader", action, "refused")


def test_who_may_only_look_may_preview(site: None) -> None:
    done = actions.perform(READER, make_rule("lifecycle").public_id, "preview")
    assert done.preview is not None and done.preview["totals"] == {} and done.preview["exact"]


# -- what the actions do ---------------------------------------------------------------------


def test_a_run_that_was_asked_for_is_queued_in_the_first_mode_and_told(boss: Client) -> None:
    job = make_rule("replication", kept={"reconcile": ["reconcile", "k5"]})
    body = boss.post(f"{ADMIN}/jobs/{job.public_id}/run-now").json()
    job.refresh_from_db()
    assert (job.status, job.mode, job.phase, job.token) == ("queued", "reconcile", "reconcile", "k5")
    run = Run.objects.get()
    assert body["id"] == run.pk and body["job"] == "replication:mirror" and body["job_id"] == job.pk
    assert (body["mode"], body["status"], body["triggered_by"]) == ("reconcile", "queued", "run-now")
    assert AuditEntry.objects.get().detail["run"] == run.pk


@pytest.mark.parametrize(
    ("kind", "columns", "anyway"),
    [
        ("replication", {"paused": True}, True),
        ("replication", {"enabled": False}, True),
        ("replication", {}, False),
        ("lifecycle", {}, False),
    ],
)
def test_only_rules_that_run_at_will_run_against_their_switches(
    site: None, kind: str, columns: dict[str, Any], anyway: bool
) -> None:
    job = make_rule(kind, **columns)
    actions.run_now(BOSS, job.public_id)
    job.refresh_from_db()
    assert job.run_anyway is anyway and job.paused is columns.get("paused", False)


def test_verify_begins_a_run_that_only_compares(site: None) -> None:
    job = make_rule()
    done = actions.verify(Actor("ci", "h", channel="command"), job.public_id)
    assert done.run is not None and (done.run.mode, done.run.triggered_by) == ("verify", "command")


def test_retry_takes_the_keys_that_no_run_has_looked_at_since(site: None) -> None:
    job = make_rule(status="succeeded")
    first = make_run(job, errors=2)
    for key in ("firmware/old", "firmware/older"):
        make_failed_object(job, first, key)
    second = make_run(job, errors=1)
    make_failed_object(job, second, "firmware/b")
    third = make_run(job, "events", errors=2)
    for key in ("firmware/c", "firmware/b"):
        make_failed_object(job, third, key)
    make_failed_object(job, third, "", "WorkerLost")
    make_failed_object(job, make_run(job, "verify"), "firmware/d")
    actions.retry_failed(BOSS, job.public_id)
    job.refresh_from_db()
    assert job.keys == ["firmware/b", "firmware/c", "firmware/d"] and job.mode == "retry"


def test_an_unfinished_run_has_not_looked_at_everything(site: None) -> None:
    job = make_rule(status="succeeded")
    make_failed_object(job, make_run(job, errors=1))
    make_run(job, detail={"unfinished": True})
    assert "retry-failed" in _offered(job)
    make_run(job)
    assert "retry-failed" not in _offered(job)


def _offered(job: Job) -> list[str]:
    from jobs.presentation import available

    return available(actions.lookup(BOSS, job.public_id))


def test_a_failure_of_a_run_as_a_whole_is_nothing_to_try_again(site: None) -> None:
    job = make_rule(status="failed")
    make_failed_object(job, make_run(job, status="failed"), "", "WorkerLost")
    with pytest.raises(Conflict, match="no object has failed"):
        actions.retry_failed(BOSS, job.public_id)


def test_a_run_that_was_begun_by_somebody_else_meanwhile_is_a_conflict(
    site: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_rule()
    real = standing.enqueue

    def slower(*given: Any, **named: Any) -> Run | None:
        assert real(job, first_mode("replication"), "scheduler") is not None
        return real(*given, **named)

    monkeypatch.setattr(standing, "enqueue", slower)
    with pytest.raises(Conflict, match="a run is on its way"):
        actions.run_now(BOSS, job.public_id)
    assert AuditEntry.objects.get().detail["outcome"] == "refused"
    assert not Run.objects.exists(), "what was begun inside of the refused transaction went with it"


def test_pause_and_resume_change_nothing_but_that(site: None) -> None:
    job = make_rule(status="running", phase="reconcile", token="k5")
    assert actions.pause(BOSS, job.public_id).shown.job.paused
    assert actions.resume(BOSS, job.public_id).shown.job.paused is False
    job.refresh_from_db()
    assert (job.status, job.token) == ("running", "k5")


def test_a_preview_of_a_bucket_that_is_gone_is_404(boss: Client) -> None:
    job = make_rule("lifecycle", bucket_name="nothing")
    assert boss.post(f"{ADMIN}/jobs/{job.public_id}/preview").status_code == 404
