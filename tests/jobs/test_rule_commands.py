"""`manage.py jobs` on rules: output, exit codes, following a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.management.commands import _watch
from jobs.models import Job, Run
from tests.jobs.rule_rows import LIFECYCLE, make_failed_object, make_rule, make_run
from tests.jobs.test_commands import run
from tests.jobs.windows import NOW, make_bucket, make_job, two_backends

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(settings: Any, tmp_path: Path) -> None:
    two_backends(settings, tmp_path)


def test_the_list_shows_rules_first_with_what_holds_them() -> None:
    make_job("succeeded")
    make_rule(paused=True)
    make_rule("lifecycle", "expire", "succeeded")
    code, out, _ = run("jobs", "list")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert code == 0 and lines[1].startswith("lifecycle:expire succeeded 100 %")
    assert lines[2].startswith("replication:mirror idle, paused - 0 - -") and "maintenance:" in lines[3]
    rows = json.loads(run("jobs", "list", "--json", "--trigger", "continuous")[1])["jobs"]
    assert [row["id"] for row in rows] == ["replication:mirror"]
    assert "No job matches" in run("jobs", "list", "--paused", "true", "--kind", "lifecycle")[1]


def test_one_rule_is_shown_with_its_scope_and_what_is_next() -> None:
    job = make_rule(lifetime_objects=1234, lifetime_bytes=2048)
    out = run("jobs", "show", job.public_id)[1]
    assert "releases/firmware/ -> releases-dr" in out and "continuous; next run: 20" in out
    assert "in all its runs: 1,234 objects, 2.00 KiB" in out
    body = json.loads(run("jobs", "show", job.public_id, "--json")[1])
    assert "- name: mirror" in body["job"]["definition"]["yaml"]


def test_what_verify_found_is_told_with_what_mends_it() -> None:
    sample = {"key": "a\n", "reason": "The destination has no such object.", "fix": "The next reconcile."}
    found = {
        "began_ms": 1,
        "finished_ms": 2,
        "counts": {"in_sync": 1234, "missing": 1},
        "samples": {"missing": [sample]},
    }
    job = make_rule(state={"verify": found, "remark": "The source feeds no changes."})
    out = run("jobs", "show", job.public_id)[1]
    assert "verify: 1,234 in sync, 1 missing; nothing was changed" in out
    assert "missing  a\\n  The destination has no such object.  The next reconcile." in out
    assert "note: The source feeds no changes." in out


def test_failures_that_a_later_run_looked_at_are_told_to_be_past() -> None:
    job = make_rule(status="succeeded")
    make_failed_object(job, make_run(job, errors=1))
    assert "latest 1 of 1 failures:" in run("jobs", "show", job.public_id)[1]
    make_run(job, "retry")
    out = run("jobs", "show", job.public_id)[1]
    assert "latest 1 of 1 failures. A later run has looked at all of these objects again." in out


def test_its_runs_are_a_table() -> None:
    job = make_rule()
    assert "has not run yet" in run("jobs", "runs", job.public_id)[1]
    make_run(job, "events", objects_processed=1234, triggered_by="event")
    make_run(job, status="idle", status_raw="deferred")
    code, out, _ = run("jobs", "runs", job.public_id)
    lines = out.splitlines()
    assert code == 0 and "deferred" in lines[1] and "reconcile" in lines[1]
    assert "events" in lines[2] and "1,234" in lines[2] and "10 s" in lines[2]
    rows = json.loads(run("jobs", "runs", job.public_id, "--json")[1])["runs"]
    assert [row["status_raw"] for row in rows] == ["deferred", "succeeded"]
    assert run("jobs", "runs", "replication:nothing")[0] == 2


def test_a_rule_is_paused_and_resumed() -> None:
    job = make_rule()
    code, out, _ = run("jobs", "pause", job.public_id)
    assert code == 0 and out.startswith(job.public_id) and out.endswith(", paused\n")
    assert Job.objects.get().paused
    code, _, err = run("jobs", "pause", job.public_id)
    assert code == 2 and "it is paused already" in err
    assert run("jobs", "resume", job.public_id)[0] == 0 and not Job.objects.get().paused


def test_a_run_is_begun_and_told() -> None:
    job = make_rule()
    code, out, _ = run("jobs", "run-now", job.public_id)
    assert code == 0 and out == f"replication:mirror: run {Run.objects.get().pk} began.\n"
    code, _, err = run("jobs", "verify", job.public_id)
    assert code == 2 and "a run is on its way" in err
    assert run("jobs", "preview", job.public_id)[0] == 2


def test_json_of_a_run_that_began_is_the_apis() -> None:
    job = make_rule(status="succeeded")
    make_failed_object(job, make_run(job, errors=1))
    body = json.loads(run("jobs", "retry-failed", job.public_id, "--json")[1])
    assert body["mode"] == "retry" and body["job"] == job.public_id and body["job_id"] == job.pk
    assert body["id"] == Run.objects.latest("pk").pk and body["triggered_by"] == "command"


def test_a_preview_is_told_line_by_line(site: None) -> None:
    make_bucket("db-archive", objects=2)
    old = dict(LIFECYCLE["rules"][0]) | {"prefix": "", "after_s": None, "on_date_ms": 1}
    make_rule("lifecycle", "expire", spec=LIFECYCLE | {"rules": [old]})
    code, out, _ = run("jobs", "preview", "lifecycle:expire")
    assert code == 0 and "db-archive on local: 2 looked at; nothing was changed" in out
    assert "delete: 2 objects, 20 B" in out and "k0" in out and "k1" in out
    body = json.loads(run("jobs", "preview", "lifecycle:expire", "--json")[1])
    assert body["totals"] == {"delete": {"objects": 2, "bytes": 20}} and len(body["candidates"]) == 2


@pytest.mark.parametrize(
    ("status", "raw", "errors", "code", "told"),
    [
        ("succeeded", "", 0, 0, ""),
        ("succeeded", "", 3, 0, "succeeded with errors"),
        ("failed", "", 0, 1, "failed: why"),
        ("idle", "deferred", 0, 1, "deferred: why"),
    ],
)
def test_waiting_ends_with_the_end_of_that_run(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    status: str,
    raw: str,
    errors: int,
    code: int,
    told: str,
) -> None:
    job = make_rule()

    def a_worker_ends_it(seconds: float) -> None:
        facts = {"status": status, "status_raw": raw, "errors": errors, "finished_at": NOW}
        Run.objects.update(**facts)
        Job.objects.update(status=status, last_error="why")

    monkeypatch.setattr(_watch.watch, "__defaults__", (a_worker_ends_it,))
    ended, _, err = run("jobs", "run-now", job.public_id, "--wait")
    assert ended == code and told in err and (told or not err)
    assert "replication:mirror queued" in capsys.readouterr().out


def test_ctrl_c_leaves_the_run_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    job = make_rule()

    def ctrl_c(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_watch.watch, "__defaults__", (ctrl_c,))
    code, _, err = run("jobs", "verify", job.public_id, "--wait")
    assert code == 130 and "goes on" in err and Job.objects.get().status == "queued"
