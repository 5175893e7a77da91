"""The pages that ask before something is done to a job, and the preview of a rule."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from jobs import actions, units
from jobs.actions import Actor, Right
from jobs.errors import Conflict, NotFound
from jobs.kinds.base import Action
from jobs.pages.asking import Asked, asked
from jobs.pages.frame import framed, page
from jobs.pages.wording import sentences
from jobs.presentation import Shown, available, job_row, supported, why_not


@require_http_methods(["GET", "HEAD", "POST"])
@page
def act(request: HttpRequest, actor: Actor, job_id: str, action: str) -> HttpResponse:
    """Say what will happen, then do it. Works without scripts: a page and a button."""
    shown = actions.lookup(actor, job_id)
    if action == Action.PREVIEW and action in supported(shown.kind):
        return _preview(request, actor, job_id)
    asking = asked(action, shown.job.standing)
    if asking is None or action not in supported(shown.kind):
        raise NotFound(f"There is no page for {action[:40]!r}.")
    told = _unconfirmed(request, shown, action)
    if request.method == "POST" and not told:
        return _do(request, actor, job_id, action, asking)
    actor.require(Right.OPERATE)
    if action not in available(shown):
        raise Conflict(f"{action} does not apply to {job_id}: {why_not(shown, Action(action))}.")
    context = {
        "section": "jobs",
        "row": job_row(shown, timezone.now()),
        "action": action,
        "asked": asking,
        "title": asking.title.format(id=shown.job.public_id),
        "says": _says(shown, asking, actions.failed_keys(actor, shown.job)),
        "previews": Action.PREVIEW in supported(shown.kind) and action == Action.RUN_NOW,
        "back": reverse("console:job", args=[job_id]),
        "destructive": _destructive(shown, action),
        "error": told,
    }
    return framed(request, actor, "jobs/ask.html", context, 400 if told else 200)


def _do(request: HttpRequest, actor: Actor, job_id: str, action: str, asking: Asked) -> HttpResponse:
    done = actions.perform(actor, job_id, action)
    after = done.shown.job.public_id
    which = f"Its number is {done.run.pk}." if done.run is not None else f"This is {after}."
    messages.success(request, f"{asking.done} {which}")
    return HttpResponseRedirect(reverse("console:job", args=[after]))


def _preview(request: HttpRequest, actor: Actor, job_id: str) -> HttpResponse:
    done = actions.perform(actor, job_id, Action.PREVIEW)
    context = {
        "section": "jobs",
        "row": job_row(done.shown, timezone.now()),
        "plan": done.preview,
        "back": reverse("console:job", args=[job_id]),
    }
    return framed(request, actor, "jobs/preview.html", context)


def _says(shown: Shown, asking: Asked, failed: Sequence[str]) -> list[str]:
    """What will happen, in sentences."""
    job, words = shown.job, sentences(shown)
    if not asking.says:
        return [words["stop" if job.turned else "cancel"]]
    told = [asking.says.format(bucket=job.bucket_name, failed=units.counted(len(failed), "object"))]
    if asking.runs and (job.paused or not job.enabled):
        state = "paused" if job.paused else "disabled in its configuration"
        told.append(f"The rule is {state} and stays so: this is done once all the same.")
    return told


def _destructive(shown: Shown, action: str) -> bool:
    """It would delete something once more: the bucket's name is asked for."""
    flags = ("delete_source", "replace_target")
    return action == Action.RETRY_FAILED and any(shown.job.spec.get(flag) for flag in flags)


def _unconfirmed(request: HttpRequest, shown: Shown, action: str) -> str:
    """What to tell who posted without the bucket's name where it is asked for; empty if all is well."""
    if request.method != "POST":
        return ""
    name = shown.job.bucket_name
    if not _destructive(shown, action) or request.POST.get("confirm", "").strip() == name:
        return ""
    return f"Nothing was started: type the bucket's name, {name}, to confirm."
