"""The leader's tick: zombies back, due rules in, lost messages sent again, old history pruned.

Any number of schedulers may run; the one that holds the leader's lease works, the others wait.
Each duty stands alone: one that fails is logged and does not take the others along. Before each
one the lease is looked at again, so that a leader that was stopped for long does nothing more.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import Error, connection
from django.db.models import F, Q

from jobs import clock, heartbeat, leader, leases, pruning, queue, recovery, scheduling, transitions
from jobs.clock import NowMs
from jobs.models import Job
from jobs.rules import s3_lifecycle

log = logging.getLogger(__name__)

DUTY = "scheduler"
ROLE = "scheduler"
RESEND_MS = 30_000
"""A message older than this may be lost."""
RESEND_BATCH = 100


@dataclass(frozen=True, slots=True)
class Duty:
    """Something that the leader does, every so many milliseconds at most; 0: at each tick."""

    name: str
    do: Callable[[], Any]
    every_ms: int = 0


def resend_lost(older_ms: int = RESEND_MS, lanes: Sequence[str] = queue.LANES) -> int:
    """A message for each job that could be worked on and has none that is young: how many.

    Those whose wait is over are sent at once. The others only while fewer messages wait in their
    lane than jobs do: a queue that nobody serves must not grow.
    """
    return sum(_resend_lane(lane, older_ms) for lane in lanes)


def _resend_lane(lane: str, older_ms: int) -> int:
    ready = Job.objects.filter(transitions.claimable(), lane=lane, holder="").order_by("sent_ms")
    woken = Q(not_before_ms__gt=0, sent_ms__lt=F("not_before_ms"))
    other_clock = ~Q(lease_clock=clock.clock_id())
    overdue = Q(sent_ms__lt=NowMs() - older_ms)
    if queue.counts(lane)["waiting"] >= ready.count():
        overdue = Q(pk__in=[])
    due = list(ready.filter(woken | other_clock | overdue).values_list("pk", flat=True)[:RESEND_BATCH])
    return sum(transitions.resend(job_id, lane) for job_id in due)


DUTIES = (
    Duty("recover", recovery.recover),
    Duty("take over lifecycle configurations", s3_lifecycle.sync, every_ms=5_000),
    Duty("begin what is due", scheduling.begin_due),
    Duty("resend", resend_lost),
    Duty("prune", pruning.prune, every_ms=60_000),
)
"""In this order."""


@dataclass(slots=True)
class Scheduler:
    """One process's scheduler. `tick` is due every `interval_s` seconds."""

    interval_s: float = 2.0
    duties: Sequence[Duty] = DUTIES
    _next_ms: dict[str, int] = field(default_factory=dict, init=False)

    def run_forever(self, stop: threading.Event) -> None:
        """Tick until `stop` is set; then the lease is given back."""
        while not stop.is_set():
            self._safely("tick", self.tick)
            stop.wait(self.interval_s)
        self._safely("resign", lambda: leader.resign(DUTY, leases.holder_id()))

    def tick(self) -> bool:
        """Do what is due, if this process leads to the end. Raises database errors of the lease itself."""
        heartbeat.beat(ROLE)
        holder = leases.holder_id()
        epoch = leader.lead(DUTY, holder, transitions.ttl_ms())
        if epoch is None:
            return False
        for duty in self.duties:
            if clock.local_ms() < self._next_ms.get(duty.name, 0):
                continue
            if not leader.leads(DUTY, holder, epoch):
                log.warning("scheduler: the lead was lost before: %s", duty.name)
                return False
            self._next_ms[duty.name] = clock.local_ms() + duty.every_ms
            self._safely(duty.name, duty.do)
        return True

    def _safely(self, duty: str, do: Callable[[], Any]) -> None:
        try:
            do()
        except Error as error:
            log.error("scheduler: %s: the database does not answer: %s", duty, error)
            connection.close()
        except Exception:
            log.exception("scheduler: %s failed", duty)
