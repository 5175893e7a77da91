"""Starting migrations over the two backends of a test, without an engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from jobs.kinds.migrate import Migrate
from jobs.kinds.migration.ground import Limits, route_from
from proxy.backends.values import Route
from proxy.records import find_bucket
from proxy.store import Store
from tests.jobs.kinds.driving import Drive, Saved, nothing
from tests.jobs.kinds.world import (
    HOLDER,
    KIB,
    MIB,
    NOW_MS,
    closed,
    fill,
    fill_versions,
    make_bucket,
    noise,
    open_upload,
    put,
)

SMALL_STEPS = Limits(large_bytes=256 * KIB, part_bytes=100 * KIB, page_items=3, page_bytes=300 * KIB)
"""Many pages, and pieces inside objects, with little data."""
BIG_STEPS = Limits(large_bytes=64 * MIB, part_bytes=64 * MIB, page_items=1000, page_bytes=512 * MIB)


def filled_bucket(name: str = "photos") -> Route:
    """A bucket with everything in it and its gate closed; where it is."""
    bucket = make_bucket(name)
    fill(Store.at(bucket.route))
    closed(bucket)
    return bucket.route


def versioned_bucket(name: str = "photos") -> Route:
    """A bucket with versions and markers in it and its gate closed; where it is."""
    bucket = make_bucket(name)
    store = Store.at(bucket.route)
    fill_versions(store)
    put(store, "plain", noise(30, 3000))
    open_upload(store, "open", "to come", {1: noise(31, 50)}, acl="an acl")
    closed(bucket)
    return bucket.route


def job(
    name: str = "photos",
    *,
    limits: Limits = SMALL_STEPS,
    happens: Callable[[str], None] = nothing,
    **params: Any,
) -> Drive:
    """A migration to `there` as it is after its creation."""
    kind = Migrate(limits)
    plan = kind.plan(find_bucket(name), {"target_backend": "there", **params})
    return Drive(kind, Saved(name, HOLDER, dict(plan.spec), NOW_MS, mode=plan.mode), happens)


def staged(drive: Drive) -> Route:
    """The place that a job made on its target."""
    return route_from(json.loads(drive.saved.state)["target"])
