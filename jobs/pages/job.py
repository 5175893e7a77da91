"""One job's page, and the pages that ask before it is cancelled or tried again."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from jobs import actions
from jobs.actions import Actor
from jobs.errors import Conflict, NotFound
from jobs.kinds.base import Action
from jobs.pages.frame import framed, page, polled, steady
from jobs.pages.wording import sentences
from jobs.presentation import Shown, available, definition, failure_row, job_row, run_row, seconds

ASKED = (Action.CANCEL, Action.RETRY_FAILED)
DONE = {
    Action.CANCEL: "Cancel was asked for.",
    Action.RETRY_FAILED: "A new job was started in its place.",
}


@require_safe
@page
def job(request: HttpRequest, actor: Actor, job_id: str) -> HttpResponse:
    """Definition, progress, runs, failures by code, audit trail; a poll gets the live part."""
    shown = actions.lookup(actor, job_id)
    row = job_row(shown, timezone.now())
    code = request.GET.get("code", "")[:64]
    failed = actions.failures(actor, job_id, 50, code)
    runs = [run_row(run) for run in actions.runs(actor, job_id)]
    trail = [
        {
            "at": seconds(entry.at),
            "actor": entry.actor,
            "origin": entry.origin,
            "action": entry.action,
            **entry.detail,
        }
        for entry in actions.trail(actor, shown.job)
    ]
    context: dict[str, Any] = {
        "section": "jobs",
        "row": row,
        "active": not shown.job.terminal,
        "words": sentences(shown, failed.total),
        "definition": definition(shown.job),
        "duration": _duration(shown),
        "runs": runs,
        "failures": [failure_row(failure) for failure in failed.rows],
        "total_failures": failed.total,
        "by_code": failed.by_code,
        "code": code,
        "trail": trail,
    }
    facts = [steady(row), runs, failed.total, failed.by_code, trail]
    return polled(request, actor, "jobs/job.html", "jobs/_job.html", context, facts)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def act(request: HttpRequest, actor: Actor, job_id: str, action: str) -> HttpResponse:
    """Say what will happen, then do it. Works without scripts: a page and a button."""
    if action not in ASKED:
        raise NotFound(f"There is no page for {action[:40]!r}.")
    here = reverse("console:job", args=[job_id])
    told = _unconfirmed(request, actor, job_id, action)
    if request.method == "POST" and not told:
        shown = actions.perform(actor, job_id, action)
        messages.success(request, f"{DONE[Action(action)]} This is {shown.job.public_id}.")
        return HttpResponseRedirect(reverse("console:job", args=[shown.job.public_id]))
    shown = actions.lookup(actor, job_id)
    if action not in available(shown):
        raise Conflict(f"{shown.job.public_id} is {shown.status}: {action} does not apply to it.")
    context = {
        "section": "jobs",
        "row": job_row(shown, timezone.now()),
        "words": sentences(shown),
        "action": action,
        "back": here,
        "destructive": _destructive(shown, action),
        "error": told,
    }
    return framed(request, actor, "jobs/ask.html", context, 400 if told else 200)


def _destructive(shown: Shown, action: str) -> bool:
    """It would delete something once more: the bucket's name is asked for."""
    flags = ("delete_source", "replace_target")
    return action == Action.RETRY_FAILED and any(shown.job.spec.get(flag) for flag in flags)


def _unconfirmed(request: HttpRequest, actor: Actor, job_id: str, action: str) -> str:
    """What to tell who posted without the bucket's name where it is asked for; empty if all is well."""
    if request.method != "POST":
        return ""
    shown = actions.lookup(actor, job_id)
    name = shown.job.bucket_name
    if not _destructive(shown, action) or request.POST.get("confirm", "").strip() == name:
        return ""
    return f"Nothing was started: type the bucket's name, {name}, to confirm."


def _duration(shown: Shown) -> float | None:
    """Seconds from start to end, or to now."""
    start, end = shown.job.started_at, shown.job.finished_at
    return None if start is None else ((end or timezone.now()) - start).total_seconds()
