"""A side that is away or gone: that ends the run, rather than to make every object of it a failure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from jobs.errors import Deferred, JobFailed
from jobs.kinds.replication.ground import Ground
from proxy.errors import NoSuchBucket, ServiceUnavailable, StorageFull
from proxy.records import find_bucket

PATIENCE_MS = 10_000
"""So long the engine's own retries are left to themselves."""
REST_S = 30.0
_SINCE = "away since"


@contextmanager
def outages_heard(ground: Ground) -> Iterator[None]:
    """What happens inside fails for a while, and then ends the run: Deferred, for both sides are asked.

    One object that cannot be reached, while both sides are there, is that object's failure. A bucket that
    does not exist is no object's: JobFailed, so what the feed told is followed once there is one again.
    """
    local = ground.work.local
    try:
        yield
    except NoSuchBucket:
        _require_buckets(ground)
        raise
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


def _require_buckets(ground: Ground) -> None:
    """Raises JobFailed, which says which one is gone."""
    for name in (ground.spec.source.bucket, ground.spec.destination.bucket):
        try:
            find_bucket(name)
        except NoSuchBucket as gone:
            raise JobFailed(f"Bucket {name} does not exist.", gone.code) from None
