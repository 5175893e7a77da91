"""Users of the gateway, their keys and groups, as administrators see and change them; audited."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Max, QuerySet

from jobs.actions.actor import Actor, Right
from jobs.actions.audit import audited
from jobs.errors import BadRequest, NotFound
from proxy import keys, users
from proxy.models import AccessKey, Group, User

LONGEST_DAYS = 3650


def people(actor: Actor, prefix: str = "", after: str = "", limit: int = 50) -> QuerySet[Any, Any]:
    """Users by name with `key_count` and `last_used`. Raises Forbidden."""
    actor.require(Right.ADMIN)
    found = User.objects.filter(name__startswith=prefix, name__gt=after).select_related("login")
    counted = found.annotate(key_count=Count("keys", distinct=True), last_used=Max("keys__last_used"))
    return counted.prefetch_related("groups").order_by("name")[:limit]


def person(actor: Actor, name: str) -> User:
    """Raises NotFound, Forbidden."""
    actor.require(Right.ADMIN)
    found = User.objects.select_related("login").filter(name=name).first()
    if found is None:
        raise NotFound(f"There is no user {name[:64]!r}.")
    return found


def create_user(actor: Actor, name: str, *, creates_buckets: bool, password: str) -> User:
    """A new user; with a password also one who can sign in. Raises InvalidArgument, Forbidden."""
    with audited(actor, "user-create", user=name[:64]) as done:
        actor.require(Right.ADMIN)
        with transaction.atomic():
            user = users.create_user(name, creates_buckets=creates_buckets, password=password or None)
            done(creates_buckets=creates_buckets, console=bool(password))
    return user


def create_key(actor: Actor, name: str, now: datetime, expires_days: int | None) -> tuple[str, str]:
    """(access key, secret), the secret never to be had again. Raises BadRequest, NotFound, Forbidden."""
    with audited(actor, "key-create", user=name[:64]) as done:
        user = person(actor, name)
        if expires_days is not None and not 1 <= expires_days <= LONGEST_DAYS:
            raise BadRequest(f"A key may expire in 1 to {LONGEST_DAYS} days, not {expires_days}.")
        expires = None if expires_days is None else now + timedelta(days=expires_days)
        with transaction.atomic():
            access_key, secret = keys.create_key(user, expires=expires)
            done(access_key=access_key)
    return access_key, secret


def enable_user(actor: Actor, name: str, enabled: bool) -> None:
    """Switch a user with all keys and the console on or off. Raises InvalidArgument, NotFound, Forbidden."""
    with audited(actor, "user-enable" if enabled else "user-disable", user=name[:64]) as done:
        user = person(actor, name)
        with transaction.atomic():
            users.set_enabled(user, enabled)
            done()


def enable_key(actor: Actor, name: str, access_key: str, enabled: bool) -> None:
    """Switch one key of a user on or off. Raises NotFound, Forbidden."""
    with audited(actor, "key-enable" if enabled else "key-disable", access_key=access_key[:128]) as done:
        user = person(actor, name)
        with transaction.atomic():
            if not AccessKey.objects.filter(user=user, access_key=access_key).exists():
                raise NotFound(f"{user.name} has no key {access_key[:128]!r}.")
            keys.set_enabled(access_key, enabled)
            done(user=user.name)


def set_password(actor: Actor, name: str, password: str) -> None:
    """Let the user sign in with this password. Raises InvalidArgument, NotFound, Forbidden."""
    with audited(actor, "user-password", user=name[:64]) as done:
        user = person(actor, name)
        with transaction.atomic():
            users.set_password(user, password)
            done()


def set_groups(actor: Actor, name: str, wanted: list[str]) -> None:
    """Make the user a member of these groups and of no other. Raises NotFound, Forbidden."""
    with audited(actor, "user-groups", user=name[:64], groups=[group[:64] for group in wanted[:20]]) as done:
        user = person(actor, name)
        groups = list(Group.objects.filter(name__in=wanted))
        if len(groups) != len(set(wanted)):
            raise NotFound("One of these groups is not there any more.")
        with transaction.atomic():
            user.groups.set(groups)
            done()


def group_names(actor: Actor) -> list[str]:
    """Every group by name. Raises Forbidden."""
    actor.require(Right.ADMIN)
    return list(Group.objects.order_by("name").values_list("name", flat=True)[:1000])
