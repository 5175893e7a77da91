"""What is deleted in the end: old signs of life, old audit, old jobs with their runs and failures.

A rule's job stays as long as the rule is declared, with its latest runs.

In batches of well under a second each, so that no lease lapses while one holds the database.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db.models import Count, Max, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from jobs import heartbeat, queue
from jobs.models import AuditEntry, Job, Run
from jobs.states import TERMINAL, Event, sources

BEATS_MS = 3_600_000
HISTORY = dt.timedelta(days=365)
BATCH = 200


def prune(budget_s: float = 5.0) -> int:
    """Delete what is too old; how many rows went. What is left after `budget_s` goes next time."""
    until, gone = time.monotonic() + budget_s, 0
    for batch in (_beats, _jobs, _vanished_rules, _runs, _audit, queue.forget_failures):
        gone += _until_empty(batch, until)
    return gone


def _until_empty(batch: Callable[[int], int], until: float) -> int:
    gone = 0
    while time.monotonic() < until and (count := batch(BATCH)):
        gone += count
    return gone


def _beats(limit: int) -> int:
    return heartbeat.forget_older(BEATS_MS, limit)


def _jobs(limit: int) -> int:
    old = Job.objects.filter(rule="", status__in=TERMINAL, finished_at__lt=timezone.now() - HISTORY)
    return _deleted(old, limit)


def _vanished_rules(limit: int) -> int:
    """Rules that are not declared any more and have run, or were last changed, so long ago.

    One at a time: each takes as many runs along as the ring holds.
    """
    gone = Job.objects.filter(declared=False, status__in=sources(Event.ENQUEUE)).exclude(rule="")
    last = Coalesce(Max("runs__finished_at"), "updated_at")
    old = gone.annotate(last=last).filter(last__lt=timezone.now() - HISTORY)
    return _deleted(old, 1)


def _runs(limit: int) -> int:
    """Of each rule the oldest runs beyond settings.RUN_RING, by id."""
    crowded = Job.objects.exclude(rule="").annotate(number=Count("runs")).filter(number__gt=settings.RUN_RING)
    gone = 0
    for job_id in crowded.values_list("pk", flat=True)[:limit]:
        runs = Run.objects.filter(job_id=job_id)
        beyond = runs.order_by("-pk").values_list("pk", flat=True)[settings.RUN_RING :]
        old = runs.filter(pk__lte=beyond.first() or 0).order_by("pk").values_list("pk", flat=True)
        gone += Run.objects.filter(pk__in=list(old[: limit - gone])).delete()[1].get("jobs.Run", 0)
        if gone >= limit:
            break
    return gone


def _audit(limit: int) -> int:
    return _deleted(AuditEntry.objects.filter(at__lt=timezone.now() - HISTORY).order_by("pk"), limit)


def _deleted(old: QuerySet[Any], limit: int) -> int:
    """How many rows went, those that went along included."""
    return old.model.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:limit])).delete()[0]
