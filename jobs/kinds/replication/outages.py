"""A side that is away: the run waits for it, rather than to call every object of the rule a failure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from jobs.errors import Deferred
from jobs.kinds.replication.ground import Ground
from proxy.errors import ServiceUnavailable, StorageFull

PATIENCE_MS = 10_000
"""So long the engine's own retries are left to themselves."""
REST_S = 30.0
_SINCE = "away since"


@contextmanager
def outages_heard(ground: Ground) -> Iterator[None]:
    """What happens inside fails for a while, and then ends the run: Deferred, for both sides are asked.

    One object that cannot be reached, while both sides are there, is that object's failure.
    """
    local = ground.work.local
    try:
        yield
    except ServiceUnavailable as error:
        now_ms = ground.work.now_ms()
        if now_ms - local.setdefault(_SINCE, now_ms) >= PATIENCE_MS:
            _require_both(ground, error)
        raise
    local.pop(_SINCE, None)


def _require_both(ground: Ground, error: ServiceUnavailable) -> None:
    """Raises Deferred if a side is away, or has no room."""
    if isinstance(error, StorageFull):
        raise Deferred(error.message, REST_S) from error
    for store in (ground.source, ground.destination):
        try:
            store.backend.check()
        except ServiceUnavailable as away:
            raise Deferred(f"{store.route.backend}: {away.message}", REST_S) from error
