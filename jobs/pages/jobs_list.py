"""The Jobs page: tabs with counts, filters in the URL, one row per job, live progress."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from jobs import actions
from jobs.actions import Actor, Filters
from jobs.actions.listing import RULES_FIRST
from jobs.kinds import KINDS
from jobs.pages.frame import page, polled, steady
from jobs.presentation import job_row
from jobs.presentation.rows import TRIGGERS
from jobs.states import Status

TABS = (
    Status.RUNNING,
    Status.QUEUED,
    Status.CANCELLING,
    Status.SUCCEEDED,
    Status.FAILED,
    Status.CANCELLED,
    Status.IDLE,
)
FILTERS = ("q", "kind", "bucket", "trigger", "paused")
PAGE = 25


@require_safe
@page
def jobs(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The list; a poll gets its live part."""
    given = {name: request.GET.get(name, "").strip() for name in (*FILTERS, "status", "sort", "cursor")}
    filters = Filters(status=given["status"], **{name: given[name] for name in FILTERS})
    sort = given["sort"] or RULES_FIRST
    found = actions.listing(actor, filters, None, given["cursor"] or None, sort, PAGE)
    counts = actions.counts(actor, filters)
    now = timezone.now()
    rows = [job_row(shown, now, listed=True) for shown in found.jobs]
    workers, rules = actions.workers(actor), actions.last_sync(actor)
    context: dict[str, Any] = {
        "section": "jobs",
        "rows": rows,
        "given": given,
        "filtered": any(given[name] for name in FILTERS),
        "kinds": sorted(KINDS),
        "triggers": TRIGGERS,
        "tabs": _tabs(given, counts),
        "workers": workers,
        "why": workers.why(),
        "rules": rules,
        "next": _url(given, cursor=found.next_cursor) if found.next_cursor else "",
        "first": _url(given, cursor="") if given["cursor"] else "",
        "here": _url(given),
    }
    lively = [counts, workers.alive, workers.in_line, workers.paused, found.next_cursor, given]
    facts = [[steady(row) for row in rows], *lively, rules.findings, rules.refused and rules.tried_at]
    return polled(request, actor, "jobs/list.html", "jobs/_list.html", context, facts)


def _tabs(given: dict[str, str], counts: dict[Status, int]) -> list[dict[str, Any]]:
    whole = {
        "name": "all",
        "count": sum(counts.values()),
        "current": not given["status"],
        "url": _url(given, status="", cursor=""),
    }
    return [whole] + [
        {
            "name": status.value,
            "count": counts[status],
            "current": given["status"] == status.value,
            "url": _url(given, status=status.value, cursor=""),
        }
        for status in TABS
    ]


def _url(given: dict[str, str], **change: Any) -> str:
    """The list's address with these filters: what can be sent to a colleague."""
    return "?" + urlencode({name: value for name, value in {**given, **change}.items() if value})
