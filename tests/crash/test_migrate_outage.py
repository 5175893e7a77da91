"""The service that a bucket moves to dies in the middle of it and comes back: the job goes on by itself."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.crash.cluster import Cluster
from tests.s3.server import Server
from tests.services.conftest import prepared  # noqa: F401
from tests.services.gateways import configuration
from tests.services.test_outages import behind, options_of  # noqa: F401

OBJECTS = 400
AWAY_S = 3.0

pytestmark = [pytest.mark.timeout(120), pytest.mark.crash]


@pytest.fixture
def cluster(tmp_path: Path, behind: Server) -> Iterator[Cluster]:  # noqa: F811
    """`archive` is on a Sluicegate that can be killed."""
    config = tmp_path / "services.yaml"
    config.write_text(configuration({"archive": options_of(behind)}, "local"))
    (tmp_path / "front").mkdir()
    made = Cluster(tmp_path / "front", SLUICEGATE_CONFIG=str(config), SLUICEGATE_JOB_WORKERS="1")
    try:
        made.start()
        yield made
    finally:
        made.stop()


def test_a_service_that_is_away_for_seconds_delays_the_job_and_nothing_else(
    cluster: Cluster,
    behind: Server,  # noqa: F811
) -> None:
    s3 = cluster.s3()
    s3.create_bucket(Bucket="away")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: s3.put_object(Bucket="away", Key=f"{n:04}", Body=b"x" * n), range(OBJECTS)))
    job = cluster.migrate("away")
    cluster.watch(lambda row: row.phase == "copy" and row.processed > 10, 60)
    behind.stop(signal.SIGKILL)
    time.sleep(AWAY_S)
    assert not cluster.row().ended
    assert s3.get_object(Bucket="away", Key="0007")["Body"].read() == b"x" * 7
    behind.start()
    shown = cluster.ended(job, 90)
    assert (shown["status"], shown["with_errors"]) == ("succeeded", False), shown
    assert shown["progress"]["processed"] == OBJECTS
    for number in (0, 1, OBJECTS // 2, OBJECTS - 1):
        assert len(s3.get_object(Bucket="away", Key=f"{number:04}")["Body"].read()) == number
