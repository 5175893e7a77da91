"""Flip: the one transaction that moves the bucket. After it the job can only succeed."""

from __future__ import annotations

from jobs.errors import JobFailed
from jobs.kinds.migration import unchanged
from jobs.kinds.migration.ground import Ground
from proxy import gate, routes


def flip(ground: Ground) -> None:
    """Change the Route, open the gate, and note what of the source is the cleanup's.

    Runs in the caller's transaction. Raises JobFailed, which undoes all of it, if the source
    has changed since its verification began, or if Route or gate are not this job's any more.
    """
    work = ground.work
    bound = unchanged.bound(ground)
    if not routes.switch(work.bucket.id, ground.source_route, ground.target_route):
        raise JobFailed("The bucket is not where it was when the job began.", "RouteChanged")
    if not gate.open(work.bucket.id, work.holder):
        raise JobFailed("This job does not hold the gate of the bucket.", "GateLost")
    work.state["bound"] = bound
    work.state["flipped_ms"] = work.now_ms()
