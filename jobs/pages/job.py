"""One job's page: definition, progress, runs, failures by code, audit trail."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from jobs import actions
from jobs.actions import Actor
from jobs.pages.chart import throughput
from jobs.pages.frame import page, polled, steady
from jobs.pages.wording import sentences
from jobs.presentation import (
    Shown,
    definition,
    failure_row,
    job_row,
    looked_at_again,
    run_row,
    seconds,
)
from jobs.states import ACTIVE

RUNS, FAILURES = 30, 50


@require_safe
@page
def job(request: HttpRequest, actor: Actor, job_id: str) -> HttpResponse:
    """Everything about a job; a poll gets the live part."""
    shown = actions.lookup(actor, job_id)
    row = job_row(shown, timezone.now())
    code = request.GET.get("code", "")[:64]
    failed = actions.failures(actor, job_id, FAILURES, code)
    runs = [run_row(run) for run in actions.runs(actor, job_id, RUNS, details=False)]
    trail = _trail(actor, shown)
    context: dict[str, Any] = {
        "section": "jobs",
        "row": row,
        "active": shown.at_work,
        "at_work": ACTIVE,
        "words": sentences(shown, shown.job.failed if shown.job.standing else failed.total),
        "definition": definition(shown.job),
        "duration": _duration(shown),
        "runs": runs,
        "chart": throughput(runs) if shown.job.standing else None,
        "failures": [failure_row(failure, shown.job) for failure in failed.rows],
        "looked_at_again": looked_at_again(shown, failed.rows),
        "total_failures": failed.total,
        "by_code": failed.by_code,
        "code": code,
        "trail": trail,
    }
    facts = [steady(row), runs, failed.total, failed.by_code, trail]
    return polled(request, actor, "jobs/job.html", "jobs/_job.html", context, facts)


def _trail(actor: Actor, shown: Shown) -> list[dict[str, Any]]:
    return [
        {
            "at": seconds(entry.at),
            "actor": entry.actor,
            "origin": entry.origin,
            "action": entry.action,
            **entry.detail,
        }
        for entry in actions.trail(actor, shown.job)
    ]


def _duration(shown: Shown) -> float | None:
    """Seconds from start to end, or to now."""
    start, end = shown.job.started_at, shown.job.finished_at
    return None if start is None else ((end or timezone.now()) - start).total_seconds()
