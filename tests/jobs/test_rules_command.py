"""`manage.py rules`: output, exit codes, and a file that is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jobs.models import AuditEntry, Job
from tests.jobs.conftest import ROOT, Scene
from tests.jobs.declaring import EXPIRE, Rules, buckets
from tests.jobs.test_commands import run

WRONG = EXPIRE.replace("90d", "90")


@pytest.fixture
def rules(settings: Any, tmp_path: Path, transactional_db: None) -> Rules:
    made = Rules(settings, tmp_path)
    buckets("dumps")
    made.write(lifecycle=EXPIRE)
    return made


def test_check_tells_what_would_change_and_sync_does_it(rules: Rules) -> None:
    code, out, err = run("rules", "check")
    assert (code, err) == (0, "")
    assert "a sync would change: 1 added, 0 changed, 0 removed, 0 unchanged" in out
    assert "lifecycle:expire" in out and not Job.objects.exists()
    code, out, _ = run("rules", "sync")
    assert code == 0 and "taken over: 1 added" in out
    entry = AuditEntry.objects.filter(job=None).get()
    assert entry.actor.startswith("command:") and entry.origin
    code, out, _ = run("rules", "list")
    assert code == 0 and out.splitlines()[1].split()[:2] == ["lifecycle:expire", "enabled"]


def test_a_file_that_is_wrong_is_exit_code_2_and_one_line_for_each_finding(rules: Rules) -> None:
    run("rules", "sync")
    rules.write(lifecycle=WRONG)
    where = f"{rules.path}:{rules.line_of('expire_after: 90')}: "
    for command in ("check", "sync"):
        code, out, err = run("rules", command)
        assert (code, out) == (2, "")
        first, last = err.splitlines()
        assert first.startswith(where) and last == "The rules stay as they were."
    code, out, err = run("rules", "list")
    assert code == 0 and "lifecycle:expire" in out and where in err


def test_json_has_the_shapes_of_the_api(rules: Rules) -> None:
    code, out, _ = run("rules", "sync", "--json")
    assert (code, json.loads(out)["added"]) == (0, 1)
    assert json.loads(run("rules", "list", "--json")[1])["rules"][0]["id"] == "lifecycle:expire"
    rules.write(lifecycle=WRONG)
    code, out, err = run("rules", "check", "--json")
    assert (code, err, json.loads(out)["refused"]) == (2, "", True)
    code, out, err = run("rules", "sync", "--json")
    assert (code, err, json.loads(out)["code"]) == (2, "", "RulesRefused")


def _start(environment: dict[str, str], *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "manage.py", *words]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.crash
def test_of_processes_that_sync_at_once_one_adds_the_rule(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "sluicegate.yaml").write_text(
        "storage:\n  backends: [{name: local, type: filesystem, path: here}]\n  default_backend: local\n"
        "  lifecycle: {rules: [{name: tidy, bucket: dumps, abort_multipart_after: 7d}]}\n"
    )
    environment = {**scene.environment, "SLUICEGATE_CONFIG": str(tmp_path / "sluicegate.yaml")}
    Scene(environment)("bucket_named", "dumps")
    processes = [_start(environment, "rules", "sync", "--json") for _ in range(3)]
    answers = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], answers
    assert sorted(json.loads(out)["added"] for out, _ in answers) == [0, 0, 1]
