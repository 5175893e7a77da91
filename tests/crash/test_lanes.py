"""What must begin soon does not wait behind what takes long: two lanes of the queue, of real processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.crash.cluster import Cluster
from tests.jobsite.service import until

pytestmark = [pytest.mark.timeout(180), pytest.mark.crash]

RULES = """
storage:
  backends:
    - {name: local, type: filesystem, path: local}
    - {name: archive, type: filesystem, path: archive}
  default_backend: local
  replication:
    rules:
      - {name: mirror, source: {bucket: busy}, destination: {bucket: mirrored}, trigger: events}
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """One worker in each lane, and a rule between two buckets."""
    (tmp_path / "rules.yaml").write_text(RULES)
    made = Cluster(
        tmp_path,
        SLUICEGATE_CONFIG=str(tmp_path / "rules.yaml"),
        SLUICEGATE_JOB_WORKERS="1",
        SLUICEGATE_EVENT_WORKERS="1",
        SLUICEGATE_WEB_WORKERS="1",
        SLUICEGATE_SLICE_SECONDS="60",
    )
    try:
        made.start()
        for bucket in ("busy", "mirrored", "moving"):
            made.s3().create_bucket(Bucket=bucket)
        made.manage("rules", "sync")
        yield made
    finally:
        made.stop()


def _copied(cluster: Cluster, key: str) -> bool:
    try:
        cluster.s3().head_object(Bucket="mirrored", Key=key)
    except ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 404
        return False
    return True


def test_a_write_is_followed_while_a_migration_has_every_other_worker(cluster: Cluster) -> None:
    with cluster.slot("write", cluster.bucket_id("moving")):
        job = cluster.migrate("moving")
        held = cluster.watch(lambda row: row.status == "running", 30)
        for key in ("first", "second"):
            cluster.s3().put_object(Bucket="busy", Key=key, Body=b"body")
            until(lambda key=key: _copied(cluster, key), 50, f"{key} was not followed")
        row = cluster.row()
        assert (row.status, row.holder, row.phase) == ("running", held.holder, ""), "the same slice goes on"
    assert cluster.ended(job, 60)["status"] == "succeeded"
