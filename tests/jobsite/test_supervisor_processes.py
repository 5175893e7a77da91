"""The supervisor over real processes that are really killed and really stopped."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobs.leases import started

ROOT = Path(__file__).resolve().parents[2]


def _until(what: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    return started(pid) is not None


class Toys:
    """The toy supervisor and its children, by name."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.folder, self.names = folder, names
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, str(Path(__file__).with_name("supervised.py")), str(folder), *names]
        self.output = folder / "output"
        with self.output.open("w") as output:
            self.process = subprocess.Popen(command, env=environ, stdout=output)

    def pid_other_than(self, name: str, old: int) -> int:
        """The child's pid once it is there and not `old` any more."""
        path = self.folder / f"{name}.pid"
        _until(lambda: path.exists() and int(path.read_text()) != old)
        return int(path.read_text())

    def ends(self) -> list[str]:
        path = self.folder / "ends"
        return path.read_text().split() if path.exists() else []

    def finish(self, number: signal.Signals) -> str:
        self.process.send_signal(number)
        self.process.wait(timeout=30)
        return self.output.read_text().strip()


@pytest.fixture
def toys(tmp_path: Path) -> Iterator[Callable[..., Toys]]:
    made: list[Toys] = []

    def make(*names: str) -> Toys:
        made.append(Toys(tmp_path, *names))
        return made[-1]

    yield make
    for each in made:
        each.process.kill()
        each.process.wait()


def test_a_child_that_is_killed_takes_its_group_along_and_comes_back(toys: Callable[..., Toys]) -> None:
    running = toys("worker", "other")
    helper, worker, other = (running.pid_other_than(name, 0) for name in ("helper", "worker", "other"))
    os.kill(worker, signal.SIGKILL)
    running.pid_other_than("worker", worker)
    running.pid_other_than("helper", helper)
    assert not _alive(helper)
    assert running.pid_other_than("other", 0) == other


def test_a_child_that_is_stopped_is_replaced(toys: Callable[..., Toys]) -> None:
    running = toys("worker")
    worker = running.pid_other_than("worker", 0)
    os.kill(worker, signal.SIGSTOP)
    running.pid_other_than("worker", worker)
    assert not _alive(worker)


def test_one_signal_ends_all_in_their_order(toys: Callable[..., Toys]) -> None:
    running = toys("worker", "other")
    pids = [running.pid_other_than(name, 0) for name in ("worker", "other", "helper")]
    assert running.finish(signal.SIGINT) == "went by themselves"
    assert running.ends() == ["worker", "other"]
    assert not any(map(_alive, pids))


def test_a_hangup_is_for_the_child_that_reloads(toys: Callable[..., Toys]) -> None:
    running = toys("worker", "other")
    pids = [running.pid_other_than(name, 0) for name in ("worker", "other")]
    running.process.send_signal(signal.SIGHUP)
    reloads = running.folder / "reloads"
    _until(reloads.exists)
    assert running.finish(signal.SIGTERM) == "went by themselves"
    assert reloads.read_text().split() == ["worker"]
    assert running.ends() == ["worker", "other"]
    assert not any(map(_alive, pids))


def test_a_terminal_that_is_closed_ends_all(tmp_path: Path) -> None:
    script = str(Path(__file__).with_name("supervised.py"))
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["PYTHONPATH"] = str(ROOT)
        os.execv(sys.executable, [sys.executable, script, str(tmp_path), "other"])
    _until((tmp_path / "other.pid").exists)
    other = int((tmp_path / "other.pid").read_text())
    os.close(terminal)
    os.waitpid(pid, 0)
    assert not _alive(other)
    assert (tmp_path / "ends").read_text().split() == ["other"]


def test_who_does_not_end_in_time_is_killed(toys: Callable[..., Toys]) -> None:
    running = toys("stubborn", "other")
    stubborn = running.pid_other_than("stubborn", 0)
    assert running.finish(signal.SIGTERM) == "had to be killed"
    assert running.ends() == ["other"]
    assert not _alive(stubborn)


def test_children_do_not_outlive_a_supervisor_that_is_killed(toys: Callable[..., Toys]) -> None:
    running = toys("worker", "other")
    pids = [running.pid_other_than(name, 0) for name in ("worker", "other")]
    running.process.kill()
    _until(lambda: not any(map(_alive, pids)))
