"""Running a rule through the engine, slice by slice."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from jobs import clock, standing
from jobs.engine import work
from jobs.kinds.base import Work
from jobs.models import Job
from tests.jobs.ruled import Ruled, make_rule
from tests.jobs.support import FAST, Walker

SCHEDULED = "reconcile"
Hook = Callable[[Work, str, Any], None]


def rule(kind: Ruled, **spec: Any) -> Job:
    """An idle rule that is due in a minute."""
    job = make_rule("mirror", kind, **spec)
    Job.objects.filter(pk=job.pk).update(**standing.due_in(60))
    return Job.objects.get(pk=job.pk)


def run(kind: Walker, job: Job, mode: str = SCHEDULED, by: str = "tests", **options: Any) -> Job:
    """Begin a run, and one slice of it."""
    assert standing.enqueue(Job.objects.get(pk=job.pk), mode, by, **options) is not None
    return go_on(kind, job)


def go_on(kind: Walker, job: Job) -> Job:
    work(job.pk, kinds={kind.name: kind}, limits=dataclasses.replace(FAST, pages=3))
    return Job.objects.get(pk=job.pk)


def due_in_s(job: Job) -> float:
    assert job.next_due_ms is not None
    return (job.next_due_ms - clock.now_ms()) / 1000


def once(do: Callable[[], None], *, token: str) -> Hook:
    """Does it at the first page with that token."""
    left = [do]

    def hook(work: Work, phase: str, at: str | None) -> None:
        if at == token and left:
            left.pop()()

    return hook


def raising(error: Exception) -> Callable[[], None]:
    def throw() -> None:
        raise error

    return throw
