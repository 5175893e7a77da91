"""Listing, describing and opening objects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from proxy.backends.base import ObjectReader
from proxy.backends.values import CURRENT, Listing, ObjectInfo, VersionListing
from proxy.browsing.visits import Visit, of_version
from proxy.errors import InvalidRequest, NoSuchKey, NoSuchVersion
from proxy.limits import MAX_KEYS
from proxy.wire.encryption import CUSTOMER

DELIMITER = "/"
_NEEDS_KEY = (
    "A key of its writer's own seals this object (SSE-C): only an S3 client with that key can read it."
)

T = TypeVar("T")


def objects(here: Visit, prefix: str = "", after: str = "", limit: int = MAX_KEYS) -> Listing:
    """One page of a folder. Raises AccessDenied."""
    query = {"list-type": "2", "prefix": prefix, "delimiter": DELIMITER}
    here.rights(query=query).require("s3:ListBucket")
    return here.store.list(prefix=prefix, delimiter=DELIMITER, after=after, limit=limit)


def versions(
    here: Visit, prefix: str = "", after: tuple[str, str] = ("", ""), limit: int = MAX_KEYS
) -> VersionListing:
    """One page of a folder with every version and delete marker. Raises AccessDenied."""
    query = {"versions": "", "prefix": prefix, "delimiter": DELIMITER}
    here.rights(query=query).require("s3:ListBucketVersions")
    return here.store.list_versions(prefix=prefix, delimiter=DELIMITER, after=after, limit=limit)


def describe(here: Visit, key: str, version: str = CURRENT) -> ObjectInfo:
    """Every fact that the caller may know; tags and lock are left out where the right is missing.

    Raises NoSuchKey, NoSuchVersion, MethodNotAllowed (a delete marker), AccessDenied.
    """
    info = _found(here, lambda: here.store.head(key, version))
    here.require(of_version("s3:GetObject", version), key, info)
    if not here.may(of_version("s3:GetObject", version) + "Tagging", key, info):
        info = replace(info, tags={})
    lock = info.lock
    if not here.may("s3:GetObjectRetention", key, info):
        lock = replace(lock, mode="", until=0)
    if not here.may("s3:GetObjectLegalHold", key, info):
        lock = replace(lock, hold=False)
    return replace(info, lock=lock)


def needs_key(info: ObjectInfo) -> bool:
    """Whether its writer's own key seals it (SSE-C), which the console is never given."""
    return info.encryption.mode == CUSTOMER


def may_read(here: Visit, info: ObjectInfo, version: str = CURRENT) -> bool:
    """Whether the bytes may be had here, as far as a listing's facts tell: they leave tags out."""
    return not needs_key(info) and here.may(of_version("s3:GetObject", version), info.key, info)


def open_object(here: Visit, key: str, version: str = CURRENT) -> ObjectReader:
    """Raises as `describe` does, and InvalidRequest for what needs its writer's key.

    Whoever gets the reader closes it.
    """
    reader = _found(here, lambda: here.store.open(key, version))
    try:
        here.require(of_version("s3:GetObject", version), key, reader.info)
        if needs_key(reader.info):
            raise InvalidRequest(_NEEDS_KEY)
    except BaseException:
        reader.close()
        raise
    return reader


def _found(here: Visit, read: Callable[[], T]) -> T:
    """Who may not list the bucket does not learn which keys there are. Raises AccessDenied."""
    try:
        return read()
    except (NoSuchKey, NoSuchVersion):
        here.require("s3:ListBucket")
        raise
