"""Rules that are taken over by a running `manage.py serve`: at its start, and on SIGHUP."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.leases import started
from tests.jobsite.service import ROOT, Service, until

WAIT_SECONDS = 30.0
FRAME = """\
storage:
  backends: [{name: local, type: filesystem, path: here}]
  default_backend: local
  lifecycle:
    rules:
"""
RULE = "      - {{name: {name}, bucket: {bucket}, abort_multipart_after: {age}}}\n"

pytestmark = [pytest.mark.timeout(300), pytest.mark.crash]


class Ruled(Service):
    """A service whose file can be written anew; `photos` is a bucket of it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "sluicegate.yaml"
        super().__init__(folder, SLUICEGATE_CONFIG=str(self.file))

    def write(self, *rules: tuple[str, str, str]) -> None:
        lines = [RULE.format(name=name, bucket=bucket, age=age) for name, bucket, age in rules]
        self.file.write_text(FRAME + ("".join(lines) or "      []\n"))

    def state(self) -> dict[str, Any]:
        """What `manage.py rules list --json` says."""
        done = self.run("rules", "list", "--json")
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command beside the running server."""
        return subprocess.run(
            self.command(*words), cwd=ROOT, env=self.environ, capture_output=True, text=True
        )

    def attempted_after(self, at: Any) -> dict[str, Any]:
        """The state after another attempt than that one."""
        state: dict[str, Any] = {}

        def is_there() -> bool:
            state.update(self.state())
            return "last_attempt" in state and state["last_attempt"] != at

        until(is_there, WAIT_SECONDS, "the rules were not looked at")
        return state

    def make_bucket(self, name: str) -> None:
        script = f"from tests.jobs.support import make_bucket; make_bucket({name!r})"
        assert self.run("shell", "-c", script).returncode == 0

    def processes_of_children(self) -> dict[str, list[int]]:
        """Processes by child."""
        words = ("gunicorn", "scheduler")
        return {word: [self.child(word), *self.below(self.child(word))] for word in words}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ruled]:
    running = Ruled(tmp_path_factory.mktemp("reload"))
    running.write(("tidy", "photos", "7d"))
    try:
        running.start()
        yield running
    finally:
        running.kill()


def _ids(state: dict[str, Any]) -> list[str]:
    return [rule["id"] for rule in state["rules"]]


def test_a_server_starts_with_a_rule_whose_bucket_is_missing_and_says_so(service: Ruled) -> None:
    state = service.attempted_after(None)
    [finding] = state["last_attempt"]["findings"]
    assert finding == {"line": 6, "text": "lifecycle rule 'tidy': there is no bucket 'photos'"}
    assert (state["rules"], "in_force_since" in state) == ([], False)
    assert f"rules refused: {service.file}:6: " in service.output.read_text()


def test_a_hangup_of_the_server_takes_the_rules_over_and_restarts_nobody(service: Ruled) -> None:
    processes, last = service.processes_of_children(), service.state()["last_attempt"]
    service.make_bucket("photos")
    assert service.process is not None
    service.process.send_signal(signal.SIGHUP)
    state = service.attempted_after(last)
    assert _ids(state) == ["lifecycle:tidy"]
    assert (state["last_attempt"]["by"], state["last_attempt"]["refused"]) == ("scheduler: SIGHUP", False)
    assert service.processes_of_children() == processes


def test_a_hangup_with_a_bad_file_changes_nothing_and_the_server_goes_on(service: Ruled) -> None:
    before, processes = service.state(), service.processes_of_children()
    service.write(("tidy", "photos", "7"))
    assert service.process is not None
    service.process.send_signal(signal.SIGHUP)
    state = service.attempted_after(before["last_attempt"])
    assert [finding["line"] for finding in state["last_attempt"]["findings"]] == [6]
    assert (state["rules"], state["in_force_since"]) == (before["rules"], before["in_force_since"])
    assert service.processes_of_children() == processes and service.is_ready()


def test_with_a_bad_file_in_place_children_that_are_lost_come_back(service: Ruled) -> None:
    lost = {word: service.child(word) for word in ("gunicorn", "scheduler")}
    for pid in lost.values():
        os.kill(pid, signal.SIGKILL)
    until(lambda: service.is_ready() and all(service.child(word) not in (0, lost[word]) for word in lost), 60)
    state = service.state()
    assert state["last_attempt"]["refused"] and _ids(state) == ["lifecycle:tidy"]
    assert stat.S_IMODE((service.home / "config_at_start.yaml").stat().st_mode) == 0o600


def test_a_file_that_ends_every_other_command_is_told_of_by_the_command_for_rules(service: Ruled) -> None:
    before = service.state()
    service.file.write_text("storage: [\n")
    sync, other = service.run("rules", "sync"), service.run("jobs", "list")
    assert (sync.returncode, other.returncode) == (2, 1)
    assert f"{service.file}:2: not YAML" in sync.stderr and f"{service.file}:2: not YAML" in other.stderr
    state = service.state()
    assert state["last_attempt"]["refused"] and state["last_attempt"]["by"].startswith("command:")
    assert state["rules"] == before["rules"]


def test_the_scheduler_itself_can_be_told_and_hangups_in_a_row_are_all_heard(service: Ruled) -> None:
    scheduler = service.child("scheduler")
    service.write(("tidy", "photos", "7d"), ("tidier", "photos", "1d"))
    for _ in range(20):
        os.kill(scheduler, signal.SIGHUP)
    until(lambda: _ids(service.state()) == ["lifecycle:tidier", "lifecycle:tidy"], WAIT_SECONDS)
    service.write(("tidier", "photos", "1d"))
    os.kill(scheduler, signal.SIGHUP)
    until(lambda: _ids(service.state()) == ["lifecycle:tidier"], WAIT_SECONDS)
    assert started(scheduler) is not None
    assert service.stop() == 0
