"""Users and keys: who may use the gateway. A secret is shown once, by the answer that made it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from jobs import actions
from jobs.actions import Actor
from jobs.errors import BadRequest, JobError
from jobs.pages.frame import framed, page
from jobs.presentation import seconds
from proxy.errors import S3Error
from proxy.models import User
from proxy.users import owned_buckets

PAGE = 50
LONGEST_PASSWORD = 4096


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@page
def users(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The list, and a form that makes one more."""
    context: dict[str, Any] = {"given": {"creates_buckets": True}}
    if request.method == "POST":
        name = request.POST.get("name", "").strip()[:100]
        creates_buckets = request.POST.get("creates_buckets") == "on"
        password = request.POST.get("password", "")[:LONGEST_PASSWORD]
        try:
            actions.create_user(actor, name, creates_buckets=creates_buckets, password=password)
        except (JobError, S3Error) as refusal:
            given = {"name": name, "creates_buckets": creates_buckets}
            context = {"given": given, "error": refusal.message, "status": refusal.status}
        else:
            messages.success(request, f"{name} was made. A key lets an S3 client in.")
            return HttpResponseRedirect(reverse("console:user", args=[name]))
    prefix, after = (request.GET.get(name, "").strip()[:100] for name in ("prefix", "after"))
    found = list(actions.people(actor, prefix, after, PAGE + 1))
    more = found[PAGE - 1].name if len(found) > PAGE else ""
    context |= {
        "section": "users",
        "rows": [_row(user) for user in found[:PAGE]],
        "prefix": prefix,
        "next": "?" + urlencode({"prefix": prefix, "after": more}) if more else "",
    }
    return framed(request, actor, "users/list.html", context, context.get("status", 200))


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@page
def user(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """One user: keys, groups, policies, buckets; POST does one thing of `_DEEDS`."""
    person = actions.person(actor, name)
    context: dict[str, Any] = {}
    if request.method == "POST":
        try:
            done = _deed(request)(request, actor, name)
        except (JobError, S3Error) as refusal:
            context = {"error": refusal.message, "status": refusal.status}
        else:
            if isinstance(done, str):
                messages.success(request, done)
                return HttpResponseRedirect(reverse("console:user", args=[name]))
            context = {"made": done}
    now = timezone.now()
    context |= {
        "section": "users",
        "user": _row(person),
        "owner_id": person.owner_id,
        "keys": [_key_row(key, now) for key in person.keys.order_by("-created", "access_key")],
        "groups": [(group, group in _groups(person)) for group in actions.group_names(actor)],
        "policies": list(person.policies.order_by("name")),
        "buckets": owned_buckets(person),
    }
    return framed(request, actor, "users/user.html", context, context.get("status", 200))


Done = str | dict[str, str]


def _create_key(request: HttpRequest, actor: Actor, name: str) -> Done:
    text = request.POST.get("expires_days", "").strip()
    if text and not (text.isascii() and text.isdigit() and len(text) < 9):
        raise BadRequest("The number of days must be a whole number.")
    access_key, secret = actions.create_key(actor, name, timezone.now(), int(text) if text else None)
    return {"access_key": access_key, "secret_key": secret}


def _switch_user(request: HttpRequest, actor: Actor, name: str) -> Done:
    enabled = request.POST.get("enabled") == "1"
    actions.enable_user(actor, name, enabled)
    return f"{name} is {'enabled' if enabled else 'disabled, with all keys'}."


def _switch_key(request: HttpRequest, actor: Actor, name: str) -> Done:
    enabled, access_key = request.POST.get("enabled") == "1", request.POST.get("access_key", "")
    actions.enable_key(actor, name, access_key, enabled)
    return f"{access_key} is {'enabled' if enabled else 'disabled'}."


def _set_password(request: HttpRequest, actor: Actor, name: str) -> Done:
    actions.set_password(actor, name, request.POST.get("password", "")[:LONGEST_PASSWORD])
    return f"{name} signs in to the console with the new password."


def _set_groups(request: HttpRequest, actor: Actor, name: str) -> Done:
    actions.set_groups(actor, name, request.POST.getlist("group"))
    return "The groups were changed."


_DEEDS: dict[str, Callable[[HttpRequest, Actor, str], Done]] = {
    "create-key": _create_key,
    "switch-user": _switch_user,
    "switch-key": _switch_key,
    "set-password": _set_password,
    "set-groups": _set_groups,
}


def _deed(request: HttpRequest) -> Callable[[HttpRequest, Actor, str], Done]:
    found = _DEEDS.get(request.POST.get("deed", ""))
    if found is None:
        raise BadRequest("The form does not say what to do. Load the page again.")
    return found


def _groups(person: User) -> list[str]:
    return sorted(group.name for group in person.groups.all())


def _row(person: Any) -> dict[str, Any]:
    return {
        "name": person.name,
        "enabled": person.enabled,
        "root": person.root,
        "creates_buckets": person.creates_buckets,
        "console": person.login is not None,
        "created": seconds(person.created),
        "groups": _groups(person),
        "key_count": getattr(person, "key_count", None),
        "last_used": seconds(getattr(person, "last_used", None)),
    }


def _key_row(key: Any, now: Any) -> dict[str, Any]:
    expired = key.expires is not None and key.expires <= now
    return {
        "access_key": key.access_key,
        "enabled": key.enabled,
        "state": "expired" if expired else "enabled" if key.enabled else "disabled",
        "created": seconds(key.created),
        "expires": seconds(key.expires),
        "last_used": seconds(key.last_used),
    }
