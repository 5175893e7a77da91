"""Mistakes between settings are found at start; the engine's readings at a scrape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as real
from pytest_django import Settings

from jobs import clock, heartbeat, metrics
from jobs.checks import check
from jobs.models import Job
from tests.jobs.support import Walker, make_bucket, make_job


def ids() -> list[str]:
    return [str(message.id) for message in check()]


def test_the_shipped_settings_are_right() -> None:
    assert ids() == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"SLICE_SECONDS": 120}, ["jobs.E001"]),
        ({"Q_CLUSTER": {**real.Q_CLUSTER, "timeout": 600}}, ["jobs.E001"]),
        ({"Q_CLUSTER": {**real.Q_CLUSTER, "timeout": None}}, ["jobs.E001"]),
        ({"Q_CLUSTER": {**real.Q_CLUSTER, "ack_failures": False}}, ["jobs.E003"]),
        ({"Q_CLUSTER": {**real.Q_CLUSTER, "max_attempts": 0, "scheduler": True}}, ["jobs.E003"] * 2),
        ({"JOB_LIMITS": {"migrate": {"crashes": 3}}}, []),
        ({"JOB_LIMITS": {"nothing": {}}}, ["jobs.E004"]),
        ({"JOB_LIMITS": {"migrate": {"crash": 3}}}, ["jobs.E004"]),
        ({"LEASE_SECONDS": 20}, ["jobs.W001"]),
    ],
)
def test_a_mistake_is_named(settings: Settings, change: dict[str, Any], expected: list[str]) -> None:
    for name, value in change.items():
        setattr(settings, name, value)
    assert ids() == expected


@pytest.mark.django_db
def test_what_a_scrape_reads(home: Path) -> None:
    bucket = make_bucket()
    job = make_job(Walker(), bucket)
    make_bucket()
    Job.objects.update(
        status="running", holder="x", lease_clock=clock.clock_id(), lease_expires_ms=clock.now_ms() + 30_000
    )
    heartbeat.beat("worker")
    found = {(reading.name, *reading.labels.values()): reading.value for reading in metrics.readings()}
    assert found[("sluicegate_jobs", "running")] == 1 and found[("sluicegate_jobs", "failed")] == 0
    assert found[("sluicegate_gates_closed",)] == 1
    assert found[("sluicegate_gates_draining",)] == 1
    assert 25 < found[("sluicegate_lease_seconds", job.public_id)] <= 30
    assert 0 <= found[("sluicegate_heartbeat_seconds", "worker")] < 5
    assert found[("sluicegate_queue_messages", "taken")] == 0
    assert found[("sluicegate_queue_oldest_seconds",)] >= 0
