"""Checking a request to migrate, and saying what it would do. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobs.errors import BadRequest, PrecopyImpossible, Unavailable
from jobs.kinds.base import Plan
from jobs.kinds.migration import keeping, places, sampling
from jobs.kinds.migration.forecasting import Forecast, forecast
from jobs.kinds.migration.previewing import Findings, preview
from jobs.kinds.migration.wishes import PRECOPY, Wish, read_wish
from proxy import routes
from proxy.backends.base import Backend
from proxy.backends.values import Usage
from proxy.bucket_settings import BucketSettings
from proxy.errors import ServiceUnavailable
from proxy.records import BucketRecord
from proxy.store import Store

PATIENCE_S = 5.0
"""How long the source is counted for a preview."""


def plan(bucket: BucketRecord, params: Mapping[str, Any]) -> Plan:
    """Raises BadRequest, PrecopyImpossible, Unavailable, TargetNotEmpty, TargetLocked and TargetCannotKeep.

    The last three with counts.
    """
    wish = read_wish(params)
    _check_target(bucket, wish)
    try:
        target = routes.backend(wish.target_backend)
        target.check()
        source = Store.at(bucket.route)
        held = source.usage(PATIENCE_S)
        lost = keeping.check(source, held, bucket.settings, target, wish.drop)
        real_name = routes.real_name(bucket.name, wish.target_backend)
        found = places.leftovers(wish.target_backend, real_name)
        ahead = _forecast(source, target, held)
    except ServiceUnavailable as error:
        raise Unavailable(error.message) from error
    traceless = untraced(source, bucket.settings, held)
    if wish.precopy and traceless is not None:
        raise PrecopyImpossible(traceless, parameter=PRECOPY)
    gone = places.check(wish.target_backend, real_name, found, replace=wish.replace_target)
    findings = Findings(bucket, wish, held, lost, gone, ahead, not target.counts_changes, traceless)
    return Plan(
        name=f"migrate {bucket.name}: {bucket.route.backend} -> {wish.target_backend}",
        spec={**wish.spec(), "source_backend": bucket.route.backend},
        preview=preview(findings),
        mode=PRECOPY if wish.precopy else "",
    )


def untraced(source: Store, settings: BucketSettings, held: Usage) -> str | None:
    """Why a bucket cannot be copied while clients write to it, in words; None if it can."""
    backend = source.route.backend
    if not source.feeds_changes:
        return f"{backend} does not tell what changes, so writes must pause while the bucket is copied."
    if settings.object_lock or held.locked:
        return "Locks of versions change without a trace, so writes must pause while the bucket is copied."
    return None


def _forecast(source: Store, target: Backend, held: Usage) -> Forecast:
    """An estimate from the first objects of the bucket. Raises BackendUnavailable."""
    older, older_bytes = (held.versions, held.versions_size) if target.keeps_versions else (0, 0)
    return forecast(
        sampling.groups(source, target, routes.seals(target.name)),
        held.keys + older,
        held.size + older_bytes,
        from_service=not source.backend.counts_changes,
        to_service=not target.counts_changes,
    )


def _check_target(bucket: BucketRecord, wish: Wish) -> None:
    source, target = bucket.route.backend, wish.target_backend
    if target not in routes.backend_names():
        names = list(routes.backend_names())
        raise BadRequest(f"There is no backend {target}.", parameter="target_backend", backends=names)
    if target == source:
        raise BadRequest(f"{bucket.name} is on {target} already.", parameter="target_backend")
    try:
        same = routes.place_id(target) == routes.place_id(source)
        same = same and routes.real_name(bucket.name, target) == bucket.route.place.bucket
    except ServiceUnavailable as error:
        raise Unavailable(error.message) from error
    if same:
        raise BadRequest(
            f"{target} and {source} are two names of one place; there is nothing to move.",
            parameter="target_backend",
        )
