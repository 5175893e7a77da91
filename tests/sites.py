"""A whole Sluicegate of a test's own: a home, a control database, and processes that act in it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.postgres import Cluster

ROOT = Path(__file__).resolve().parent.parent
REPLY_SECONDS = 30.0
GATEWAY_ALONE = {"DJANGO_SETTINGS_MODULE": "tests.gateway_settings"}
"""Environment of a process that needs nothing but the gateway."""


class ActorError(Exception):
    """What an actor was told to do raised an error there; `kind` is the name of its class."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


class Actor:
    """A process that does what it is told (`tests.actor`), one command after the other."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def send(self, do: str, **arguments: Any) -> None:
        """Give a command without waiting for its end."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self.process.stdin.flush()

    def answered(self, seconds: float) -> bool:
        """Whether an answer is there, or comes within that time."""
        assert self.process.stdout is not None
        waiting = select.poll()  # select() knows no descriptor above 1023
        waiting.register(self.process.stdout, select.POLLIN)
        return bool(waiting.poll(seconds * 1000))

    def receive(self, seconds: float = REPLY_SECONDS) -> Any:
        """The answer to the command that was sent. Raises ActorError, TimeoutError."""
        assert self.process.stdout is not None
        if not self.answered(seconds):
            raise TimeoutError(f"no answer within {seconds} s")
        line = self.process.stdout.readline()
        if not line:
            raise EOFError(f"the actor has ended: {self.process.wait(5)}")
        answer = json.loads(line)
        if "error" in answer:
            raise ActorError(answer["error"], answer["message"])
        return answer["value"]

    def call(self, do: str, **arguments: Any) -> Any:
        """Give a command and wait for the answer."""
        self.send(do, **arguments)
        return self.receive()

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.process.kill()
        self.process.wait()


@dataclass
class Site:
    """One home and one control database; `env` makes a process belong to it."""

    home: Path
    env: dict[str, str]
    vendor: str
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, module: str, *arguments: str, **env: str) -> subprocess.Popen[str]:
        """Run a module in this site, with pipes to and from it; killed after the test at the latest."""
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env={**self.env, **env},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def actor(self, **env: str) -> Actor:
        """A new actor; it is ready when this returns."""
        actor = Actor(self.start("tests.actor", **GATEWAY_ALONE, **env))
        actor.receive()
        return actor

    def manage(self, *arguments: str) -> str:
        """Run a management command; what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env=self.env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def end(self) -> None:
        """Kill them and their own children, stopped ones too: those would keep the pipes open."""
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def _env(home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SLUICEGATE_")}
    return {
        **kept,
        "DJANGO_SETTINGS_MODULE": "jobsite.settings",
        "PYTHONWARNINGS": "error",
        "SLUICEGATE_HOME": str(home),
        "SLUICEGATE_CONFIG": str(ROOT / "sluicegate.yaml"),
        "SLUICEGATE_MASTER_KEY": secrets.token_hex(32),
        "SLUICEGATE_SECRET_KEY": secrets.token_hex(32),
        **more,
    }


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a migrated control database, to be copied."""
    home = tmp_path_factory.mktemp("sqlite-template")
    Site(home, _env(home), "sqlite").manage("migrate", "-v0", "--skip-checks")
    return home


@pytest.fixture(scope="session")
def migrated_postgres(tmp_path_factory: pytest.TempPathFactory, postgres: Cluster) -> str:
    """The name of a migrated database, to be used as a template."""
    name = postgres.create_database()
    home = tmp_path_factory.mktemp("postgres-template")
    Site(home, _env(home, DATABASE_URL=postgres.url(name)), "postgresql").manage(
        "migrate", "-v0", "--skip-checks"
    )
    return name


@pytest.fixture
def sqlite_site(tmp_path: Path, migrated_sqlite: Path) -> Iterator[Site]:
    """A site whose control database is SQLite."""
    home = tmp_path / "site"
    shutil.copytree(migrated_sqlite, home)
    site = Site(home, _env(home), "sqlite")
    yield site
    site.end()


@pytest.fixture
def postgres_site(tmp_path: Path, postgres: Cluster, migrated_postgres: str) -> Iterator[Site]:
    """A site whose control database is PostgreSQL."""
    home = tmp_path / "site"
    home.mkdir()
    name = postgres.create_database(migrated_postgres)
    site = Site(home, _env(home, DATABASE_URL=postgres.url(name)), "postgresql")
    yield site
    site.end()


@pytest.fixture(params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest) -> Site:
    """The test runs once with each control database."""
    found = request.getfixturevalue({"sqlite": "sqlite_site", "postgresql": "postgres_site"}[request.param])
    assert isinstance(found, Site)
    return found


def stop(actor: Actor) -> None:
    """SIGSTOP, and wait until the process stands still."""
    actor.signal(signal.SIGSTOP)
    stat = Path(f"/proc/{actor.process.pid}/stat")
    while stat.read_text().rsplit(")", 1)[1].split()[0] != "T":
        time.sleep(0.005)
