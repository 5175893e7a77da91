"""The lanes of the queue: a message goes to the workers that it is for, whoever sends it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site
from django_q.conf import Conf
from django_q.models import OrmQ

from jobs import clock, heartbeat, liveness, queue
from jobs.models import Heartbeat, Job
from jobs.scheduler import resend_lost
from tests.jobs.ruled import make_rule
from tests.jobs.support import Walker, make_job

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def in_events(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process is one of the cluster of the lane `events`."""
    for name in ("CLUSTER_NAME", "WORKERS", "QUEUE_LIMIT"):
        monkeypatch.setattr(Conf, name, getattr(Conf, name))
    monkeypatch.setattr(heartbeat, "_lane", "")
    queue.serve("events")
    heartbeat.in_lane("events")
    yield


def waiting(lane: str) -> int:
    return queue.counts(lane)["waiting"]


def test_a_cluster_of_a_lane_has_workers_of_its_own(home: Path, in_events: None) -> None:
    assert (Conf.CLUSTER_NAME, Conf.WORKERS, Conf.QUEUE_LIMIT) == (
        "events",
        site.EVENT_WORKERS,
        site.EVENT_WORKERS,
    )
    queue.serve("")
    assert (Conf.CLUSTER_NAME, Conf.WORKERS, Conf.QUEUE_LIMIT) == (
        "sluicegate",
        site.JOB_WORKERS,
        site.JOB_WORKERS,
    )
    with pytest.raises(KeyError):
        queue.serve("unknown")


def test_what_a_worker_of_one_lane_sends_to_the_other_comes_there(home: Path, in_events: None) -> None:
    make_job(Walker())
    assert (waiting(""), waiting("events"), queue.counts()["waiting"]) == (1, 0, 1)
    queue.send(1, "events")
    queue.ping("")
    assert (waiting(""), waiting("events"), queue.counts()["waiting"]) == (2, 1, 3)


def test_a_sign_of_life_tells_its_lane(home: Path, in_events: None) -> None:
    liveness.pong()
    assert Heartbeat.objects.get().lane == "events"


def test_pings_of_a_lane_end_where_many_messages_wait_in_it(home: Path) -> None:
    for _ in range(liveness.MOST_WAITING):
        queue.send(1, "events")
    for lane in queue.LANES:
        liveness.ping(lane)
    assert (waiting(""), waiting("events")) == (1, liveness.MOST_WAITING)


@pytest.mark.parametrize(
    ("change", "waits"),
    [
        ({}, True),
        ({"lane": ""}, False),
        ({"status": "idle"}, False),
        ({"status": "running"}, False),
        ({"holder": "x"}, False),
        ({"paused": True}, False),
        ({"paused": True, "run_anyway": True}, True),
        ({"needs_confirmation": True}, False),
        ({"not_before_ms": 2**40}, False),
    ],
)
def test_whether_others_wait_in_a_lane(home: Path, change: dict[str, Any], waits: bool) -> None:
    make_rule("mirror")
    Job.objects.update(**{"status": "queued", "lease_clock": clock.clock_id(), **change})
    assert queue.others_wait("events") is waits


def test_what_was_lost_in_one_lane_is_sent_again_though_the_other_is_full(home: Path) -> None:
    for number in range(3):
        make_job(Walker())
        make_rule(f"rule-{number}")
    Job.objects.filter(lane="events").update(status="queued", lease_clock=clock.clock_id())
    Job.objects.update(sent_ms=1)
    for _ in range(2):
        resend_lost(1000)
    assert (waiting(""), waiting("events")) == (3, 3)


def test_a_starting_cluster_sends_again_what_its_own_lane_had_taken(home: Path) -> None:
    make_job(Walker())
    make_rule("mirror")
    Job.objects.filter(lane="events").update(status="queued", lease_clock=clock.clock_id(), sent_ms=1)
    OrmQ.objects.all().delete()
    assert resend_lost(0, ("events",)) == 1
    assert (waiting(""), waiting("events")) == (0, 1)
