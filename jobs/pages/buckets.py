"""The Buckets page: for operators where each bucket lives, its gate and its job; for users their own."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from jobs import actions
from jobs.actions import Actor, Right
from jobs.pages.frame import open_page, polled, steady
from jobs.presentation import job_row
from proxy import browsing, identity

PAGE = 50

Rows = tuple[list[dict[str, Any]], str | None]


@require_safe
@open_page
def buckets(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Buckets by name; a poll gets the table."""
    prefix, after = (request.GET.get(name, "").strip()[:100] for name in ("prefix", "after"))
    read = _operators if actor.may(Right.VIEW) else _users
    rows, more = read(request, actor, prefix, after)
    context = {
        "section": "buckets",
        "rows": rows,
        "prefix": prefix,
        "visits": identity.caller_of_login(request.user) is not None,
        "backends": actions.backends(actor) if actor.may(Right.VIEW) else [],
        "next": "?" + urlencode({"prefix": prefix, "after": more}) if more else "",
        "here": "?" + urlencode({"prefix": prefix, "after": after}),
    }
    facts = [{**row, "job": steady(row["job"]) if row["job"] else None} for row in rows]
    return polled(request, actor, "jobs/buckets.html", "jobs/_buckets.html", context, facts)


def _operators(request: HttpRequest, actor: Actor, prefix: str, after: str) -> Rows:
    found, more = actions.buckets(actor, prefix, after, PAGE)
    now = timezone.now()
    rows = [
        {**bucket.row(), "job": job_row(bucket.active, now) if bucket.active else None} for bucket in found
    ]
    return rows, more


def _users(request: HttpRequest, actor: Actor, prefix: str, after: str) -> Rows:
    """The visitor's own buckets and those that were granted: name, age, gate, and nothing of jobs."""
    caller = actions.caller_of(request)
    found, more = browsing.buckets(caller, actions.circumstances_of(request), prefix, after, PAGE)
    rows = [
        {
            "name": record.name,
            "created_at": record.created_ms // 1000,
            "gate": {"closed": record.gate.closed},
            "own": record.owner_id == caller.owner_id,
            "job": None,
        }
        for record in found
    ]
    return rows, found[-1].name if more else None
