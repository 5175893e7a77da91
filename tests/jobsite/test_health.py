"""What machines ask: health, readiness, metrics."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from jobs import clock, heartbeat, leader, leases, liveness, queue
from jobs.models import Job
from jobs.scheduler import DUTY
from jobsite import health
from proxy import reachability, routes

pytestmark = pytest.mark.django_db


@pytest.fixture
def storage(settings: Any, tmp_path: Path) -> Iterator[Path]:
    settings.STORAGE = {
        "backends": {"local": {"type": "filesystem", "path": str(tmp_path / "local")}},
        "default_backend": "local",
        "buckets": {},
    }
    routes.prepare_backends()
    yield tmp_path / "local"


def _checks(client: Client) -> tuple[int, dict[str, str]]:
    answer = client.get("/_/ready")
    return answer.status_code, json.loads(answer.content)["checks"]


def test_health_asks_nothing_but_the_process(client: Client, django_db_blocker: Any) -> None:
    with django_db_blocker.block():
        answer = client.get("/_/health")
    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert client.post("/_/health").status_code == 405


def one_of_each_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sign of life of a worker of each lane, as if of two processes."""
    for number, lane in enumerate(queue.LANES):
        monkeypatch.setattr(leases, "holder_id", lambda number=number: f"worker {number}")
        monkeypatch.setattr(heartbeat, "_lane", lane)
        heartbeat.beat(liveness.WORKER)


def test_ready_needs_all_and_names_what_is_not(
    client: Client, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, checks = _checks(client)
    assert status == 503
    assert checks == {
        "database": "ok",
        "backends": "ok",
        "leader": "no scheduler leads",
        "cluster": "no worker gives a sign of life",
        "events": "no worker gives a sign of life",
    }
    leader.lead(DUTY, "somebody", 60_000)
    heartbeat.beat(liveness.WORKER)
    assert _checks(client) == (503, dict.fromkeys(checks, "ok") | {"events": checks["events"]})
    one_of_each_lane(monkeypatch)
    assert _checks(client) == (200, dict.fromkeys(checks, "ok"))


def test_ready_names_a_backend_that_is_gone(client: Client, storage: Path) -> None:
    storage.rename(storage.with_name("elsewhere"))
    status, checks = _checks(client)
    assert (status, checks["backends"]) == (503, "unavailable: local")


@pytest.fixture
def two(settings: Any, storage: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A second backend, `other`, beside `local`; everything else is there."""
    settings.STORAGE = {
        **settings.STORAGE,
        "backends": {
            **settings.STORAGE["backends"],
            "other": {"type": "filesystem", "path": str(storage.with_name("other"))},
        },
    }
    routes.prepare_backends()
    leader.lead(DUTY, "somebody", 60_000)
    one_of_each_lane(monkeypatch)
    return storage.with_name("other")


def test_a_backend_that_is_down_leaves_the_gateway_ready_for_the_others(client: Client, two: Path) -> None:
    two.rename(two.with_name("elsewhere"))
    answer = client.get("/_/ready")
    document = json.loads(answer.content)
    assert (answer.status_code, document["ready"]) == (200, True)
    assert document["backends"] == {"local": "ok", "other": "unavailable"}
    assert document["checks"]["backends"] == "unavailable: other"
    scraped = client.get("/_/metrics").content.decode()
    assert 'sluicegate_backend_up{backend="local"} 1.0' in scraped
    assert 'sluicegate_backend_up{backend="other"} 0.0' in scraped


def test_without_any_backend_the_gateway_is_not_ready(client: Client, two: Path, storage: Path) -> None:
    two.rename(two.with_name("elsewhere"))
    storage.rename(storage.with_name("far away"))
    status, checks = _checks(client)
    assert (status, checks["backends"]) == (503, "unavailable: local, other")


def test_a_backend_that_hangs_is_not_waited_for(
    client: Client, two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()
    asked: list[int] = []

    def hang() -> None:
        asked.append(1)
        goes_on.wait(60)

    monkeypatch.setattr(routes.backend("other"), "check", hang)
    monkeypatch.setattr(reachability, "PATIENCE_S", 0.05)
    try:
        for _ in range(3):
            assert _checks(client)[1]["backends"] == "unavailable: other"
        assert asked == [1]
    finally:
        goes_on.set()


def test_ready_says_if_the_database_does_not_answer(
    client: Client, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        from django.db import OperationalError

        raise OperationalError("connection to server at 10.0.0.1 failed")

    monkeypatch.setitem(health.CHECKS, "database", broken)
    answer = client.get("/_/ready")
    assert answer.status_code == 503
    assert json.loads(answer.content)["checks"]["database"] == "the control database does not answer"
    assert b"10.0.0.1" not in answer.content


def test_metrics_are_prometheus_text(client: Client) -> None:
    answer = client.get("/_/metrics")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")


def test_a_ping_is_answered_by_a_workers_heartbeat() -> None:
    assert {lane: life.here for lane, life in liveness.look().items()} == {"": {}, "events": {}}
    liveness.pong()
    assert 0.0 <= liveness.look()[""].here[liveness.WORKER] < 5.0


def test_lanes_live_and_die_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "_lane", "events")
    liveness.pong()
    now = {"lease_clock": clock.clock_id(), "lease_expires_ms": clock.now_ms() + 60_000}
    for number in range(2):
        Job.objects.create(
            kind="k",
            subsystem="s",
            lane="events",
            status="running",
            holder=f"{leases.this_host()}/{number}",
            **now,
        )
    lives = liveness.look()
    assert (lives[""].here, lives[""].busy) == ({}, 0)
    assert (list(lives["events"].here), lives["events"].busy) == ([liveness.WORKER], 2)
    for lane in queue.LANES:
        liveness.ping(lane)
        assert queue.counts(lane) == {"waiting": 1, "taken": 0}
    assert queue.counts() == {"waiting": 2, "taken": 0}
