"""Signs of life of our processes, for the supervisor, the metrics and the screen."""

from __future__ import annotations

import os

from jobs import clock, leases
from jobs.clock import NowMs
from jobs.models import Heartbeat

_lane = ""


def in_lane(lane: str) -> None:
    """This process, and each that it forks, serves that lane of the queue: its signs of life say so."""
    global _lane
    _lane = lane


def beat(role: str, job_id: int | None = None) -> None:
    """This process lives, in that role (web, worker, scheduler, cluster), busy with that job."""
    Heartbeat.objects.update_or_create(
        process=leases.holder_id(),
        defaults={
            "role": role,
            "lane": _lane,
            "host": leases.this_host(),
            "pid": os.getpid(),
            "beat_ms": NowMs(),
            "clock": clock.clock_id(),
            "job_id": job_id,
        },
    )


def forget_older(age_ms: int, limit: int = 1_000) -> int:
    """Delete beats older than that, and those of another clock; how many went."""
    old = Heartbeat.objects.exclude(clock=clock.clock_id(), beat_ms__gte=clock.now_ms() - age_ms)
    names = list(old.values_list("process", flat=True)[:limit])
    return Heartbeat.objects.filter(process__in=names).delete()[0]
