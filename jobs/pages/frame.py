"""What every page has: the login wall, the actor, the frame around it, refusals as pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.views.decorators.cache import never_cache

from jobs.actions import Actor, Right, actor_of
from jobs.errors import JobError
from jobs.pages.wording import forms
from jobs.presentation import etag_of
from proxy.errors import S3Error

View = Callable[..., HttpResponseBase]


def live(request: HttpRequest) -> bool:
    """The request asks for the live part of a page only."""
    return request.headers.get("HX-Request") == "true"


def page(view: View) -> View:
    """A page for staff: `view(request, actor, ...)`; refusals are rendered with their status."""

    @wraps(view)
    def staff_only(request: HttpRequest, actor: Actor, *args: Any, **kwargs: Any) -> HttpResponseBase:
        actor.require(Right.VIEW)
        return view(request, actor, *args, **kwargs)

    return open_page(staff_only)


def open_page(view: View) -> View:
    """A page for everybody who is signed in; what they may see is for the view to decide."""

    @never_cache
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _to_login(request)
        actor = actor_of(request)
        try:
            return view(request, actor, *args, **kwargs)
        except (JobError, S3Error) as refusal:
            return refused(request, actor, refusal)

    return guarded


def refused(request: HttpRequest, actor: Actor, refusal: JobError | S3Error) -> HttpResponse:
    """A refusal as a page with its status, or as JSON for a script that asks for that."""
    if wants_json(request):
        body = {"error": refusal.message, "code": refusal.code}
        response: HttpResponse = JsonResponse(body, status=refusal.status)
    else:
        context = {"message": refusal.message, "status": refusal.status}
        response = framed(request, actor, "jobs/problem.html", context, refusal.status)
    if isinstance(refusal, S3Error) and "Retry-After" in refusal.headers:
        response["Retry-After"] = refusal.headers["Retry-After"]
    return response


def wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "").startswith("application/json")


def framed(
    request: HttpRequest, actor: Actor, template: str, context: Mapping[str, Any], status: int = 200
) -> HttpResponse:
    """The template with what base.html needs."""
    frame = {
        "actor": actor,
        "may_look": actor.may(Right.VIEW),
        "may_operate": actor.may(Right.OPERATE),
        "may_administer": actor.may(Right.ADMIN),
        "environment": getattr(settings, "ENVIRONMENT_LABEL", ""),
        "endpoint": f"{request.scheme}://{request.get_host()}",
        "forms": forms(),
    }
    return render(request, template, {**frame, **context}, status=status)


def polled(
    request: HttpRequest, actor: Actor, whole: str, part: str, context: Mapping[str, Any], facts: Any
) -> HttpResponse:
    """The whole page, or for a poll its live part: 304 while `facts` are what they were."""
    if not live(request):
        response: HttpResponse = framed(request, actor, whole, context)
    else:
        etag = etag_of(facts)
        unchanged = get_conditional_response(request, etag=etag)
        response = unchanged or framed(request, actor, part, context)
        response["ETag"] = etag
    patch_vary_headers(response, ["HX-Request"])
    return response


def steady(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without what changes by the passing of time alone."""
    return {name: value for name, value in row.items() if name not in ("rate", "eta_s")}


def _to_login(request: HttpRequest) -> HttpResponse:
    back = request.get_full_path()
    target = f"{reverse('console:login')}?{urlencode({'next': back})}"
    if live(request):
        return HttpResponse(status=401, headers={"HX-Redirect": target})
    if wants_json(request):
        body = {"error": "Your session has ended. Sign in again.", "code": "Unauthorized"}
        return JsonResponse(body, status=401)
    return HttpResponseRedirect(target)
