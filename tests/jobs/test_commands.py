"""`manage.py migrate_bucket`, `jobs` and `tokens`: output, exit codes, refusals."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from jobs import actions
from jobs.management.commands import _watch
from jobs.models import ApiToken, Job
from jobs.presentation import job_row
from tests.jobs.windows import NOW, make_bucket, make_failure, make_job, two_backends

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(settings: Any, tmp_path: Path) -> None:
    two_backends(settings, tmp_path)


def run(*arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command(*arguments, stdout=out, stderr=err)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def test_a_migration_is_started_and_told_how_to_follow(site: None) -> None:
    make_bucket()
    code, out, _ = run("migrate_bucket", "photos", "archive")
    job = Job.objects.get()
    assert code == 0 and f"Started {job.public_id}" in out and f"jobs show {job.public_id}" in out
    assert job.created_by.startswith("command:") and job.triggered_by == "command"


@pytest.mark.parametrize(
    ("bucket", "target"), [("nothing", "archive"), ("photos", "nowhere"), ("photos", "local")]
)
def test_a_refusal_is_exit_code_2_and_one_line(site: None, bucket: str, target: str) -> None:
    make_bucket()
    code, out, err = run("migrate_bucket", bucket, target)
    assert code == 2 and not out and err.startswith("Refused (") and err.count("\n") == 1
    assert not Job.objects.exists()


def test_a_preview_starts_nothing(site: None) -> None:
    make_bucket(objects=2)
    code, out, _ = run("migrate_bucket", "photos", "archive", "--preview")
    assert code == 0 and "2 objects, 20 B" in out and "local -> archive" in out
    assert not Job.objects.exists()


def test_a_precopy_is_asked_for_by_a_flag_and_deletes_nothing(site: None) -> None:
    make_bucket(objects=2)
    _, out, _ = run("migrate_bucket", "photos", "archive", "--precopy", "--preview")
    assert "while clients write" in out and "Without precopy" in out
    assert run("migrate_bucket", "photos", "archive", "--precopy")[0] == 0
    assert Job.objects.get().mode == "precopy"


def test_deleting_needs_a_yes_where_nobody_can_be_asked(site: None, monkeypatch: pytest.MonkeyPatch) -> None:
    make_bucket()
    monkeypatch.setattr(sys, "stdin", io.StringIO("photos\n"))
    code, out, err = run("migrate_bucket", "photos", "archive", "--delete-source")
    assert code == 2 and "--yes" in err and "is deleted" in out and not Job.objects.exists()
    code, _, _ = run("migrate_bucket", "photos", "archive", "--delete-source", "--yes")
    assert code == 0 and Job.objects.get().spec["delete_source"] is True


@pytest.mark.parametrize(("typed", "code"), [("photos", 0), ("photo", 2), ("", 2)])
def test_on_a_terminal_the_buckets_name_is_typed(
    site: None, monkeypatch: pytest.MonkeyPatch, typed: str, code: int
) -> None:
    make_bucket()
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda prompt: typed)
    assert run("migrate_bucket", "photos", "archive", "--replace-target")[0] == code
    assert Job.objects.count() == (1 if code == 0 else 0)


@pytest.mark.parametrize(("status", "code"), [("succeeded", 0), ("failed", 1), ("cancelled", 1)])
def test_waiting_ends_with_the_jobs_end(
    site: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], status: str, code: int
) -> None:
    make_bucket()

    def a_worker_ends_it(seconds: float) -> None:
        Job.objects.update(status=status, finished_at=NOW, last_error="why")

    monkeypatch.setattr(_watch.time, "sleep", a_worker_ends_it)
    monkeypatch.setattr(_watch.watch, "__defaults__", (a_worker_ends_it,))
    ended, _, err = run("migrate_bucket", "photos", "archive", "--wait")
    assert ended == code and (code == 0 or "why" in err)
    assert status in capsys.readouterr().out


def test_ctrl_c_while_waiting_leaves_the_job_running_and_says_so(
    site: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_bucket()

    def ctrl_c(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_watch.watch, "__defaults__", (ctrl_c,))
    code, _, err = run("migrate_bucket", "photos", "archive", "--wait")
    job = Job.objects.get()
    assert code == 130 and job.status == "queued"
    assert f"{job.public_id} goes on" in err and f"jobs cancel {job.public_id}" in err


def test_a_terminal_gets_a_bar_and_a_pipe_gets_lines() -> None:
    job = make_job("running", phase="copy", phase_done=1, phase_total=2, processed=1200, total=2400)
    row = job_row(actions.lookup(actions.Actor("x", "y"), job.public_id), timezone.now())
    plain = _watch.line(row)
    assert plain == f"{job.public_id} running copy 25 % 1,200 of 2,400 objects, 0 B"
    bar = _watch.line(row, 100)
    assert bar == "[#####...............] running copy 25 %, 1,200 of 2,400 objects, 0 B"
    assert _watch.line(row, 60) == "[#####...............] running copy 25 %, 0 B"
    assert len(_watch.line(row, 20)) < 20


def test_jobs_are_listed_and_filtered() -> None:
    make_job("failed", bucket_name="logs")
    kept = make_job("running", phase="copy")
    code, out, _ = run("jobs", "list", "--status", "running")
    assert code == 0 and kept.public_id in out and "running (copy)" in out and "logs" not in out
    rows = json.loads(run("jobs", "list", "--json", "--limit", "1")[1])
    assert [row["id"] for row in rows["jobs"]] == [kept.public_id] and rows["next_cursor"]
    assert "No job matches" in run("jobs", "list", "--bucket", "nothing")[1]
    assert run("jobs", "list", "--limit", "0")[0] == 2


def test_a_hostile_name_does_not_reach_the_terminal() -> None:
    make_failure(make_job("failed"), key="a\x1b[2J\nb")
    out = run("jobs", "show", Job.objects.get().public_id)[1]
    assert "\x1b" not in out and "a\\x1b[2J\\nb" in out


def test_one_job_is_shown_with_its_failures() -> None:
    job = make_job("failed", phase="verify", failed=9, last_error="2 keys differ")
    make_failure(job, "BadDigest", "k1")
    out = run("jobs", "show", job.public_id)[1]
    assert "2 keys differ" in out and "1 x BadDigest" in out and "latest 1 of 9 failures" in out
    assert "stage > copy > verify (stopped) > flip > cleanup" in out
    body = json.loads(run("jobs", "show", job.public_id, "--json")[1])
    assert body["job"]["definition"]["kind"] == "migrate" and body["by_code"] == {"BadDigest": 1}
    assert run("jobs", "show", "maintenance:999")[0] == 2


def test_a_job_is_cancelled_and_tried_again(site: None) -> None:
    make_bucket()
    job = actions.start_migration(actions.Actor("x", "y"), "photos", "archive")
    assert "cancelled" in run("jobs", "cancel", job.public_id)[1]
    code, out, _ = run("jobs", "retry-failed", job.public_id, "--json")
    assert code == 0 and json.loads(out)["detail"]["parent"] == job.public_id
    assert run("jobs", "cancel", job.public_id)[0] == 2


def test_tokens_are_made_listed_and_revoked() -> None:
    code, token, err = run("tokens", "create", "ci", "--expires-days", "7")
    assert code == 0 and token.startswith("sgt_") and "not shown again" in err
    listed = run("tokens", "list")[1]
    assert "ci" in listed and token.strip() not in listed and "never" in listed
    assert run("tokens", "create", "ci")[0] == 2
    assert run("tokens", "revoke", "ci")[0] == 0 and not ApiToken.objects.exists()
    assert run("tokens", "revoke", "ci")[0] == 2
    assert "There is no token" in run("tokens", "list")[1]
