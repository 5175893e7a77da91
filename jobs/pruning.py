"""What is deleted in the end: old signs of life, old audit, old jobs with their runs and failures.

In batches of well under a second each, so that no lease lapses while one holds the database.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable

from django.utils import timezone

from jobs import heartbeat, queue
from jobs.models import AuditEntry, Job
from jobs.states import TERMINAL

BEATS_MS = 3_600_000
HISTORY = dt.timedelta(days=365)
BATCH = 200


def prune(budget_s: float = 5.0) -> int:
    """Delete what is too old; how many rows went. What is left after `budget_s` goes next time."""
    until, gone = time.monotonic() + budget_s, 0
    for batch in (_beats, _jobs, _audit, queue.forget_failures):
        gone += _until_empty(batch, until)
    return gone


def _until_empty(batch: Callable[[int], int], until: float) -> int:
    gone = 0
    while time.monotonic() < until:
        count = batch(BATCH)
        gone += count
        if count < BATCH:
            break
    return gone


def _beats(limit: int) -> int:
    return heartbeat.forget_older(BEATS_MS, limit)


def _jobs(limit: int) -> int:
    old = Job.objects.filter(status__in=TERMINAL, finished_at__lt=timezone.now() - HISTORY)
    return Job.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:limit])).delete()[0]


def _audit(limit: int) -> int:
    old = AuditEntry.objects.filter(at__lt=timezone.now() - HISTORY).order_by("pk")
    return AuditEntry.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:limit])).delete()[0]
