"""Jobs with what every window shows of them and the row itself does not hold."""

from __future__ import annotations

from typing import Any

from django.db.models import (
    BooleanField,
    Case,
    CharField,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThanOrEqual

from jobs import recovery
from jobs.kinds import KINDS
from jobs.kinds.base import by_rule
from jobs.models import Failure, Job, Run
from jobs.presentation import Shown
from jobs.states import LEASED, Status

RETRY = "retry"
"""The mode of a rule in which it looks at single keys."""


WAITS = Q(paused=True, run_anyway=False)
"""No worker takes it, until it is resumed."""


def shown_jobs() -> QuerySet[Any, Any]:
    """Jobs with `shown`, their status as every window shows it, and of rules how their latest run was.

    Between two slices a job is shown as running, unless it is paused: then it waits, as before its first.
    """
    begun = Exists(Run.objects.filter(job=OuterRef("pk"), finished_at__isnull=True, status=Status.RUNNING))
    latest = Run.objects.filter(job=OuterRef("pk")).order_by("-pk")
    return Job.objects.annotate(
        shown=Case(
            When(Q(status=Status.QUEUED) & ~WAITS & begun, then=Value(Status.RUNNING.value)),
            default=F("status"),
            output_field=CharField(),
        ),
        raw=Subquery(latest.values("status_raw")[:1]),
        last_run=Subquery(latest.values("started_at")[:1]),
        failing=_failing(),
    )


def _failing() -> Case:
    """Whether objects of a rule failed that no run has looked at since; only the newest failure counts."""
    newest = _keyed(OuterRef("pk")).order_by("-pk").annotate(of=Coalesce("run_id", 0)).values("of")[:1]
    looked = Coalesce(Subquery(_looking(OuterRef("pk")).values("pk")[:1]), 0)
    return Case(
        When(rule="", then=Value(False)),
        When(GreaterThanOrEqual(Subquery(newest), looked), then=Value(True)),
        default=Value(False),
        output_field=BooleanField(),
    )


def open_failures(job: Job) -> QuerySet[Failure]:
    """The failed objects of a rule that no run has looked at since, as far as the ring holds them."""
    looked = _looking(job.pk).values_list("pk", flat=True).first()
    return _keyed(job.pk).filter(run_id__gte=looked) if looked else _keyed(job.pk)


def _looking(job: Any) -> QuerySet[Run]:
    """The latest run first that looked at all there is, or at all that had failed, and came to its end."""
    modes = [RETRY] + [next(iter(kind.modes)) for kind in KINDS.values() if by_rule(kind)]
    ended = Run.objects.filter(job=job, mode__in=modes, status=Status.SUCCEEDED)
    return ended.filter(detail__unfinished__isnull=True).order_by("-pk")


def _keyed(job: Any) -> QuerySet[Failure]:
    """Failures of single objects: others tell why a run failed."""
    return Failure.objects.filter(job=job).exclude(key="")


def as_shown(row: Any) -> Shown:
    """A row of `shown_jobs` as the windows take it."""
    return Shown(row, Status(row.shown), row.raw or "", row.last_run, row.failing)


def refreshed(page: list[Any]) -> list[Shown]:
    """The rows, after the engine has settled those among them whose worker was lost."""
    changed = [row.pk for row in page if row.status in LEASED and recovery.refresh(row.pk)]
    fresh = {row.pk: row for row in shown_jobs().filter(pk__in=changed)} if changed else {}
    return [as_shown(fresh.get(row.pk, row)) for row in page]
