"""A bucket moves while three clients read and write it and processes die by SIGKILL all the time.

It holds null versions, and ever more versions and delete markers since versioning was turned on.

Killed are: the worker at its work, one that waits, and django-q2's sentinel, one each at random
moments of copy, verify and cleanup; the worker in stage, in the flip, and within 50 ms of its
commit; and one web worker. CRASH_SEED repeats a run's choices.
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

from tests.crash.bodies import KEYS_EACH
from tests.crash.cluster import Cluster
from tests.crash.fire import BUCKET, Clients, Kill, Killer

NEAR_MS = 50
CUT_S = 10.0
"""How long after the death of a web worker a client may notice that its answer was cut."""

pytestmark = [pytest.mark.timeout(400), pytest.mark.crash]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(
        tmp_path,
        SLUICEGATE_LEASE_SECONDS="3",
        SLUICEGATE_SLICE_SECONDS="2",
        SLUICEGATE_FREEZE_SECONDS="4",
        SLUICEGATE_CLEANUP_GRACE_SECONDS="3",
        SLUICEGATE_JOB_WORKERS="3",
        SLUICEGATE_ACCESS_LOG="0",
    )
    try:
        made.start()
        yield made
    finally:
        made.stop()


def test_nothing_is_lost_while_processes_are_killed(cluster: Cluster, tmp_path: Path) -> None:
    seed = int(os.environ.get("CRASH_SEED") or time.time_ns() % 1_000_000)
    print(f"CRASH_SEED={seed}")
    rng = random.Random(seed)
    cluster.s3().create_bucket(Bucket=BUCKET)
    clients = Clients(tmp_path, cluster, seed)
    try:
        clients.all_are(".filled", 120)
        cluster.s3().put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        clients.tell("go")
        time.sleep(rng.uniform(0.5, 2))
        killer, began, job, near_ms = Killer(cluster, rng), time.time(), "", 0.0
        victims = rng.sample(["busy", "idle", "sentinel"], 3)
        job = cluster.migrate(BUCKET, delete_source=True)
        killer.in_phase("stage", "busy")
        killer.in_phase("copy", victims[0], rng.uniform(0.05, 0.7))
        time.sleep(rng.uniform(0, 1))
        killer.kill("any", "web", rng.choice(cluster.web_workers()))
        killer.in_phase("verify", victims[1])
        killer.in_the_flip()
        near_ms = killer.at_the_flip()
        killer.in_phase("cleanup", victims[2], rng.uniform(0.05, 0.7))
        shown = cluster.ended(job, 120)
        time.sleep(rng.uniform(0.5, 2))
        clients.tell("stop")
        clients.all_are("", 120)
    finally:
        clients.end()
    reports = clients.reports()
    for kill in killer.kills:
        print(f"{kill.at - began:7.2f} s  {kill.phase:<12} {kill.whom}")
    _tell(cluster, reports, began, near_ms)
    _no_client_was_wronged(reports, killer.kills)
    _ended_well(cluster, job, shown, killer.kills)
    assert abs(near_ms) <= NEAR_MS


def _tell(cluster: Cluster, reports: list[dict[str, Any]], began: float, near_ms: float) -> None:
    acked = sorted(at for report in reports for at in report["acked_at"])
    longest = max(after - before for before, after in itertools.pairwise(acked))
    flipped = cluster.row().state["flipped_ms"] / 1000
    names = ("reads", "writes", "lists", "versions", "unanswered")
    counts = {name: sum(report[name] for report in reports) for name in names}
    cut = sum(len(report["cut_at"]) for report in reports)
    print(f"{counts}, {cut} cut; flip after {flipped - began:.1f} s, writes paused {longest:.1f} s")
    print(f"the kill at the flip came {near_ms:.0f} ms after it")


def _no_client_was_wronged(reports: list[dict[str, Any]], kills: list[Kill]) -> None:
    web = [kill.at for kill in kills if kill.whom == "web"]
    assert len(web) == 1
    for report in reports:
        assert report["wrong"] == [], report["wrong"][:8]
        assert all(web[0] - 1 <= at <= web[0] + CUT_S for at in report["cut_at"])
        assert report["reads"] > KEYS_EACH
        assert report["writes"] > KEYS_EACH
        assert report["versions"] > 0


def _ended_well(cluster: Cluster, job: str, shown: dict[str, Any], kills: list[Kill]) -> None:
    assert {kill.phase for kill in kills} >= {"stage", "copy", "verify", "flip", "at the flip", "cleanup"}
    assert {kill.whom for kill in kills} == {"busy", "idle", "sentinel", "web"}
    assert (shown["status"], shown["with_errors"]) == ("succeeded", False), shown
    runs = cluster.api("GET", f"/jobs/{job}/runs")["runs"]
    assert [run["status"] for run in runs] == ["succeeded"]
    assert cluster.gate_holder(BUCKET) is None
    assert cluster.api("GET", f"/jobs/bucket/{BUCKET}")["active"] is None
    places = cluster.places()
    assert places["local"] == []
    assert len(places["archive"]) == 1
    cluster.s3().put_object(Bucket=BUCKET, Key="after all", Body=b"x")
