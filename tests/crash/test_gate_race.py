"""No write is acknowledged that a move of its bucket leaves behind: real processes, real locks."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.sites import Site

WRITERS = 4
ROUNDS = {"sqlite": 200, "postgresql": 40}
STARVATION_SECONDS = 1.0


class Race:
    """The processes of one race and the memory that they share."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site = site
        self.path = folder / "table"
        self.path.write_bytes(bytes(WRITERS * 4 * 16 + 1))
        self.run("make")

    def start(self, role: str, *numbers: int) -> subprocess.Popen[str]:
        arguments = [role, str(self.path), *map(str, numbers)]
        return self.site.start("tests.crash.gate_race", *arguments)

    def run(self, role: str, *numbers: int) -> dict[str, Any]:
        return _result(self.start(role, *numbers))

    def stop(self) -> None:
        with self.path.open("r+b") as file:
            file.seek(-1, 2)
            file.write(b"\1")


def _result(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What it printed, after it ended well."""
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    return json.loads(output) if output else {}


@pytest.fixture
def race(site: Site, tmp_path: Path) -> Race:
    return Race(site, tmp_path)


@pytest.mark.crash
@pytest.mark.timeout(400)
def test_every_acknowledged_write_of_four_processes_is_in_the_target_of_every_move(race: Race) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    writers = [race.start("write", writer, seed + writer) for writer in range(WRITERS)]
    try:
        moved = race.run("move", ROUNDS[race.site.vendor])
    finally:
        race.stop()
        results = [_result(writer) for writer in writers]
    assert moved["slowest_drain_s"] < 5
    assert sum(result["written"] for result in results) > ROUNDS[race.site.vendor]
    assert all(result["refused"] > 0 for result in results)


@pytest.mark.crash
@pytest.mark.timeout(400)
def test_clients_that_knock_at_a_closed_gate_do_not_keep_the_drain_out(race: Race) -> None:
    race.run("close")
    knocking = [race.start("hammer") for _ in range(8)]
    try:
        slowest = race.run("drain", 20)["slowest_drain_s"]
    finally:
        race.stop()
        results = [_result(process) for process in knocking]
    assert slowest < STARVATION_SECONDS
    assert all(result["knocks"] > 0 for result in results)
