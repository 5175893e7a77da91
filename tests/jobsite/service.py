"""The whole service as `manage.py serve` runs it, in a home and on a port of its own."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 120.0
CLUSTER, EVENTS = " cluster $", " cluster --lane events $"
"""The command lines of the clusters, for `Service.child`."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(what: Callable[[], Any], seconds: float, why: str = "") -> Any:
    """The first true answer of `what`; AssertionError when the time is over."""
    deadline = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < deadline, why or "it did not happen in time"
        time.sleep(0.1)
    return answer


class Service:
    """A running `manage.py serve`. Credentials are known beforehand."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.home = folder / "home"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.access_key, self.secret_key = "test" + secrets.token_hex(6), secrets.token_hex(20)
        self.password = secrets.token_hex(10)
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SLUICEGATE_")},
            "SLUICEGATE_HOME": str(self.home),
            "SLUICEGATE_BIND": f"127.0.0.1:{self.port}",
            "SLUICEGATE_ROOT_ACCESS_KEY": self.access_key,
            "SLUICEGATE_ROOT_SECRET_KEY": self.secret_key,
            "SLUICEGATE_ADMIN_PASSWORD": self.password,
            **environ,
        }
        self.output = folder / "output"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                self.command("serve"), cwd=ROOT, env=self.environ, stdout=output, stderr=output
            )
        until(self.is_ready, START_SECONDS, "it did not become ready")

    def command(self, *words: str) -> list[str]:
        return [sys.executable, str(ROOT / "manage.py"), *words]

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body; status 0 if nobody answers."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()
        except OSError:
            return 0, b""

    def readiness(self) -> dict[str, str]:
        """The checks of /_/ready by name; empty if nobody answers."""
        status, body = self.get("/_/ready")
        return dict(json.loads(body)["checks"]) if status in (200, 503) else {}

    def is_ready(self) -> bool:
        assert self.process is None or self.process.poll() is None, self.output.read_text()[-3000:]
        return self.get("/_/ready")[0] == 200

    def processes(self) -> dict[int, tuple[int, str]]:
        """Every process below ours: pid -> (parent, command line)."""
        table: dict[int, tuple[int, str]] = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal():
                try:
                    stat = (folder / "stat").read_text().rpartition(")")[2].split()
                    line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                except OSError:
                    continue
                if stat[0] != "Z":
                    table[int(folder.name)] = (int(stat[1]), line)
        assert self.process is not None
        ours = {self.process.pid}
        for _ in range(6):
            ours |= {pid for pid, (parent, _) in table.items() if parent in ours}
        return {pid: table[pid] for pid in ours - {self.process.pid} if pid in table}

    def child(self, pattern: str) -> int:
        """The first process of the child whose command line matches the pattern; 0 while it is down."""
        assert self.process is not None
        top = self.process.pid
        children = ((pid, line) for pid, (parent, line) in self.processes().items() if parent == top)
        return next((pid for pid, line in children if re.search(pattern, line)), 0)

    def below(self, pid: int) -> list[int]:
        """The direct children of a process, oldest first."""
        return sorted(child for child, (parent, _) in self.processes().items() if parent == pid)

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 90.0) -> int:
        """Signal it and wait; the exit status. Asserts that nothing of it is left."""
        assert self.process is not None
        pids = self.processes()
        self.process.send_signal(number)
        status = self.process.wait(seconds)
        assert not [pid for pid in pids if _same(pid, pids[pid][1])]
        return status

    def kill(self) -> None:
        """The way out of a failed test."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def _same(pid: int, line: str) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode() == line != ""
    except OSError:
        return False
