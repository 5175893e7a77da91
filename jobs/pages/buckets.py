"""The Buckets page: where each bucket lives, its gate, and the job that has it."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from jobs import actions
from jobs.actions import Actor
from jobs.pages.frame import page, polled, steady
from jobs.presentation import job_row

PAGE = 50


@require_safe
@page
def buckets(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Buckets by name; a poll gets the table."""
    prefix, after = (request.GET.get(name, "").strip()[:100] for name in ("prefix", "after"))
    found, more = actions.buckets(actor, prefix, after, PAGE)
    now = timezone.now()
    rows = [
        {**bucket.row(), "job": job_row(bucket.active, now) if bucket.active else None} for bucket in found
    ]
    context = {
        "section": "buckets",
        "rows": rows,
        "prefix": prefix,
        "backends": actions.backends(actor),
        "next": "?" + urlencode({"prefix": prefix, "after": more}) if more else "",
        "here": "?" + urlencode({"prefix": prefix, "after": after}),
    }
    facts = [{**row, "job": steady(row["job"]) if row["job"] else None} for row in rows]
    return polled(request, actor, "jobs/buckets.html", "jobs/_buckets.html", context, facts)
