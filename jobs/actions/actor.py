"""Who asks, from where, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from jobs.errors import Forbidden


class Right(StrEnum):
    """What an actor may do in the console: look, also change, also say who may use the gateway."""

    VIEW = "view"
    OPERATE = "operate"
    ADMIN = "admin"


EVERYTHING = frozenset(Right)
_REFUSALS = {
    Right.VIEW: "This account may not look at jobs.",
    Right.OPERATE: "This account may look at jobs and rules, but not act on them.",
    Right.ADMIN: "Users and keys are for administrators.",
}


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, a token or a command; `origin` is an address or a host name.

    `channel` is what a Run says of how it came to be: `api` or `command`.
    """

    name: str
    origin: str
    rights: frozenset[Right] = EVERYTHING
    channel: str = "api"

    def may(self, right: Right) -> bool:
        return right in self.rights

    def require(self, right: Right) -> None:
        """Raises Forbidden."""
        if not self.may(right):
            raise Forbidden(_REFUSALS[right])


def origin_of(request: Any) -> str:
    """The address that an HTTP request came from."""
    return str(request.META.get("REMOTE_ADDR") or "-")


def actor_of(request: Any) -> Actor:
    """The user of an HTTP request.

    Staff may look; with the permission `jobs.change_job` also operate; superusers everything.
    """
    user = request.user
    rights = set()
    if user.is_staff:
        rights.add(Right.VIEW)
        if user.has_perm("jobs.change_job"):
            rights.add(Right.OPERATE)
        if getattr(user, "is_superuser", False):
            rights.add(Right.ADMIN)
    return Actor(user.get_username(), origin_of(request), frozenset(rights))
