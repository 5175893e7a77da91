"""Who somebody is: callers by access key, users by name, canonical id and ARN.

What is read is remembered in the process for as long as the epoch is the same (`proxy.epoch`), so
a request costs one cheap look, and a disabled key or a detached policy counts from the next
request on.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser

from proxy import epoch
from proxy.caller import Caller
from proxy.keys import open_secret
from proxy.records import UserRecord, find_identity, find_user, policies_of

_MOST = 10_000
"""Entries of one kind that a process remembers."""

_OWNER_ID = re.compile(r"[0-9a-f]{64}")
_USER_ARN = re.compile(r"arn:aws[a-z-]*:iam::[^:]*:user/(?:.*/)?([^/]+)")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Identity:
    """`expires` is in seconds since the epoch of Unix; infinite for a key without an end."""

    caller: Caller
    secret: str = field(repr=False)
    expires: float


class _Memory:
    """What was read under one epoch."""

    def __init__(self, at: int | None) -> None:
        self.epoch = at
        self.identities: dict[str, _Identity] = {}
        self.names: dict[str, str] = {}
        self.owners: dict[str, str] = {}


_memory = _Memory(None)


def identify(access_key: str, now: float | None = None) -> tuple[Caller, str] | None:
    """The caller and the secret of an enabled, unexpired key of an enabled user.

    `now` is in seconds since the epoch of Unix. Raises WrongKey, database errors.
    """
    found = _recall(_remembered().identities, access_key, _read_identity)
    if found is None or found.expires <= (time.time() if now is None else now):
        return None
    return found.caller, found.secret


def name_of(owner_id: str) -> str:
    """The user's name, "" for an id of nobody. Costs one look at the epoch: ask once per page."""
    return _recall(_remembered().names, owner_id, _read_name) or ""


def exists(owner_id: str) -> bool:
    """Whether some user has this canonical id."""
    return bool(name_of(owner_id))


def owner_of(text: str) -> str | None:
    """The canonical id of the user whom a name, a canonical id or a user's ARN means.

    The last part of an ARN (arn:aws:iam::...:user/NAME) may be a name or a canonical id.
    """
    return _recall(_remembered().owners, text, _read_owner) or None


def caller_named(user_name: str) -> Caller | None:
    """An enabled user as a caller without a key."""
    found = find_user("name", user_name)
    return _caller(found) if found is not None and found.enabled else None


def caller_of_login(login: AbstractBaseUser | AnonymousUser) -> Caller | None:
    """The enabled user who signs in to the console with that account.

    An administrator of the console who is nobody in particular there is root.
    """
    if not (login.is_authenticated and login.is_active):
        return None
    found = find_user("login_id", login.pk)
    if found is None and getattr(login, "is_superuser", False):
        found = find_user("root", True)
    return _caller(found) if found is not None and found.enabled else None


# -- reading ------------------------------------------------------------------------------


def _remembered() -> _Memory:
    global _memory
    at, memory = epoch.current(), _memory
    if at is None or memory.epoch != at:
        memory = _Memory(at)
        if at is not None:
            _memory = memory
    return memory


def _recall(remembered: dict[str, T], name: str, read: Callable[[str], T | None]) -> T | None:
    """None is not remembered: access keys that anybody invents must not drive out the real ones."""
    found = remembered.get(name)
    if found is None:
        found = read(name)
        if found is not None:
            if len(remembered) >= _MOST:
                remembered.clear()
            remembered[name] = found
    return found


def _read_identity(access_key: str) -> _Identity | None:
    found = find_identity(access_key)
    if found is None:
        return None
    secret = open_secret(found.sealed_secret, access_key)
    return _Identity(_caller(found.user, access_key), secret, found.expires)


def _read_name(owner_id: str) -> str:
    found = find_user("owner_id", owner_id)
    return "" if found is None else found.name


def _read_owner(text: str) -> str:
    arn = _USER_ARN.fullmatch(text)
    wanted = arn[1] if arn else text
    found = find_user("owner_id", wanted) if _OWNER_ID.fullmatch(wanted) else None
    if found is None:
        found = find_user("name", wanted)
    return "" if found is None else found.owner_id


def _caller(user: UserRecord, access_key: str = "") -> Caller:
    """The policy of a group is one text in memory, however many members have it."""
    return Caller(
        owner_id=user.owner_id,
        name=user.name,
        access_key=access_key,
        root=user.root,
        creates_buckets=user.creates_buckets,
        policies=tuple(sys.intern(text) for text in policies_of(user.id)),
    )
