"""One job and what belongs to it: runs, failures, audit trail; and the busy state of a bucket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Sum

from jobs.actions.actor import Actor, Right
from jobs.actions.showing import refreshed, shown_jobs
from jobs.errors import BadRequest, NotFound
from jobs.models import AuditEntry, Failure, Job, Run
from jobs.presentation import Shown
from jobs.progress import Progress
from jobs.states import ACTIVE

DEFAULT_LIMIT, MOST = 20, 100


@dataclass(frozen=True, slots=True)
class Failures:
    """The newest rows of the ring, how many objects failed in truth (in the runs that are kept), and the
    ring by code."""

    job: Job
    rows: list[Failure]
    total: int
    by_code: dict[str, int]


def lookup(actor: Actor, public_id: str) -> Shown:
    """The job that operators call `subsystem:key`; keys may hold colons. Raises NotFound."""
    actor.require(Right.VIEW)
    return find(public_id)


def find(public_id: str) -> Shown:
    """As `lookup`, for callers that check the right themselves. Raises NotFound."""
    subsystem, _, key = public_id.partition(":")
    rows: list[Any] = []
    if key and key.isascii() and key.isprintable():
        rows = list(shown_jobs().filter(rule=key, subsystem=subsystem))
    if not rows and key.isascii() and key.isdigit() and len(key) < 19:
        rows = list(shown_jobs().filter(rule="", pk=int(key), subsystem=subsystem))
    if not rows:
        raise NotFound(f"There is no job {public_id[:200]!r}.")
    return refreshed(rows)[0]


def runs(actor: Actor, public_id: str, limit: int = DEFAULT_LIMIT, *, details: bool = True) -> list[Run]:
    """The job's runs, newest first; an open one with the job's counts of now.

    Without `details` what they reported, which may be long, is not read. Raises NotFound, BadRequest.
    """
    job = lookup(actor, public_id).job
    rows = Run.objects.filter(job=job).order_by("-pk")
    found = list((rows if details else rows.defer("detail"))[: _checked(limit)])
    for run in found:
        if run.finished_at is None:
            for name, count in Progress.of(job).run_columns().items():
                setattr(run, name, count)
    return found


def run_of(actor: Actor, run_id: int) -> Run | None:
    """One run; None if it is not kept any more."""
    actor.require(Right.VIEW)
    return Run.objects.filter(pk=run_id).first()


def failures(actor: Actor, public_id: str, limit: int = DEFAULT_LIMIT, code: str = "") -> Failures:
    """The job's failures (of one code, if named), newest first. Raises NotFound, BadRequest."""
    job = lookup(actor, public_id).job
    ring = Failure.objects.filter(job=job)
    named = ring.filter(code=code) if code else ring
    rows = list(named.order_by("-pk")[: _checked(limit)])
    by_code = dict(ring.values_list("code").annotate(number=Count("pk")).order_by("-number", "code"))
    counted = Run.objects.filter(job=job).aggregate(errors=Sum("errors"))["errors"] or 0
    return Failures(job, rows, max(job.failed, counted, sum(by_code.values())), by_code)


def trail(actor: Actor, job: Job, limit: int = DEFAULT_LIMIT) -> list[AuditEntry]:
    """Who asked what of the job, newest first."""
    actor.require(Right.VIEW)
    return list(AuditEntry.objects.filter(job=job).order_by("-pk")[: _checked(limit)])


def busy(bucket_name: str) -> Shown | None:
    """The job that has the bucket, if one has; rules have none. Anybody who is logged in may ask."""
    active = shown_jobs().filter(bucket_name=bucket_name, rule="", status__in=ACTIVE)
    rows = active.order_by("-gated", "-pk")
    found = refreshed(list(rows[:1]))
    return found[0] if found and not found[0].job.terminal else None


def _checked(limit: int) -> int:
    if not 1 <= limit <= MOST:
        raise BadRequest(f"limit must be 1 to {MOST}, not {limit}.")
    return limit
