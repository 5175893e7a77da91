"""Reload the rules: what the configuration file would change, and taking it over."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from jobs import actions
from jobs.actions import Actor, Right
from jobs.errors import RulesRefused
from jobs.pages.frame import framed, page


@require_http_methods(["GET", "HEAD", "POST"])
@page
def reload(request: HttpRequest, actor: Actor) -> HttpResponse:
    """GET reads the file and says what would change; POST takes it over, whole or not at all."""
    actor.require(Right.OPERATE)
    status = 200
    if request.method == "POST":
        try:
            done = actions.sync_rules(actor)
        except RulesRefused:
            status = RulesRefused.status
        else:
            counts = ", ".join(f"{number} {what}" for what, number in done.difference.counts().items())
            messages.success(request, f"The rules were taken over: {counts}.")
            return HttpResponseRedirect(reverse("console:jobs"))
    found = actions.check_rules(actor)
    context: dict[str, Any] = {
        "section": "jobs",
        "found": found,
        "changes": [
            (word, getattr(found.difference, name))
            for word, name in (("New", "added"), ("Changed", "changed"), ("Gone", "removed"))
        ],
        "unchanged": len(found.difference.unchanged),
        "rules": actions.last_sync(actor),
        "tried": status != 200,
    }
    return framed(request, actor, "jobs/reload.html", context, status)
