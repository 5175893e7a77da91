"""Whether the processes of this host live, as seen from outside.

A cluster can be frozen while all of its processes are there: a worker that is killed while
idle takes the queue's lock with it. So a worker's sign of life is that it answered a message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db.models import Count, F

from jobs import clock, heartbeat, leases, queue
from jobs.clock import NowMs
from jobs.models import Heartbeat, Job
from jobs.states import LEASED

CLUSTER, WORKER, SCHEDULER = "cluster", "worker", "scheduler"

MOST_WAITING = 50
"""No more pings while so many messages wait: each of them is as good as a ping."""


def ping(lane: str) -> None:
    """Ask the workers of a lane, through the queue, for a sign of life."""
    if queue.counts(lane)["waiting"] < MOST_WAITING:
        queue.ping(lane)


def pong() -> None:
    """What a worker does with a ping."""
    heartbeat.beat(WORKER)


@dataclass(frozen=True, slots=True)
class Life:
    """Seconds since the youngest sign of life of each role, on this host and on the others.

    `busy`: workers of this host that hold a live lease; they live without any ping.
    """

    here: dict[str, float] = field(default_factory=dict)
    elsewhere: dict[str, float] = field(default_factory=dict)
    busy: int = 0


def look() -> Mapping[str, Life]:
    """What the control database shows now of each lane; the scheduler is in ""."""
    busy = _busy()
    lives = {lane: Life(busy=busy.get(lane, 0)) for lane in queue.LANES}
    rows = Heartbeat.objects.filter(clock=clock.clock_id()).annotate(age_ms=NowMs() - F("beat_ms"))
    for lane, role, host, age_ms in rows.values_list("lane", "role", "host", "age_ms"):
        life = lives.setdefault(lane, Life())
        ages = life.here if host == leases.this_host() else life.elsewhere
        ages[role] = min(ages.get(role, float("inf")), age_ms / 1000)
    return lives


def _busy() -> dict[str, int]:
    mine = Job.objects.filter(
        status__in=LEASED, holder__startswith=f"{leases.this_host()}/", lease_expires_ms__gte=NowMs()
    )
    return dict(mine.values_list("lane").annotate(number=Count("holder", distinct=True)))
