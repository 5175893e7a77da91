"""A rule follows a bucket that is written all the time while its workers die, or are stopped for long.

At the end the destination has what the source has, with nothing but the feed and what it resumes by.
CRASH_SEED repeats the choices of a run.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from jobs.leases import started
from tests.crash.cluster import Cluster
from tests.jobsite.service import ROOT, until

SOURCE, DESTINATION, RULE = "releases", "releases-dr", "mirror"
CONFIG = f"""
storage:
  backends:
    - {{name: local, type: filesystem, path: local}}
    - {{name: archive, type: filesystem, path: archive}}
  default_backend: local
  buckets:
    {DESTINATION}: {{backend: archive}}
  replication:
    enabled: true
    rules:
      - name: {RULE}
        source: {{bucket: {SOURCE}}}
        destination: {{bucket: {DESTINATION}, prefix: copies/}}
        replicate_deletes: true
        interval: 24h
"""
WRITERS, RATE = 2, 100
KILLS = 3
LEASE_S = 2

pytestmark = [pytest.mark.timeout(300), pytest.mark.crash]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("replicated")
    made = Cluster(
        folder,
        SLUICEGATE_CONFIG=str(folder / "sluicegate.yaml"),
        SLUICEGATE_LEASE_SECONDS=str(LEASE_S),
        SLUICEGATE_FREEZE_SECONDS="4",
        SLUICEGATE_ACCESS_LOG="0",
    )
    (folder / "sluicegate.yaml").write_text(CONFIG)
    try:
        made.start()
        s3 = made.s3()
        for bucket in (SOURCE, DESTINATION):
            s3.create_bucket(Bucket=bucket)
        made.manage("rules", "sync")
        yield made
    finally:
        made.stop()


class Writers:
    """The writing processes."""

    def __init__(self, folder: Path, cluster: Cluster, seed: int) -> None:
        self._reports = [folder / f"writer-{number}" for number in range(WRITERS)]
        options = {
            "endpoint": cluster.service.url,
            "access_key_id": cluster.service.access_key,
            "secret_access_key": cluster.service.secret_key,
        }
        for number, report in enumerate(self._reports):
            orders = {"seed": seed + number, "bucket": SOURCE, "rate": RATE, "options": options}
            Path(f"{report}.orders").write_text(json.dumps(orders))
        command = [sys.executable, "-m", "tests.crash.replication_writer"]
        env = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.gateway_settings"}
        self._processes = [
            subprocess.Popen([*command, str(report)], cwd=ROOT, env=env) for report in self._reports
        ]

    def stop(self) -> list[dict[str, Any]]:
        for report in self._reports:
            Path(f"{report}.stop").touch()
        for process in self._processes:
            assert process.wait(30) == 0
        return [json.loads(report.read_text()) for report in self._reports]

    def end(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


def listed(s3: Any, bucket: str, prefix: str = "") -> dict[str, tuple[Any, ...]]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return {
        one["Key"].removeprefix(prefix): (one["ETag"], one["Size"], one["LastModified"])
        for page in pages
        for one in page.get("Contents", ())
    }


def busy(cluster: Cluster) -> int:
    """The process that works on the rule, at a moment when one does."""

    def alive() -> int | None:
        pid = cluster.row().worker
        return pid if pid is not None and started(pid) is not None else None

    return int(until(alive, 60, f"nobody works on the rule: {cluster.row()}"))


def strike(cluster: Cluster, rng: random.Random) -> None:
    """Workers that die at any moment, and one that is stopped for longer than its lease."""
    killed = 0
    while killed < KILLS:
        time.sleep(rng.uniform(0.3, 1.5))
        killed += cluster.kill(busy(cluster))
    stopped = busy(cluster)
    with suppress(ProcessLookupError):  # whoever is in an effect then is killed, so that others can go on
        os.kill(stopped, signal.SIGSTOP)
        time.sleep(LEASE_S * 2)
        os.kill(stopped, signal.SIGCONT)


def test_a_write_is_at_the_destination_soon_after_it_was_acknowledged(cluster: Cluster) -> None:
    """The figures are printed; a machine that is busy with other tests proves nothing about time."""
    s3 = cluster.s3()
    until(lambda: cluster.row().state.get("whole"), 60, "the first walk never ended")
    lags = []
    for number in range(10):
        s3.put_object(Bucket=SOURCE, Key=f"key-{number}", Body=b"x")
        began = time.monotonic()
        while f"key-{number}" not in listed(s3, DESTINATION, "copies/"):
            assert time.monotonic() < began + 60
            time.sleep(0.02)
        lags.append(time.monotonic() - began)
    print(f"from the acknowledgement to the destination: {min(lags):.2f} to {max(lags):.2f} s")


def test_the_destination_equals_the_source_at_the_end(cluster: Cluster, tmp_path: Path) -> None:
    seed = int(os.environ.get("CRASH_SEED", "0")) or random.randrange(1 << 30)
    print(f"CRASH_SEED={seed}")
    s3, rng = cluster.s3(), random.Random(seed)
    writers = Writers(tmp_path, cluster, seed)
    try:
        strike(cluster, rng)
        reports = writers.stop()
    finally:
        writers.end()
    stopped_at = time.monotonic()
    there: dict[str, tuple[Any, ...]] = {}

    def equal() -> bool:
        there.update(listed(s3, DESTINATION, "copies/"))
        for key in there.keys() - listed(s3, DESTINATION, "copies/").keys():
            del there[key]
        return there == listed(s3, SOURCE)

    until(equal, 60, "the destination never equals the source")
    caught_up_s = time.monotonic() - stopped_at
    assert len(there) > 100
    for key in rng.sample(sorted(there), 40):
        bodies = [
            s3.get_object(Bucket=bucket, Key=name)["Body"].read()
            for bucket, name in ((SOURCE, key), (DESTINATION, f"copies/{key}"))
        ]
        assert bodies[0] == bodies[1]
    written = sum(each["put"] + each["deleted"] for each in reports)
    print(f"{written / reports[0]['seconds']:.0f} changes/s; caught up {caught_up_s:.1f} s after the last")
