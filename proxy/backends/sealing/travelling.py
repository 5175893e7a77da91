"""Sealed bodies that are taken over as they are, and which may be."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.backends.base import ReaderBody, SealedBody
from proxy.backends.bodies import is_md5
from proxy.backends.sealing.keys import DataKey
from proxy.backends.sealing.reader import SealedReader
from proxy.backends.seals import PlainFacts, Seal, SealedSegment
from proxy.backends.values import NewObject, ObjectInfo, Place


class TravellingBody(SealedBody):
    """All of another object's sealed bytes, under another wrap of the same data key.

    Without `data_key` under the same wrap: a customer's, which nobody here could open.
    """

    def __init__(self, source: ReaderBody, reader: SealedReader, data_key: DataKey | None) -> None:
        self._reader = reader
        self._data_key = data_key
        self._pulse = source.pulse
        self.raw = reader.inner
        self.length = reader.seal.stored

    def __iter__(self) -> Iterator[bytes]:
        return iter(ReaderBody(self._reader.inner, 0, self.length, self._pulse))

    @property
    def plain(self) -> PlainFacts:
        info = self._reader.info
        return PlainFacts(info.size, info.etag, info.checksums)

    @property
    def segments(self) -> tuple[SealedSegment, ...]:
        return self._reader.seal.segments

    @property
    def wrap_ahead(self) -> str:
        return self._data_key.ahead if self._data_key else self._reader.seal.wrap

    def seal(self, info: ObjectInfo) -> Seal:
        return self._data_key.seal(info, self.segments) if self._data_key else self._reader.seal


def tells_etag(new: NewObject, source: ObjectInfo) -> bool:
    """Whether the ETag of the copy is known without a look at the bytes, and its checksums fit."""
    if new.carried is not None:
        return (new.carried.size, new.carried.etag) == (source.size, source.etag)
    return is_md5(source.etag) and not any("-" in value for value in source.checksums.values())


def with_its_upload(seal: Seal, body: ReaderBody) -> TravellingBody | None:
    """A part of a customer's upload elsewhere, as it is stored there: nobody here could open it."""
    reader = body.reader
    if not body.whole or not isinstance(reader, SealedReader) or reader.data_key is not None:
        return None
    return TravellingBody(body, reader, None) if reader.seal.wrap == seal.wrap else None


def is_same(place: Place, new: NewObject, reader: SealedReader) -> bool:
    """Whether a customer's object stays what its wrap says: the same bucket and key, elsewhere."""
    if new.carried is None or new.customer_key is not None or reader.data_key is not None:
        return False
    return (reader.bound.bucket_id, reader.bound.key) == (place.bucket_id, new.key)
