"""A service that is killed: its buckets answer 503 soon, others go on, and all is well once it is back."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.s3.server import Server
from tests.services.gateways import gateway

PATIENT_S = 1.0
"""What one call to the service may take with its retries."""
BOUND_S = 10.0


def options_of(behind: Server) -> dict[str, Any]:
    return {
        "type": "s3",
        "endpoint": behind.endpoint,
        "region": "us-east-1",
        "access_key_id": behind.access_key,
        "secret_access_key": behind.secret_key,
        "connect_timeout": 1,
        "read_timeout": 5,
        "retry_budget": PATIENT_S,
    }


@pytest.fixture
def behind(prepared: Server, tmp_path: Path) -> Iterator[Server]:
    """The service: a Sluicegate that can be killed and started again."""
    server = prepared.copy(tmp_path / "behind", SLUICEGATE_WEB_WORKERS="1")
    server.start()
    yield server
    server.stop(signal.SIGKILL)


@pytest.fixture
def front(prepared: Server, behind: Server, tmp_path: Path) -> Iterator[Server]:
    """The gateway: buckets are in a directory, those whose name is known on the service."""
    buckets = {name: {"backend": "away"} for name in ("far", "later")}
    server = gateway(prepared, tmp_path / "front", {"away": options_of(behind)}, "local", buckets)
    server.start()
    yield server
    server.stop()


def _readiness(front: Server) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(f"{front.endpoint}/_/ready", timeout=10) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:
        with error:
            text = error.read()
    found: dict[str, Any] = json.loads(text)
    return found


def _status(act: Any) -> tuple[int, float]:
    """What an operation was answered, and how long that took."""
    began = time.monotonic()
    try:
        answer = act()
    except ClientError as error:
        answer = error.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], time.monotonic() - began


def test_a_service_that_is_killed_takes_only_its_own_buckets_with_it(front: Server, behind: Server) -> None:
    s3 = front.client()
    for bucket in ("near", "far"):
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="k", Body=b"before")
    behind.stop(signal.SIGKILL)
    for _ in range(10):
        for act in (
            lambda: s3.get_object(Bucket="far", Key="k"),
            lambda: s3.put_object(Bucket="far", Key="k", Body=b"lost"),
            lambda: s3.list_objects_v2(Bucket="far"),
        ):
            status, took = _status(act)
            assert (status, took < BOUND_S) == (503, True)
        assert s3.get_object(Bucket="near", Key="k")["Body"].read() == b"before"
        s3.put_object(Bucket="near", Key="k", Body=b"before")
    assert _status(lambda: s3.head_bucket(Bucket="far"))[0] in (200, 503)
    assert _status(lambda: s3.create_bucket(Bucket="later"))[0] == 503
    ready = _readiness(front)
    assert ready["backends"] == {"local": "ok", "away": "unavailable"}
    behind.start()
    _until_well(s3)
    assert s3.get_object(Bucket="far", Key="k")["Body"].read() == b"before"
    s3.put_object(Bucket="far", Key="k", Body=b"after")
    assert s3.get_object(Bucket="far", Key="k")["Body"].read() == b"after"
    s3.create_bucket(Bucket="later")
    assert _readiness(front)["backends"]["away"] == "ok"


def test_a_service_that_hangs_keeps_nobody_elses_buckets_waiting(front: Server, behind: Server) -> None:
    s3 = front.client()
    for bucket in ("near", "far"):
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 100_000)
    clients = [front.client() for _ in range(80)]
    assert behind.process is not None
    os.killpg(behind.process.pid, signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(len(clients)) as pool:
            asked = [
                pool.submit(_status, partial(each.head_object, Bucket="far", Key="k")) for each in clients
            ]
            time.sleep(1)  # so that they have come as far as they get
            for _ in range(10):
                assert len(s3.get_object(Bucket="near", Key="k")["Body"].read()) == 100_000
            s3.put_object(Bucket="near", Key="k", Body=b"y")
            assert not any(each.done() for each in asked)
            assert {each.result()[0] for each in asked} == {503}
    finally:
        os.killpg(behind.process.pid, signal.SIGCONT)


def _until_well(s3: Any) -> None:
    """Every worker tries again by itself once its breaker lets it."""
    deadline, well = time.monotonic() + 60, 0
    while well < 20:
        well = well + 1 if _status(lambda: s3.head_object(Bucket="far", Key="k"))[0] == 200 else 0
        assert time.monotonic() < deadline, "it never came back"
        time.sleep(0.05)


def test_a_gateway_starts_while_its_service_is_down(front: Server, behind: Server) -> None:
    s3 = front.client()
    s3.create_bucket(Bucket="far")
    s3.put_object(Bucket="far", Key="k", Body=b"kept")
    front.stop()
    behind.stop(signal.SIGKILL)
    front.start()
    s3 = front.client()
    s3.create_bucket(Bucket="near")
    assert _status(lambda: s3.get_object(Bucket="far", Key="k"))[0] == 503
    behind.start()
    _until_well(s3)
    assert s3.get_object(Bucket="far", Key="k")["Body"].read() == b"kept"
