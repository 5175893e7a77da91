"""The leader's tick: zombies back, lost messages sent again, old history pruned.

Any number of schedulers may run; the one that holds the leader's lease works, the others wait.
Each duty stands alone: one that fails is logged and does not take the others along.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db import Error, connection
from django.db.models import F, Q

from jobs import clock, heartbeat, leader, leases, pruning, queue, recovery, transitions
from jobs.clock import NowMs
from jobs.models import Job

log = logging.getLogger(__name__)

DUTY = "scheduler"
ROLE = "scheduler"
RESEND_MS = 30_000
"""A message older than this may be lost."""
RESEND_BATCH = 100
PRUNE_MS = 60_000


@dataclass(slots=True)
class Scheduler:
    """One process's scheduler. `tick` is due every `interval_s` seconds."""

    interval_s: float = 2.0
    resend_ms: int = RESEND_MS
    prune_ms: int = PRUNE_MS
    _prune_at_ms: int = field(default=0, init=False)

    def run_forever(self, stop: threading.Event) -> None:
        """Tick until `stop` is set; then the lease is given back."""
        while not stop.is_set():
            self._safely("tick", self.tick)
            stop.wait(self.interval_s)
        self._safely("resign", lambda: leader.resign(DUTY, leases.holder_id()))

    def tick(self) -> bool:
        """Do what is due, if this process leads. Raises database errors of the lease itself."""
        heartbeat.beat(ROLE)
        if leader.lead(DUTY, leases.holder_id(), transitions.ttl_ms()) is None:
            return False
        self._safely("recover", recovery.recover)
        self._safely("resend", lambda: resend_lost(self.resend_ms))
        if clock.local_ms() >= self._prune_at_ms:
            self._prune_at_ms = clock.local_ms() + self.prune_ms
            self._safely("prune", pruning.prune)
        return True

    def _safely(self, duty: str, do: Callable[[], Any]) -> None:
        try:
            do()
        except Error as error:
            log.error("scheduler: %s: the database does not answer: %s", duty, error)
            connection.close()
        except Exception:
            log.exception("scheduler: %s failed", duty)


def resend_lost(older_ms: int = RESEND_MS) -> int:
    """A message for each job that could be worked on and has none that is young: how many.

    Those whose wait is over are sent at once. The others only while fewer messages wait than
    jobs do: a queue that nobody serves must not grow.
    """
    ready = Job.objects.filter(transitions.claimable(), holder="").order_by("sent_ms")
    woken = Q(not_before_ms__gt=0, sent_ms__lt=F("not_before_ms"))
    other_clock = ~Q(lease_clock=clock.clock_id())
    overdue = Q(sent_ms__lt=NowMs() - older_ms)
    if queue.counts()["waiting"] >= ready.count():
        overdue = Q(pk__in=[])
    due = list(ready.filter(woken | other_clock | overdue).values_list("pk", flat=True)[:RESEND_BATCH])
    return sum(transitions.resend(job_id) for job_id in due)
