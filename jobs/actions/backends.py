"""Backends as operators see them: whether they answer, what they can, and how much is on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db.models import Count

from jobs.actions.actor import Actor, Right
from jobs.presentation import compact
from proxy import reachability, routes
from proxy.backends.services import Condition
from proxy.errors import S3Error
from proxy.models import Bucket


@dataclass(frozen=True, slots=True)
class ShownBackend:
    """A configured backend. `reason` says why it is not `available`."""

    name: str
    type: str
    where: str
    default: bool
    encryption: str
    buckets: int
    reason: str | None = None
    condition: Condition = field(default_factory=Condition)

    @property
    def available(self) -> bool:
        return self.reason is None

    def row(self) -> dict[str, Any]:
        """As the admin API answers it."""
        return compact(
            {
                "name": self.name,
                "type": self.type,
                "where": self.where,
                "default": self.default,
                "available": self.available,
                "reason": self.reason,
                "breaker": self.condition.breaker or None,
                "capabilities": dict(self.condition.capabilities) or None,
                "encryption": self.encryption,
                "buckets": self.buckets,
            }
        )


def backends(actor: Actor) -> list[str]:
    """The names of the configured backends."""
    actor.require(Right.VIEW)
    return list(routes.backend_names())


def shown_backends(actor: Actor) -> list[ShownBackend]:
    """All configured backends, each asked whether it answers. Raises Forbidden."""
    actor.require(Right.VIEW)
    reasons = reachability.unavailable()
    counts = dict(Bucket.objects.values_list("backend").annotate(number=Count("id")))
    return [_shown(name, reasons.get(name), counts.get(name, 0)) for name in routes.backend_names()]


def _shown(name: str, reason: str | None, buckets: int) -> ShownBackend:
    options = settings.STORAGE["backends"][name]
    return ShownBackend(
        name=name,
        type=options["type"],
        where=options.get("path") or options.get("endpoint") or "",
        default=settings.STORAGE["default_backend"] == name,
        encryption=routes.encryption_mode(name),
        buckets=buckets,
        reason=reason,
        condition=_condition(name),
    )


def _condition(name: str) -> Condition:
    try:
        return routes.backend(name).condition()
    except S3Error:
        return Condition()
