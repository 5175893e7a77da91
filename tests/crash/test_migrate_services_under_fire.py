"""A bucket moves to an S3 service and back while clients use it and its workers die by SIGKILL.

CRASH_SEED repeats a run's choices.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.crash.cluster import Cluster
from tests.crash.fire import BUCKET, Clients, Killer
from tests.s3services import Service
from tests.services.gateways import configuration

KEYS = (8, 128)
"""Of each client: some of 1 MiB, 100 and 33 KiB, and small ones."""

pytestmark = [pytest.mark.timeout(300), pytest.mark.crash]


@pytest.fixture
def cluster(tmp_path: Path, s3_services: Callable[[str], Service]) -> Iterator[Cluster]:
    """`local` is a directory, `archive` a SeaweedFS."""
    config = tmp_path / "services.yaml"
    config.write_text(configuration({"archive": s3_services("seaweedfs").options}, "local"))
    made = Cluster(
        tmp_path,
        SLUICEGATE_CONFIG=str(config),
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


def _move(cluster: Cluster, rng: random.Random, target: str) -> dict[str, Any]:
    """There, with a worker killed in the copy and one in the verification."""
    killer = Killer(cluster, rng)
    job = cluster.migrate(BUCKET, target_backend=target, delete_source=True)
    killer.in_phase("copy", "busy", rng.uniform(0.01, 0.1))
    killer.in_phase("verify", "busy")
    shown = cluster.ended(job, 120)
    assert [kill.phase for kill in killer.kills] == ["copy", "verify"]
    return shown


def test_nothing_is_lost_on_the_way_to_a_service_and_back(
    cluster: Cluster, tmp_path: Path, s3_services: Callable[[str], Service]
) -> None:
    seed = int(os.environ.get("CRASH_SEED") or time.time_ns() % 1_000_000)
    print(f"CRASH_SEED={seed}")
    rng = random.Random(seed)
    cluster.s3().create_bucket(Bucket=BUCKET)
    clients = Clients(tmp_path, cluster, seed, keys=KEYS, upload=False)
    service = s3_services("seaweedfs").client()
    try:
        clients.all_are(".filled", 120)
        clients.tell("go")
        there = _move(cluster, rng, "archive")
        assert cluster.places()["local"] == []
        time.sleep(1)
        back = _move(cluster, rng, "local")
        clients.tell("stop")
        clients.all_are("", 120)
    finally:
        clients.end()
    for shown in (there, back):
        assert (shown["status"], shown["with_errors"]) == ("succeeded", False), shown
    for report in clients.reports():
        assert report["wrong"] == [], report["wrong"][:8]
        assert report["cut_at"] == []
        assert report["writes"] > KEYS[1] - KEYS[0]
    assert len(cluster.places()["local"]) == 1
    assert BUCKET not in service.buckets()
    assert cluster.gate_holder(BUCKET) is None
    service.close()
