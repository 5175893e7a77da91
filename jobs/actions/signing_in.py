"""Logging in with a password, with a limit on guesses that holds across every process."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest

from jobs.actions.actor import Actor
from jobs.actions.audit import DONE, REFUSED, record
from jobs.errors import TooManyAttempts, Unauthorized
from jobs.models import AuditEntry

ATTEMPTS = 10
WINDOW = timedelta(minutes=5)
LOGIN, LOGIN_FAILED = "login", "login-failed"
LONGEST = 150


def sign_in(request: HttpRequest, username: str, password: str, origin: str, now: datetime) -> Any:
    """Give the request's session to the user of that name and password.

    Raises Unauthorized (one message for a wrong name and a wrong password) or, after ten
    failures from one origin within five minutes, TooManyAttempts before the password is looked at.
    """
    actor = Actor(username[:LONGEST] or "-", origin)
    _limit(origin, now)
    user: Any = None
    if username and password and "\x00" not in username and len(username) <= LONGEST:
        user = authenticate(request, username=username, password=password)
    if user is None:
        record(actor, LOGIN_FAILED, REFUSED)
        raise Unauthorized("The user name or the password is wrong.")
    login(request, user)
    record(actor, LOGIN, DONE)
    return user


def sign_out(request: HttpRequest) -> None:
    """End the session."""
    logout(request)


def _limit(origin: str, now: datetime) -> None:
    recent = AuditEntry.objects.filter(action=LOGIN_FAILED, origin=origin[:64], at__gt=now - WINDOW)
    failed = list(recent.order_by("-at").values_list("at", flat=True)[:ATTEMPTS])
    if len(failed) < ATTEMPTS:
        return
    wait = max(1, round((failed[-1] + WINDOW - now).total_seconds()))
    raise TooManyAttempts(f"Too many failed logins from here. Try again in {wait} s.", retry_after=wait)
