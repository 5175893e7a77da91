"""A cancel in each phase, through the API of a running Sluicegate: before the flip all is as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from tests.crash.cluster import Cluster, Row

pytestmark = [pytest.mark.timeout(240), pytest.mark.crash]

BUCKET = "cancelled"
OBJECTS = 1_000
WAIT_S = 60.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(
        tmp_path_factory.mktemp("cancelled"),
        SLUICEGATE_SLICE_SECONDS="20",
        SLUICEGATE_CLEANUP_GRACE_SECONDS="20",
        SLUICEGATE_JOB_WORKERS="2",
        SLUICEGATE_ACCESS_LOG="0",
    )
    try:
        made.start()
        _fill(made.s3())
        yield made
    finally:
        made.stop()


def _fill(s3: Any) -> None:
    s3.create_bucket(Bucket=BUCKET)

    def put(number: int) -> None:
        s3.put_object(Bucket=BUCKET, Key=f"{number:05d}", Body=bytes([number % 251]) * (number * 7 % 50_000))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, range(OBJECTS)))
    s3.create_multipart_upload(Bucket=BUCKET, Key="open")


def _seen(s3: Any) -> Any:
    """Every object and upload as a listing shows it, and some bodies."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    objects = [
        (each["Key"], each["ETag"], each["LastModified"]) for page in pages for each in page["Contents"]
    ]
    uploads = [each["UploadId"] for each in s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]]
    bodies = [s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key, _, _ in objects[:: OBJECTS // 20]]
    return objects, uploads, bodies


def _at(phase: str) -> Callable[[Row], bool]:
    return lambda row: row.phase == phase and row.status == "running"


BEFORE: dict[str, tuple[str | None, Callable[[Row], bool]]] = {
    "queued": (None, lambda row: True),
    "stage": ("write", lambda row: row.status == "running"),
    "copy": ("work", lambda row: row.phase == "copy" and row.processed > 0),
    "verify": ("work", _at("verify")),
    "flip": ("work", _at("flip")),
}
"""The slot that we are in too, so that the job cannot get further, and when we cancel.

A slice that ended meanwhile could not begin again, so slices are long here.
"""


@pytest.mark.parametrize("phase", BEFORE)
def test_a_cancel_before_the_flip_leaves_everything_as_it_was(phase: str, cluster: Cluster) -> None:
    s3 = cluster.s3()
    before, places = _seen(s3), cluster.places()
    slot, ripe = BEFORE[phase]
    bucket_id = cluster.bucket_id(BUCKET)
    with ExitStack() as stack:
        if slot == "write":
            stack.enter_context(cluster.slot("write", bucket_id))
        job = cluster.migrate(BUCKET, delete_source=True)
        if slot == "work":
            cluster.watch(lambda row: row.phase in ("stage", "copy"), WAIT_S)
            stack.enter_context(cluster.slot("work", bucket_id))
        cluster.watch(ripe, WAIT_S)
        cluster.api("POST", f"/jobs/{job}/cancel")
        if slot == "write":
            assert cluster.row().status in ("cancelling", "cancelled")
    shown = cluster.ended(job, WAIT_S)
    assert shown["status"] == "cancelled", shown
    runs = [run["status"] for run in cluster.api("GET", f"/jobs/{job}/runs")["runs"]]
    assert runs == ["cancelled"] or (phase == "queued" and runs == [])
    assert cluster.gate_holder(BUCKET) is None
    assert cluster.places() == places
    assert _seen(s3) == before
    s3.put_object(Bucket=BUCKET, Key="00000", Body=b"")


def test_a_cancel_after_the_flip_stops_the_cleanup_and_the_move_stands(cluster: Cluster) -> None:
    s3 = cluster.s3()
    before = _seen(s3)
    job = cluster.migrate(BUCKET, delete_source=True)
    cluster.watch(lambda row: row.turned, WAIT_S)
    cluster.api("POST", f"/jobs/{job}/cancel")
    shown = cluster.ended(job, WAIT_S)
    assert (shown["status"], shown["with_errors"]) == ("succeeded", True), shown
    assert cluster.gate_holder(BUCKET) is None
    assert [len(places) for places in cluster.places().values()] == [1, 1]
    assert _seen(s3) == before
    failures = cluster.api("GET", f"/jobs/{job}/failures")["failures"]
    assert failures, "what is left is listed"
