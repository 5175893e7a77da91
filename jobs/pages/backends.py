"""The Backends page: which answer, what they can, and how many buckets are on them."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from jobs import actions
from jobs.actions import Actor
from jobs.pages.frame import page, polled


@require_safe
@page
def backends(request: HttpRequest, actor: Actor) -> HttpResponse:
    """All configured backends; a poll gets the table."""
    rows = [backend.row() for backend in actions.shown_backends(actor)]
    context = {"section": "backends", "rows": rows}
    return polled(request, actor, "jobs/backends.html", "jobs/_backends.html", context, rows)
