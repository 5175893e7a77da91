"""Versions that the target gives ids itself: from the flip on, never while it is copied to.

While a bucket is moved its copies are null versions, of which there is one per key however often an
attempt is repeated. So such a target keeps no versions until everything is there.
"""

from __future__ import annotations

from jobs.kinds.base import Item, Outcome
from jobs.kinds.migration.ground import Ground
from proxy.bucket_settings import SUSPENDED, BucketSettings
from proxy.records import find_bucket


def wants_versioning(ground: Ground) -> bool:
    """Whether the target must be told how the bucket keeps versions."""
    return ground.target.backend.assigns_versions and _settings(ground).keeps_versions


def _settings(ground: Ground) -> BucketSettings:
    """As they are now: clients may have changed them since the slice began."""
    return find_bucket(ground.work.bucket.name).settings


def prepare_versions(ground: Ground) -> None:
    """Have the target ready to keep versions. Raises NotImplementedByUs if it never can."""
    if wants_versioning(ground):
        ground.target.backend.set_versioning(ground.target.place, SUSPENDED)


def keep_versions(ground: Ground, item: Item) -> Outcome:
    """From now on the target keeps versions as the bucket does."""
    with ground.work.effect():
        ground.target.backend.set_versioning(ground.target.place, _settings(ground).versioning)
    return Outcome(objects=0)
