"""Whether two objects have the same bytes, from what listings tell of them, and are described alike. Pure.

Source: Amazon S3 User Guide, "Checking object integrity": an ETag may be the MD5 of the bytes, or that of
the MD5s of parts and `-` their number; two of different forms say nothing about each other.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Protocol

from proxy.backends.values import ObjectInfo

_FORM = re.compile(r"[0-9a-f]{32}(?:-([0-9]+))?")


class Listed(Protocol):
    """What of an ObjectInfo counts here; times are milliseconds, UTC."""

    @property
    def size(self) -> int: ...
    @property
    def etag(self) -> str: ...
    @property
    def last_modified(self) -> int: ...


class Sameness(StrEnum):
    """What sizes and ETags say of the bytes of two objects."""

    SAME = "same"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


def sameness(one: Listed, other: Listed) -> Sameness:
    """Equal ETags of equal sizes are equal bytes; other ETags of one form are other bytes."""
    if one.size != other.size:
        return Sameness.DIFFERENT
    if one.etag == other.etag:
        return Sameness.SAME
    return Sameness.DIFFERENT if comparable(one.etag, other.etag) else Sameness.UNKNOWN


def comparable(one: str, other: str) -> bool:
    """Whether two ETags are of one form: both MD5s, or both of so many parts."""
    first, second = _FORM.fullmatch(one), _FORM.fullmatch(other)
    return first is not None and second is not None and first[1] == second[1]


def described_alike(source: ObjectInfo, replica: ObjectInfo) -> bool:
    """Whether a replica has the metadata, headers and tags of its source, from all facts of both.

    A service may add headers of its own, as a Content-Type.
    """
    headers = all(replica.headers.get(name) == value for name, value in source.headers.items())
    return headers and (source.metadata, source.tags) == (replica.metadata, replica.tags)


def is_newer(one: Listed, other: Listed) -> bool:
    """Whether `one` was written in a later second: services tell whole seconds only."""
    return one.last_modified // 1000 > other.last_modified // 1000
