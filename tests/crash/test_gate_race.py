"""No write is acknowledged that a move of its bucket leaves behind: real processes, real locks."""

from __future__ import annotations

import json
import random
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.postgres import Cluster
from tests.sites import GATEWAY_ALONE, Site

WRITERS = 4
ROUNDS = {"sqlite": 200, "postgresql": 40}
STARVATION_SECONDS = 1.0
_BREAK = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'sluicegate %'"


class Race:
    """The processes of one race and the memory that they share."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site = site
        self.path = folder / "table"
        self.path.write_bytes(bytes(WRITERS * 4 * 16 + 1))
        self.run("make")

    def start(self, role: str, *numbers: int) -> subprocess.Popen[str]:
        arguments = [role, str(self.path), *map(str, numbers)]
        return self.site.start("tests.crash.gate_race", *arguments, **GATEWAY_ALONE)

    def begin(self, role: str, *numbers: Sequence[int]) -> list[subprocess.Popen[str]]:
        """One process for each of `numbers`; all are at it when this returns."""
        processes = [self.start(role, *each) for each in numbers]
        for process in processes:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
        return processes

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


def _move_under_writers(race: Race, rounds: int, longest_ms: int = 10) -> dict[str, Any]:
    """Four writers, which pause for up to that long in a write, and one mover. What it told."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    writers = race.begin("write", *((writer, seed + writer, longest_ms) for writer in range(WRITERS)))
    try:
        moved = race.run("move", rounds)
    finally:
        race.stop()
        results = [_result(writer) for writer in writers]
    assert sum(result["written"] for result in results) > rounds
    assert all(result["refused"] > 0 for result in results)
    return moved


@pytest.mark.crash
@pytest.mark.timeout(400)
def test_every_acknowledged_write_of_four_processes_is_in_the_target_of_every_move(race: Race) -> None:
    moved = _move_under_writers(race, ROUNDS[race.site.vendor])
    assert moved["slowest_drain_s"] < 5


@pytest.mark.crash
@pytest.mark.timeout(400)
def test_no_acknowledged_write_is_lost_while_lock_connections_break_all_the_time(
    postgres_site: Site, postgres: Cluster, tmp_path: Path
) -> None:
    ended, broken = threading.Event(), []

    def break_connections() -> None:
        rng = random.Random(1)
        with postgres.connect() as admin:
            while not ended.wait(rng.uniform(0.05, 0.3)):
                broken.extend(admin.execute(_BREAK).fetchall())

    race = Race(postgres_site, tmp_path)
    breaking = threading.Thread(target=break_connections)
    breaking.start()
    try:
        _move_under_writers(race, ROUNDS["postgresql"], longest_ms=150)
    finally:
        ended.set()
        breaking.join()
    assert len(broken) > ROUNDS["postgresql"]


@pytest.mark.crash
@pytest.mark.timeout(400)
def test_clients_that_knock_at_a_closed_gate_do_not_keep_the_drain_out(race: Race) -> None:
    race.run("close")
    knocking = race.begin("hammer", *([()] * 8))
    try:
        slowest = race.run("drain", 20)["slowest_drain_s"]
    finally:
        race.stop()
        results = [_result(process) for process in knocking]
    assert slowest < STARVATION_SECONDS
    assert all(result["knocks"] > 0 for result in results)
