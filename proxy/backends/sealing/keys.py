"""Whose keys wrap data keys, and what each wrap binds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

from proxy.backends.seals import Encryption, Seal, SealedSegment
from proxy.backends.values import ObjectInfo, Place, UploadInfo
from proxy.crypto.wraps import (
    CUSTOMER,
    Bound,
    WrappingKey,
    customer_wrapping,
    is_ahead,
    kind_and_key,
    name_of,
    root_of,
    unwrap_data_key,
    wrap_ahead,
    wrap_data_key,
)
from proxy.errors import AccessDenied


class BucketKeys(Protocol):
    """The bucket keys of one backend."""

    def newest(self, place: Place) -> WrappingKey:
        """The one that seals, made if there is none yet. Raises EmptyRing, MissingKey."""

    def of(self, place: Place, key_id: str) -> WrappingKey:
        """Raises MissingKey."""

    def forget(self, place: Place) -> None:
        """The place is gone, with all that was sealed there."""


def bound_object(place: Place, info: ObjectInfo, segments: Sequence[SealedSegment]) -> Bound:
    """What a version's wrap binds."""
    root = root_of((each.body_id, each.size, each.stored) for each in segments)
    return Bound(place.bucket_id, info.key, info.version_id, info.size, info.etag, root)


def bound_upload(place: Place, key: str, upload_id: str) -> Bound:
    """What an open upload's wrap binds."""
    return Bound(place.bucket_id, key, version_id=upload_id)


def is_customers(wrap: str) -> bool:
    """Whether only the customer can open it (SSE-C)."""
    return name_of(wrap).kind == CUSTOMER


@lru_cache(maxsize=1024)
def _encryption_by(sealed_by: str) -> Encryption:
    name = name_of(sealed_by)
    return Encryption("customer", name.key_id) if name.kind == CUSTOMER else Encryption("AES256")


def encryption_of(seal: Seal) -> Encryption:
    """What clients are told of a sealed body."""
    return _encryption_by(kind_and_key(seal.wrap))


class DataKey:
    """The key of one body or upload on its way in, and what will wrap it.

    A customer's wrap is always made ahead: so a finished upload, and a copy of the same bucket on another
    backend, keep it as it is, when nobody here has the key that could make another.
    """

    def __init__(self, place: Place, key: str, data_key: bytes, by: WrappingKey, *, ahead: bool) -> None:
        self.plain = data_key
        self.place = place
        self._by = by
        made_ahead = ahead or by.kind == CUSTOMER
        self.ahead = wrap_ahead(data_key, by, place.bucket_id, key) if made_ahead else ""

    def seal(self, info: ObjectInfo, segments: tuple[SealedSegment, ...]) -> Seal:
        """What to keep with the version whose final facts these are."""
        bound = bound_object(self.place, info, segments)
        return Seal(self.ahead or wrap_data_key(self.plain, self._by, bound), segments)

    def upload_seal(self, upload: UploadInfo) -> Seal:
        """What to keep with an open upload."""
        bound = bound_upload(self.place, upload.key, upload.upload_id)
        return Seal(self.ahead or wrap_data_key(self.plain, self._by, bound))


def wrapping(keys: BucketKeys, place: Place, customer_key: bytes | None) -> WrappingKey:
    """What wraps the data key of a new body. Raises EmptyRing, MissingKey."""
    if customer_key is not None:
        return customer_wrapping(customer_key)
    return keys.newest(place)


def unwrapped(keys: BucketKeys, place: Place, wrap: str, bound: Bound) -> bytes:
    """The data key behind a bucket key's wrap. Raises MissingKey, WrongWrap."""
    return unwrap_data_key(wrap, keys.of(place, name_of(wrap).key_id), bound)


def unlocked(wrap: str, customer_key: bytes, bound: Bound) -> bytes:
    """The data key behind a customer's wrap. Raises AccessDenied for another key, WrongWrap."""
    by = customer_wrapping(customer_key)
    if by.id != name_of(wrap).key_id:
        raise AccessDenied()
    return unwrap_data_key(wrap, by, bound)


def stays(wrap: str) -> bool:
    """Whether the wrap of an upload is also that of the object which it becomes."""
    return is_ahead(wrap)
