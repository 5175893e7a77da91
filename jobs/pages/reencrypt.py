"""Re-encrypt buckets: a form for several at once, what each would need, and the start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from jobs import actions
from jobs.actions import Actor, Right
from jobs.errors import JobError
from jobs.kinds.reencryption.deciding import MODES
from jobs.pages.frame import framed, page
from proxy.errors import S3Error

BUCKETS_OFFERED = 1000


@dataclass(frozen=True, slots=True)
class Wish:
    """What the form asks for; `mode` is empty for no more than is needed."""

    buckets: tuple[str, ...]
    mode: str


def _read(given: QueryDict) -> Wish:
    names = [name.strip()[:100] for name in given.getlist("bucket")]
    mode = given.get("mode", "")
    return Wish(tuple(name for name in dict.fromkeys(names) if name), mode if mode in MODES else "")


@require_http_methods(["GET", "HEAD", "POST"])
@page
def reencrypt(request: HttpRequest, actor: Actor) -> HttpResponse:
    """GET shows the form, with `preview` also the plans; POST starts."""
    actor.require(Right.OPERATE)
    wish = _read(request.POST if request.method == "POST" else request.GET)
    context: dict[str, Any] = {
        "section": "reencrypt",
        "wish": wish,
        "modes": MODES,
        "buckets": [bucket.record for bucket in actions.buckets(actor, limit=BUCKETS_OFFERED)[0]],
    }
    try:
        if request.method == "POST":
            return _start(request, actor, wish, context)
        if "preview" in request.GET:
            found = actions.preview_reencryption(actor, wish.buckets, wish.mode)
            context["plans"] = [plan.preview for plan in found.plans.values()]
            context["errors"] = _told(found.errors)
    except (JobError, S3Error) as refusal:
        context["errors"] = [{"message": refusal.message}]
        return framed(request, actor, "jobs/reencrypt.html", context, refusal.status)
    return framed(request, actor, "jobs/reencrypt.html", context)


def _start(request: HttpRequest, actor: Actor, wish: Wish, context: dict[str, Any]) -> HttpResponse:
    """To the one job, or to the list of them; what was refused is told beside the form."""
    found = actions.start_reencryption(actor, wish.buckets, wish.mode)
    jobs = list(found.jobs.values())
    if not jobs:
        context["errors"] = _told(found.errors)
        status = max(refusal.status for refusal in found.errors.values())
        return framed(request, actor, "jobs/reencrypt.html", context, status)
    messages.success(request, f"{', '.join(job.public_id for job in jobs)} started.")
    for told in _told(found.errors):
        messages.error(request, f"{told['bucket']}: {told['message']}")
    if len(jobs) == 1:
        return HttpResponseRedirect(reverse("console:job", args=[jobs[0].public_id]))
    return HttpResponseRedirect(reverse("console:jobs"))


def _told(errors: dict[str, JobError | S3Error]) -> list[dict[str, Any]]:
    """Each refusal, with the job that has the bucket if that is why."""
    return [
        {"bucket": name, "message": refusal.message, "job": refusal.fields.get("job")}
        for name, refusal in errors.items()
    ]
