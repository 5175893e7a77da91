"""A bucket that is away or gone: that ends a rule's run, rather than to make every object a failure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from jobs.errors import Deferred, JobFailed
from jobs.kinds.base import Work
from proxy.errors import NoSuchBucket, ServiceUnavailable, StorageFull
from proxy.records import find_bucket
from proxy.store import Store

PATIENCE_MS = 10_000
"""So long the engine's own retries are left to themselves."""
REST_S = 30.0
_SINCE = "away since"


@contextmanager
def outages_heard(work: Work, buckets: Callable[[], Iterable[str]]) -> Iterator[None]:
    """What happens inside fails for a while, and then ends the run: Deferred, for all `buckets` are asked.

    One object that cannot be reached, while all of them are there, is that object's failure. A bucket that
    does not exist is no object's: JobFailed, so the next run begins where this one has stopped.
    """
    local = work.local
    try:
        yield
    except NoSuchBucket:
        _require_buckets(buckets())
        raise
    except ServiceUnavailable as error:
        now_ms = work.now_ms()
        if now_ms - local.setdefault(_SINCE, now_ms) >= PATIENCE_MS:
            _require_backends(buckets(), error)
        raise
    local.pop(_SINCE, None)


def _require_backends(buckets: Iterable[str], error: ServiceUnavailable) -> None:
    """Raises Deferred if one is away, or has no room; NoSuchBucket."""
    if isinstance(error, StorageFull):
        raise Deferred(error.message, REST_S) from error
    for name in buckets:
        store = Store.of(find_bucket(name))
        try:
            store.backend.check()
        except ServiceUnavailable as away:
            raise Deferred(f"{store.route.backend}: {away.message}", REST_S) from error


def _require_buckets(buckets: Iterable[str]) -> None:
    """Raises JobFailed, which says which one is gone."""
    for name in buckets:
        try:
            find_bucket(name)
        except NoSuchBucket as gone:
            raise JobFailed(f"Bucket {name} does not exist.", gone.code) from None
