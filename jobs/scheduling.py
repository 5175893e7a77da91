"""Rules that are due: their runs begin here, each in one transaction with when the next one is due."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from jobs import standing
from jobs.kinds import KINDS
from jobs.kinds.base import Kind
from jobs.models import Job, Run
from jobs.runs import SCHEDULE

BATCH = 200
"""Rules that one tick begins; the rest are due at the next one."""


def begin_due(kinds: Mapping[str, Kind] = KINDS, limit: int = BATCH) -> int:
    """A run for each rule that is due, the longest first: how many began.

    After a long time without any scheduler that is one run for each rule. The next one is due an interval
    after the beginning; a run that takes longer is followed by the next at once.
    """
    due = Job.objects.filter(standing.due(), kind__in=kinds).order_by("next_due_at")
    runs = (begin(job, kinds[job.kind], _scheduled(kinds[job.kind]), SCHEDULE) for job in due[:limit])
    return sum(run is not None for run in runs)


def begin(job: Job, kind: Kind, mode: str, triggered_by: str) -> Run | None:
    """A run in that mode. One in the mode of the schedule, whoever begins it, puts the next one off.

    None if the rule changed, or somebody else began a run, since it was read.
    """
    with transaction.atomic():
        run = standing.enqueue(job, mode, triggered_by)
        if run is not None and mode == _scheduled(kind):
            Job.objects.filter(pk=job.pk).update(**standing.due_in(job.spec["interval_s"]))
    return run


def _scheduled(kind: Kind) -> str:
    """The mode that a schedule begins: the kind's first."""
    return next(iter(kind.modes))
