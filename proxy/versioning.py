"""What a write does to a bucket that keeps versions, and to one that does not. Pure.

Source: Amazon S3 User Guide, "How S3 Versioning works" and "Deleting object versions from a
versioning-enabled bucket".
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from proxy.backends.values import ALWAYS, CURRENT, NULL_VERSION, UNLOCKED, Deletion, Lock, Precondition
from proxy.bucket_settings import ENABLED, BucketSettings

Fresh = Callable[[], str]

_DAY_MS = 24 * 3600 * 1000
_YEAR_DAYS = 365


def fresh_id() -> str:
    """A version id that was never given out before: 32 url-safe characters."""
    return secrets.token_urlsafe(24)


def new_version_id(settings: BucketSettings, fresh: Fresh = fresh_id) -> str:
    """The id of the version, or of the delete marker, that a write makes.

    A fresh one while versioning is Enabled; else the null version's, which a write replaces.
    """
    return fresh() if settings.versioning == ENABLED else NULL_VERSION


def deletion(
    settings: BucketSettings,
    key: str,
    version: str = CURRENT,
    *,
    fresh: Fresh = fresh_id,
    when: Precondition = ALWAYS,
    bypass: bool = False,
    kept: bool = True,
) -> Deletion:
    """What deleting means here: a named version goes for good, a bare key only from sight.

    Without versioning there is nothing but the null version, and it goes; so it does where the
    backend cannot keep markers (`kept` False), to which a bucket moves only with versioning suspended.
    """
    if version != CURRENT:
        return Deletion(key, version, when=when, bypass=bypass)
    if not (settings.keeps_versions and kept):
        return Deletion(key, when=when, bypass=bypass)
    return Deletion(key, new_version_id(settings, fresh), marker=True, when=when)


def default_lock(settings: BucketSettings, now: int) -> Lock:
    """The lock of a version that is written now (in milliseconds) and asks for none itself."""
    if not (settings.object_lock and settings.lock_mode):
        return UNLOCKED
    days = settings.lock_days + settings.lock_years * _YEAR_DAYS
    return Lock(settings.lock_mode, now + days * _DAY_MS)
