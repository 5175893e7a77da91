"""A bucket is encrypted anew while clients read it and workers die by SIGKILL at random moments.

First its bodies are written again, for encryption was turned on; then their keys are wrapped anew. A
job that was too fast to be killed often enough is followed by another one. CRASH_SEED repeats the
choices of a run.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.leases import started
from tests.crash.cluster import Cluster, Row
from tests.crash.reader import KEYS, MARKER, MIB, VERSIONED, body_of, key_of
from tests.jobsite.service import ROOT

BUCKET = "under-fire"
REWRITE_KILLS, REWRAP_KILLS = 3, 2
MOVING = ("objects", "uploads", "settle")

pytestmark = [pytest.mark.timeout(300), pytest.mark.crash]


def config(mode: str) -> str:
    key = hashlib.sha256(b"a key of the ring").hexdigest()
    sealing = f"{{mode: {mode}, keys: [{{id: ring-1, key: {key}}}]}}"
    return f"""
storage:
  backends:
    - {{name: local, type: filesystem, path: local, encryption: {sealing}}}
  default_backend: local
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(
        tmp_path,
        SLUICEGATE_CONFIG=str(tmp_path / "sluicegate.yaml"),
        SLUICEGATE_LEASE_SECONDS="2",
        SLUICEGATE_SLICE_SECONDS="2",
        SLUICEGATE_FREEZE_SECONDS="4",
        SLUICEGATE_CLEANUP_GRACE_SECONDS="1",
        SLUICEGATE_ACCESS_LOG="0",
    )
    (tmp_path / "sluicegate.yaml").write_text(config("none"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


def filled(s3: Any) -> list[tuple[int, str, int]]:
    """(number, version id, version) of everything that is in the bucket."""
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    found = []
    for number in range(KEYS):
        for version in range(2 if number in VERSIONED else 1):
            answer = s3.put_object(Bucket=BUCKET, Key=key_of(number), Body=body_of(number, version))
            found.append((number, answer["VersionId"], version))
    return found


class Readers:
    """Two processes that read all the time."""

    def __init__(self, folder: Path, cluster: Cluster, seed: int, versions: list[tuple[int, str, int]]):
        self._reports = [folder / f"reader-{number}" for number in range(2)]
        for number, report in enumerate(self._reports):
            orders = {
                "bucket": BUCKET,
                "seed": seed + number,
                "versions": versions,
                "connection": cluster.connection,
            }
            Path(f"{report}.orders").write_text(json.dumps(orders))
        command = [sys.executable, "-m", "tests.crash.reader"]
        self._processes = [subprocess.Popen([*command, str(each)], cwd=ROOT) for each in self._reports]

    def reports(self) -> list[dict[str, Any]]:
        """What they have seen; they end."""
        for report in self._reports:
            Path(f"{report}.stop").touch()
        assert [process.wait(60) for process in self._processes] == [0, 0]
        return [json.loads(report.read_text()) for report in self._reports]

    def end(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


def kill_in(cluster: Cluster, phases: tuple[str, ...], wait_s: float) -> str:
    """Kill the worker a moment after it was seen in one of these phases; in which. "": the job was faster."""

    def works(row: Row) -> bool:
        lives = row.worker is not None and started(row.worker) is not None
        return row.phase in phases and row.status == "running" and lives

    deadline = time.monotonic() + 60
    while not works(row := cluster.row()):
        if row.ended:
            return ""
        assert time.monotonic() < deadline, f"waited in vain; now {row}"
        time.sleep(0.0005)
    time.sleep(wait_s)
    row = cluster.row()
    return row.phase if works(row) and row.worker and cluster.kill(row.worker) else ""


def test_every_object_reads_while_workers_are_killed(cluster: Cluster, tmp_path: Path) -> None:
    seed = int(os.environ.get("CRASH_SEED") or time.time_ns() % 1_000_000)
    print(f"CRASH_SEED={seed}")
    rng = random.Random(seed)
    versions = filled(cluster.s3())
    assert files_with(cluster, MARKER)
    cluster.service.stop()
    (tmp_path / "sluicegate.yaml").write_text(config("aes256-gcm-proxy"))
    cluster.service.start()
    readers = Readers(tmp_path, cluster, seed, versions)
    try:
        modes = ["", *["rewrite"] * 5]
        kills = _jobs_under_fire(cluster, modes, REWRITE_KILLS, ("keys", *MOVING), _waits(rng, 0.4))
        print("killed while bodies were rewritten:", kills)
        assert files_with(cluster, MARKER) == []
        modes = ["rewrap"] * 12
        kills = _jobs_under_fire(cluster, modes, REWRAP_KILLS, ("keys", *MOVING), _waits(rng, 0.02))
        print("killed while keys were wrapped anew:", kills)
        reports = readers.reports()
    finally:
        readers.end()
    print([report["reads"] for report in reports], "reads")
    assert [report["wrong"] for report in reports] == [[], []]
    assert all(report["reads"] > len(versions) for report in reports)
    assert files_with(cluster, MARKER) == []
    assert cluster.gate_holder(BUCKET) is None
    cluster.manage("keys", "check")


def _jobs_under_fire(
    cluster: Cluster, modes: Iterable[str], kills: int, phases: tuple[str, ...], waits: Iterator[float]
) -> list[str]:
    """One job after the other, until so many workers have died; in which phases."""
    killed: list[str] = []
    for mode in modes:
        job = cluster.reencrypt(BUCKET, **({"mode": mode} if mode else {}))
        while len(killed) < kills and not cluster.row().ended:
            killed += filter(None, [kill_in(cluster, phases, next(waits))])
        _ended_well(cluster, job, len(_all(cluster)))
        if len(killed) >= kills:
            return killed
    raise AssertionError(f"too fast to be killed: {killed}")


def _waits(rng: random.Random, most_s: float) -> Iterator[float]:
    while True:
        yield rng.uniform(0, most_s)


def _all(cluster: Cluster) -> list[Any]:
    pages = cluster.s3().get_paginator("list_object_versions").paginate(Bucket=BUCKET)
    return [each for page in pages for each in page.get("Versions", [])]


def _ended_well(cluster: Cluster, job: str, number: int) -> None:
    """One key seals everything, and nobody else has the bucket."""
    shown = cluster.ended(job, 120)
    assert (shown["status"], shown["with_errors"]) == ("succeeded", False), shown
    assert list(shown["detail"]["report"]["seals"].values()) == [number]
    assert shown["progress"]["processed"] == shown["progress"]["total"] == number
    runs = cluster.api("GET", f"/jobs/{job}/runs")["runs"]
    assert [run["status"] for run in runs] == ["succeeded"]


def files_with(cluster: Cluster, marker: bytes) -> list[str]:
    """Files of the backend that show these bytes."""
    found = []
    for path in (cluster.service.home / "local").rglob("*"):
        if path.is_file() and marker in path.read_bytes():
            found.append(path.name)
    return found


def test_the_bodies_of_this_test_are_in_files_in_the_index_and_in_pieces() -> None:
    sizes = {len(body_of(number, 0)) for number in range(KEYS)}
    assert max(sizes) > 64 * MIB and min(sizes) == 0
    assert any(0 < size <= 32 * 1024 for size in sizes) and any(MIB < size < 64 * MIB for size in sizes)
