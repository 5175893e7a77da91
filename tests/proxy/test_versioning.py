"""What a write does, by the state of the bucket's versioning."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.backends.values import (
    COMPLIANCE,
    GOVERNANCE,
    NULL_VERSION,
    UNLOCKED,
    Deletion,
    Lock,
    Precondition,
)
from proxy.bucket_settings import ENABLED, SUSPENDED, BucketSettings
from proxy.versioning import default_lock, deletion, fresh_id, new_version_id

NEVER, ON, OFF = BucketSettings(), BucketSettings(versioning=ENABLED), BucketSettings(versioning=SUSPENDED)


def fresh() -> str:
    return "fresh"


@pytest.mark.parametrize(("settings", "expected"), [(NEVER, "null"), (ON, "fresh"), (OFF, "null")])
def test_only_enabled_versioning_gives_a_new_id(settings: BucketSettings, expected: str) -> None:
    assert new_version_id(settings, fresh) == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (NEVER, Deletion("k", NULL_VERSION)),
        (ON, Deletion("k", "fresh", marker=True)),
        (OFF, Deletion("k", NULL_VERSION, marker=True)),
    ],
)
def test_a_bare_key_is_deleted_as_the_bucket_says(settings: BucketSettings, expected: Deletion) -> None:
    assert deletion(settings, "k", fresh=fresh) == expected


def test_where_no_marker_can_be_kept_the_null_version_goes() -> None:
    assert deletion(OFF, "k", kept=False) == Deletion("k", NULL_VERSION)


@pytest.mark.parametrize("settings", [NEVER, ON, OFF])
def test_a_named_version_goes_for_good(settings: BucketSettings) -> None:
    when = Precondition(etags=("e",))
    assert deletion(settings, "k", "v", when=when, bypass=True) == Deletion("k", "v", when=when, bypass=True)


DAY_MS = 24 * 3600 * 1000


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, UNLOCKED),
        ({"object_lock": True}, UNLOCKED),
        ({"lock_mode": GOVERNANCE, "lock_days": 1}, UNLOCKED),
        ({"object_lock": True, "lock_mode": GOVERNANCE, "lock_days": 2}, Lock(GOVERNANCE, 1 + 2 * DAY_MS)),
        ({"object_lock": True, "lock_mode": COMPLIANCE, "lock_years": 1}, Lock(COMPLIANCE, 1 + 365 * DAY_MS)),
    ],
)
def test_new_versions_are_retained_as_the_bucket_says(said: dict[str, Any], expected: Lock) -> None:
    assert default_lock(BucketSettings(**said), 1) == expected


def test_fresh_ids_are_url_safe_and_differ() -> None:
    ids = {fresh_id() for _ in range(100)}
    assert len(ids) == 100 and all(
        len(one) == 32 and one.replace("_", "").replace("-", "").isalnum() for one in ids
    )
