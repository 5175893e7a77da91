"""Jobs of the version before rules, after an upgrade."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.postgres import Cluster
from tests.sites import ROOT, _env

UPGRADE = """
import io, json
import django; django.setup()
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
call_command("migrate", "proxy", verbosity=0, skip_checks=True)
call_command("migrate", "jobs", "0003", verbosity=0, skip_checks=True)
old = MigrationExecutor(connection).loader.project_state([("jobs", "0003_audit_by_origin")]).apps
Job, Run, Failure = (old.get_model("jobs", name) for name in ("Job", "Run", "Failure"))
now = timezone.now()
def job(name, status, **more):
    return Job.objects.create(
        kind="migrate", subsystem="maintenance", name=name, bucket_id=name, bucket_name=name, gated=True,
        spec={"source_backend": "local", "target_backend": "archive"}, status=status, started_at=now, **more)
done = job("done", "succeeded", phase="cleanup", processed=2, total=2, finished_at=now, failed=1)
half = job("half", "running", phase="copy", token="k7", state={"key": "a\\ufdd0b"}, processed=7, total=9,
           holder="gone", epoch=3, lease_expires_ms=1, lease_clock="another")
run = Run.objects.create(job=done, triggered_by="api", started_at=now, finished_at=now, status="succeeded",
                         objects_processed=2, errors=1)
Run.objects.create(job=half, triggered_by="command", started_at=now)
Failure.objects.create(job=done, run=run, occurred_at=now, phase="cleanup", bucket="done", key="k", code="X",
                       message="no")

call_command("migrate", verbosity=0, skip_checks=True)
from jobs.models import Job
def told(*words):
    out = io.StringIO()
    call_command("jobs", *words, "--json", stdout=out, skip_checks=True)
    return json.loads(out.getvalue())
now = Job.objects.get(name="half")
print(json.dumps({
    "jobs": told("list")["jobs"], "done": told("show", "maintenance:1"),
    "half": told("runs", "maintenance:2"), "kept": [now.token, now.state],
}))
"""
"""A process that fills the tables of before, brings them up to date, and says what it finds then."""


@pytest.fixture(params=["sqlite", "postgresql"])
def upgraded(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """What is told after the upgrade."""
    database = {}
    if request.param == "postgresql":
        cluster: Cluster = request.getfixturevalue("postgres")
        database["DATABASE_URL"] = cluster.url(cluster.create_database())
    environ = _env(tmp_path, **database)
    done = subprocess.run(
        [sys.executable, "-c", UPGRADE], cwd=ROOT, env=environ, check=True, capture_output=True, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_jobs_of_before_are_read_as_they_were_and_can_go_on(upgraded: dict[str, Any]) -> None:
    half, done = upgraded["jobs"]
    assert (half["name"], half["trigger"], half["phase"]) == ("half", "oneoff", "copy")
    assert half["status"] == "running" and half["progress"]["processed"] == 7
    assert (done["status"], done["with_errors"], done["percent"]) == ("succeeded", True, 100)
    for row in (half, done):
        assert not {"enabled", "declared", "lifetime", "next_due_at"} & set(row)
    shown = upgraded["done"]
    assert [failure["object_key"] for failure in shown["failures"]] == ["k"]
    assert [run["objects_processed"] for run in shown["runs"]] == [2]
    assert "mode" not in shown["runs"][0] and "detail" not in shown["runs"][0]
    assert [run["status"] for run in upgraded["half"]["runs"]] == ["running"]
    assert upgraded["kept"] == ["k7", {"key": "a\ufdd0b"}]
