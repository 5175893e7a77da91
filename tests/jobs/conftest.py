"""A site of its own for tests whose claims are about processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jobs import clock
from tests.jobs.machines import Machine

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Scene:
    """Runs a function of `tests.jobs.scenes` in a fresh process with this site's database."""

    environment: dict[str, str]

    def __call__(self, name: str, *arguments: Any, seconds: float = 150) -> str:
        """What it printed. Fails if it raised, killed itself, or took longer."""
        command = [sys.executable, "-m", "tests.jobs.scenes", name, *map(str, arguments)]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=seconds
        )
        assert done.returncode == 0, (
            f"{name}: {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-8000:]}"
        )
        return done.stdout


def _environment(home: Path, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "jobsite.settings",
        "SLUICEGATE_HOME": str(home),
        "PYTHONWARNINGS": "error",
        **more,
    }


def _migrate(environment: dict[str, str]) -> None:
    command = [sys.executable, "manage.py", "migrate", "-v0"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of leases is that of `Machine`."""
    monkeypatch.setattr(time, "clock_gettime_ns", lambda which: Machine.now_ms * 1_000_000)
    monkeypatch.setattr(clock, "clock_id", lambda: f"boot {Machine.boot}")


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, pytest.FixtureRequest], str]:
    """Makes a migrated control database of a vendor, once: the folder or the database to copy."""
    made: dict[str, str] = {}

    def make(vendor: str, request: pytest.FixtureRequest) -> str:
        if vendor not in made:
            home = tmp_path_factory.mktemp(vendor)
            made[vendor], more = str(home / "control.db"), {}
            if vendor == "postgresql":
                server = request.getfixturevalue("postgres")
                made[vendor] = server.create_database()
                more["DATABASE_URL"] = server.url(made[vendor])
            _migrate(_environment(home, **more))
        return made[vendor]

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def scene(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    migrated: Callable[[str, pytest.FixtureRequest], str],
) -> Scene:
    """A control database of each vendor, for real processes."""
    home, more = tmp_path / "site", {}
    home.mkdir()
    template = migrated(request.param, request)
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
        more["DATABASE_URL"] = server.url(server.create_database(template))
    else:
        shutil.copy(template, home / "control.db")
    return Scene(_environment(home, **more))
