"""A bucket is copied while three clients write to it all the time and its workers die by SIGKILL.

Their writes are refused only between the end of the copy and the flip; how long is printed.
CRASH_SEED repeats a run's choices.
"""

from __future__ import annotations

import itertools
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.crash.cluster import Cluster, Row
from tests.crash.fire import BUCKET, PHASE_S, Clients, Killer

KEYS = (2, 150)
"""Of each client: one of 9 and one of 5 MiB, some of 1 MiB, 100 and 33 KiB, and small ones."""
OPEN, GATED = ("prepare", "precopy", "prove"), ("delta", "compare")

pytestmark = [pytest.mark.timeout(300), pytest.mark.crash]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(
        tmp_path,
        SLUICEGATE_LEASE_SECONDS="2",
        SLUICEGATE_SLICE_SECONDS="2",
        SLUICEGATE_FREEZE_SECONDS="4",
        SLUICEGATE_CLEANUP_GRACE_SECONDS="1",
        SLUICEGATE_JOB_WORKERS="2",
        SLUICEGATE_ACCESS_LOG="0",
    )
    try:
        made.start()
        yield made
    finally:
        made.stop()


def test_no_write_is_lost_while_a_bucket_is_copied_and_workers_are_killed(
    cluster: Cluster, tmp_path: Path
) -> None:
    seed = int(os.environ.get("CRASH_SEED") or time.time_ns() % 1_000_000)
    print(f"CRASH_SEED={seed}")
    cluster.s3().create_bucket(Bucket=BUCKET)
    clients = Clients(tmp_path, cluster, seed, keys=KEYS)
    try:
        clients.all_are(".filled", 120)
        cluster.s3().put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        clients.tell("go")
        killer = Killer(cluster, random.Random(seed))
        began = time.time()
        job = cluster.migrate(BUCKET, precopy=True, delete_source=True)
        for phase in (*OPEN, *GATED):
            _kill_in(killer, phase)
        shown = cluster.ended(job, 120)
        time.sleep(0.5)
        clients.tell("stop")
        clients.all_are("", 120)
    finally:
        clients.end()
    _tell(cluster, clients.reports(), killer, began)
    for report in clients.reports():
        assert report["wrong"] == [], report["wrong"][:8]
        assert report["writes"] > KEYS[1] and report["versions"] > 0
    assert (shown["status"], shown["with_errors"]) == ("succeeded", False), shown
    assert [run["status"] for run in cluster.api("GET", f"/jobs/{job}/runs")["runs"]] == ["succeeded"]
    assert cluster.gate_holder(BUCKET) is None
    assert [len(places) for places in cluster.places().values()] == [0, 1]
    assert _accepted_while_it_was_copied(cluster, clients.reports(), began) > 50
    assert len(killer.kills) >= 4


def _kill_in(killer: Killer, phase: str) -> None:
    """The worker dies in the phase, or if it was too fast, in one that comes after it."""
    order = ("", *OPEN, *GATED)
    at = order if phase == OPEN[0] else order[order.index(phase) :]

    def there(row: Row) -> bool:
        return (row.phase in at and row.status == "running" and row.worker is not None) or row.turned

    row = killer.cluster.watch(there, PHASE_S)
    if not row.turned and row.worker is not None:
        killer.kill(row.phase, "busy", row.worker)


def _accepted_while_it_was_copied(cluster: Cluster, reports: list[dict[str, Any]], began: float) -> int:
    gated = cluster.row().state["flipped_ms"] / 1000 - _longest_pause(reports)
    return sum(began < at < gated for report in reports for at in report["acked_at"])


def _longest_pause(reports: list[dict[str, Any]]) -> float:
    acked = sorted(at for report in reports for at in report["acked_at"])
    return max(after - before for before, after in itertools.pairwise(acked))


def _tell(cluster: Cluster, reports: list[dict[str, Any]], killer: Killer, began: float) -> None:
    for kill in killer.kills:
        print(f"{kill.at - began:7.2f} s  {kill.phase:<12} {kill.whom}")
    flipped = cluster.row().state["flipped_ms"] / 1000
    writes = sum(report["writes"] for report in reports)
    paused = _longest_pause(reports)
    print(f"{writes} writes; flip after {flipped - began:.1f} s, writes paused {paused:.1f} s")
