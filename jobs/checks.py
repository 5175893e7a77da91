"""Mistakes between settings, found at start: a guarantee of the engine would not hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from jobs.engine.limits import limits_of
from jobs.kinds import KINDS

_QUEUE = {
    "orm": ("default", "messages are sent in the transaction of the job"),
    "ack_failures": (True, "else a failing message comes back for ever"),
    "max_attempts": (1, "the engine counts crashes, not the queue"),
    "scheduler": (False, "the leader's tick is the only scheduler"),
}


def times(queue: dict[str, Any]) -> Iterable[CheckMessage]:
    """slice < timeout < retry: a slice is not killed, and its message does not come twice."""
    bounds = [settings.SLICE_SECONDS, queue.get("timeout") or 0, queue.get("retry") or 0]
    if bounds != sorted(set(bounds)):
        yield Error(
            f"Slice ({bounds[0]} s) < timeout ({bounds[1]} s) < retry ({bounds[2]} s) does not hold.",
            hint="Lower SLUICEGATE_SLICE_SECONDS, or raise timeout and retry in Q_CLUSTER.",
            id="jobs.E001",
        )


def connections(queue: dict[str, Any]) -> Iterable[CheckMessage]:
    """A connection for each message would make sending ten times slower."""
    if settings.DATABASES["default"].get("CONN_MAX_AGE", 0) == 0:
        yield Error("CONN_MAX_AGE of the default database is 0.", hint="Set it to None.", id="jobs.E002")


def cluster(queue: dict[str, Any]) -> Iterable[CheckMessage]:
    """What django-q2 must be set to."""
    for name, (wanted, why) in _QUEUE.items():
        if queue.get(name) != wanted:
            yield Error(f"Q_CLUSTER[{name!r}] must be {wanted!r}: {why}.", id="jobs.E003")


def lanes(queue: dict[str, Any]) -> Iterable[CheckMessage]:
    """Each lane has a cluster, and no two clusters share a name."""
    clusters = queue.get("ALT_CLUSTERS", {})
    for lane in sorted({kind.lane for kind in KINDS.values()} - {"", *clusters}):
        yield Error(f"Q_CLUSTER has no cluster in ALT_CLUSTERS for the lane {lane!r}.", id="jobs.E005")
    if queue.get("name") in clusters:
        yield Error(f"Q_CLUSTER: {queue['name']!r} is the name of two clusters.", id="jobs.E005")


def limits(queue: dict[str, Any]) -> Iterable[CheckMessage]:
    """JOB_LIMITS names kinds and limits that exist."""
    for kind in settings.JOB_LIMITS:
        if kind not in KINDS:
            yield Error(f"JOB_LIMITS: there is no kind {kind!r}.", id="jobs.E004")
            continue
        try:
            limits_of(kind)
        except TypeError as error:
            yield Error(f"JOB_LIMITS[{kind!r}]: {error}", id="jobs.E004")


def lease(queue: dict[str, Any]) -> Iterable[CheckMessage]:
    """A renewal comes every third of the lease and may wait as long as the database lets it."""
    wait = settings.DATABASES["default"].get("OPTIONS", {}).get("timeout", 5)
    if settings.LEASE_SECONDS / 3 + wait >= settings.LEASE_SECONDS:
        yield Warning(
            f"A lease of {settings.LEASE_SECONDS} s can lapse while the database is busy for {wait} s.",
            hint="Raise SLUICEGATE_LEASE_SECONDS.",
            id="jobs.W001",
        )


CHECKS: tuple[Callable[[dict[str, Any]], Iterable[CheckMessage]], ...] = (
    times,
    connections,
    cluster,
    lanes,
    limits,
    lease,
)


@register("jobs")
def check(**kwargs: Any) -> list[CheckMessage]:
    """Every check of the engine."""
    return [message for one in CHECKS for message in one(settings.Q_CLUSTER)]
