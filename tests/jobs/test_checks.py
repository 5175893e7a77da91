"""Mistakes between settings are found at start; the engine's readings at a scrape."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as real
from django.utils import timezone
from pytest_django import Settings

from jobs import clock, heartbeat, leader, metrics, queue, standing
from jobs.checks import check
from jobs.models import Job, Run
from tests.jobs.ruled import make_rule
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
        ({"Q_CLUSTER": {**real.Q_CLUSTER, "ALT_CLUSTERS": {}}}, ["jobs.E005"]),
        ({"Q_CLUSTER": {**real.Q_CLUSTER, "name": "events"}}, ["jobs.E005"]),
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
    assert 0 <= found[("sluicegate_heartbeat_seconds", "worker", "")] < 5
    for lane in queue.LANES:
        assert found[("sluicegate_queue_messages", lane, "waiting")] == 0
        assert found[("sluicegate_queue_messages", lane, "taken")] == 0
        assert found[("sluicegate_queue_oldest_seconds", lane)] >= 0


@pytest.mark.django_db
def test_a_rule_is_in_line_since_its_run_was_asked_for_however_old_it_is(home: Path) -> None:
    job = make_rule("old")
    Job.objects.update(created_at=timezone.now() - timedelta(days=30))
    assert standing.enqueue(job, "reconcile", "tests") is not None
    found = {reading.name: reading.value for reading in metrics.readings()}
    assert 0 <= found["sluicegate_job_oldest_seconds"] < 60


@pytest.mark.django_db
def test_a_scrape_tells_of_rules_when_they_run_and_when_they_last_did(home: Path) -> None:
    now, hour_ago = timezone.now(), timezone.now() - timedelta(hours=1)
    make_rule("fresh")
    late, paused = make_rule("late"), make_rule("paused")
    Job.objects.filter(pk=late.pk).update(
        next_due_ms=clock.now_ms() - 30_000, status="failed", finished_at=now
    )
    Run.objects.create(
        job=late, triggered_by="x", started_at=hour_ago, finished_at=hour_ago, status="succeeded"
    )
    Run.objects.create(job=late, triggered_by="x", started_at=now, finished_at=now, status="failed")
    Run.objects.create(
        job=late, triggered_by="x", started_at=now, finished_at=now, status="succeeded", mode="verify"
    )
    Job.objects.filter(pk=paused.pk).update(paused=True, status="succeeded", finished_at=hour_ago)
    make_rule("vanished")
    Job.objects.filter(rule="vanished").update(declared=False)
    leader.lead("scheduler", "x", 60_000)
    found = {(reading.name, *reading.labels.values()): reading.value for reading in metrics.readings()}
    due = {
        labels[0]: value for (name, *labels), value in found.items() if name == "sluicegate_rule_due_seconds"
    }
    assert set(due) == {"ruled:fresh", "ruled:late"}
    assert -5 < due["ruled:fresh"] <= 0 and -35 < due["ruled:late"] <= -30
    for rule in ("late", "paused"):
        assert 3600 <= found[("sluicegate_rule_success_age_seconds", f"ruled:{rule}")] < 3700
    assert ("sluicegate_rule_success_age_seconds", "ruled:fresh") not in found
    assert found[("sluicegate_leader_epoch", "scheduler")] == 1
