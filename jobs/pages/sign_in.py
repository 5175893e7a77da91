"""The login page and the way out."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from jobs import actions
from jobs.errors import Forbidden, TooManyAttempts, Unauthorized
from jobs.pages.frame import refused
from proxy import identity

LONGEST_PASSWORD = 4096


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def login_page(request: HttpRequest) -> HttpResponse:
    """The form; on success on to where the visitor wanted to go."""
    wanted = _safe(request, request.POST.get("next") or request.GET.get("next") or "")
    if request.method != "POST":
        if request.user.is_authenticated and _may_enter(request.user):
            return _onward(request, wanted)
        return render(request, "jobs/login.html", {"next": wanted})
    username = request.POST.get("username", "")
    try:
        _sign_in(request, username)
    except (Unauthorized, Forbidden, TooManyAttempts) as refusal:
        context: dict[str, Any] = {"next": wanted, "error": refusal.message, "username": username[:150]}
        return render(request, "jobs/login.html", context, status=refusal.status)
    return _onward(request, wanted)


@never_cache
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Operators begin with the jobs, everybody else with the buckets."""
    if not request.user.is_authenticated:
        return HttpResponseRedirect(reverse("console:login"))
    return HttpResponseRedirect(reverse("console:jobs" if request.user.is_staff else "console:buckets"))


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """End the session; back to the login page."""
    actions.sign_out(request)
    return HttpResponseRedirect(reverse("console:login"))


def _sign_in(request: HttpRequest, username: str) -> None:
    password = request.POST.get("password", "")[:LONGEST_PASSWORD]
    user = actions.sign_in(request, username, password, actions.origin_of(request), timezone.now())
    if not _may_enter(user):
        actions.sign_out(request)
        raise Forbidden("This account may not use the console.")


def _may_enter(user: Any) -> bool:
    """Operators of the console, and users of the gateway."""
    return user.is_staff or identity.caller_of_login(user) is not None


def _onward(request: HttpRequest, wanted: str) -> HttpResponse:
    """To the page that was asked for; but not to Django admin, which would send a user back here."""
    user = request.user
    if not user.is_staff and wanted.startswith("/_/admin/"):
        return refused(request, actions.actor_of(request), Forbidden("This page is for administrators."))
    return HttpResponseRedirect(wanted)


def _safe(request: HttpRequest, target: str) -> str:
    """Only a path on this site; anything else leads home."""
    fine = url_has_allowed_host_and_scheme(target, allowed_hosts=None) and target.startswith("/_/")
    return target if fine else reverse("console:home")
