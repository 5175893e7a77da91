"""The wrapper around every backend that seals what comes and opens what was sealed.

A backend keeps seals and never looks into them; this is the only place that does. Plain bodies pass as
they are. What was sealed stays readable in any mode, so a bucket may hold plain and sealed bodies,
under any number of keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from proxy.backends.base import Backend, Body, ObjectReader, OpenObject, ReaderBody, SealAs, SealedBody
from proxy.backends.bodies import composite_checksums, part_checksum
from proxy.backends.forwarding import Forwarding
from proxy.backends.sealing.bodies import SealingBody
from proxy.backends.sealing.describing import described
from proxy.backends.sealing.keys import (
    BucketKeys,
    DataKey,
    bound_object,
    bound_upload,
    encryption_of,
    is_customers,
    stays,
    unlocked,
    unwrapped,
    wrapping,
)
from proxy.backends.sealing.reader import SealedReader
from proxy.backends.sealing.travelling import TravellingBody, is_same, tells_etag, with_its_upload
from proxy.backends.seals import UNENCRYPTED, Seal
from proxy.backends.values import (
    ALWAYS,
    CURRENT,
    NULL_VERSION,
    Amendment,
    Deletion,
    Finding,
    NewObject,
    ObjectInfo,
    PartInfo,
    PartRequest,
    Place,
    Precondition,
    UploadInfo,
    UploadListing,
)
from proxy.crypto.frames import DamagedBody, new_data_key
from proxy.crypto.wraps import Bound
from proxy.errors import InvalidRequest, S3Error

SEALING = "aes256-gcm-proxy"
"""The mode in which new bodies are sealed here; in all others only those of customers' keys are."""

_NO_KEY = (
    "The multipart upload initiate requested encryption. "
    "Subsequent part requests must include the appropriate encryption parameters."
)
_NOT_ASKED_FOR = (
    "The multipart upload initiate did not request encryption. "
    "Please resend the request without sending encryption parameters."
)


class Encrypted(Forwarding):
    """`mode` is that of new bodies; `keys` are the backend's bucket keys."""

    def __init__(self, inner: Backend, keys: BucketKeys, mode: str = "none") -> None:
        super().__init__(inner)
        self.mode = mode
        self.keys = keys
        self._seals = mode == SEALING
        if inner.seals_ahead:
            inner.describe = partial(described, keys)

    def delete_bucket(
        self, place: Place, *, uploads: bool = False, force: bool = False, unserved: bool = False
    ) -> None:
        """The bucket's keys go with its last place."""
        self.inner.delete_bucket(place, uploads=uploads, force=force, unserved=unserved)
        self.keys.forget(place)

    def check_store(self, *, deep: bool, open_object: OpenObject | None = None) -> Iterator[Finding]:
        return self.inner.check_store(deep=deep, open_object=open_object or self.open)

    # -- reading ---------------------------------------------------------------------
    def head(self, place: Place, key: str, version: str = CURRENT) -> ObjectInfo:
        return _told(self.inner.head(place, key, version))

    def open(self, place: Place, key: str, version: str = CURRENT) -> ObjectReader:
        """Raises MissingKey and DamagedBody too."""
        reader = self.inner.open(place, key, version)
        seal = reader.info.seal
        if seal is None:
            return reader
        return self._opened(place, reader, seal, bound_object(place, reader.info, seal.segments))

    def open_part(self, place: Place, upload_id: str, number: int) -> ObjectReader:
        reader = self.inner.open_part(place, upload_id, number)
        seal = reader.info.seal
        if seal is None:
            return reader
        return self._opened(place, reader, seal, bound_upload(place, reader.info.key, upload_id))

    def _opened(self, place: Place, reader: ObjectReader, seal: Seal, bound: Bound) -> SealedReader:
        try:
            locked = is_customers(seal.wrap)
            data_key = None if locked else unwrapped(self.keys, place, seal.wrap, bound)
            return SealedReader(reader, seal, bound, data_key)
        except BaseException:
            reader.close()
            raise

    def amend(self, place: Place, key: str, version: str, change: Amendment) -> ObjectInfo:
        return _told(self.inner.amend(place, key, version, change))

    def delete(self, place: Place, deletions: Sequence[Deletion]) -> Sequence[ObjectInfo | S3Error | None]:
        done = self.inner.delete(place, deletions)
        return [_told(one) if isinstance(one, ObjectInfo) else one for one in done]

    # -- writing ---------------------------------------------------------------------
    def put(
        self, place: Place, new: NewObject, body: Body | SealedBody, when: Precondition = ALWAYS
    ) -> ObjectInfo:
        if isinstance(body, SealedBody):
            return _told(self.inner.put(place, new, body, when))
        travelling = self._travelling(place, new, body)
        if travelling is not None:
            return _told(self.inner.put(place, new, travelling, when))
        if not self._seals and new.customer_key is None:
            return self.inner.put(place, new, body, when)
        carried = new.carried
        stale = () if carried else composite_checksums(body)
        fresh = self._fresh(place, new.key, new.customer_key)
        sealing = SealingBody(
            body,
            fresh.plain,
            fresh,
            need=stale,
            carried=(carried.size, carried.etag) if carried else None,
        )
        if stale:
            new = replace(new, checksum_type="FULL_OBJECT")
        return _told(self.inner.put(place, new, sealing, when))

    def _fresh(self, place: Place, key: str, customer_key: bytes | None) -> DataKey:
        return self._data_key(place, key, new_data_key(), customer_key)

    def _data_key(self, place: Place, key: str, data_key: bytes, customer_key: bytes | None) -> DataKey:
        by = wrapping(self.keys, place, customer_key)
        return DataKey(place, key, data_key, by, ahead=self.inner.seals_ahead)

    def can_link(self, reader: ObjectReader) -> bool:
        if not isinstance(reader, SealedReader):
            return not self._seals and self.inner.can_link(reader)
        return (reader.customers or self._seals) and self.inner.can_link(reader.inner)

    def _travelling(self, place: Place, new: NewObject, body: Body) -> TravellingBody | None:
        """The body as it is stored elsewhere, if it may be taken over so."""
        if not isinstance(body, ReaderBody) or not body.whole or new.sealed_anew:
            return None
        reader = body.reader
        if not isinstance(reader, SealedReader) or not tells_etag(new, reader.info):
            return None
        if reader.customers:
            return TravellingBody(body, reader, None) if is_same(place, new, reader) else None
        if not self._seals or new.customer_key is not None or reader.data_key is None:
            return None
        return TravellingBody(body, reader, self._data_key(place, new.key, reader.data_key, None))

    # -- multipart uploads -------------------------------------------------------------
    def create_upload(self, place: Place, upload: UploadInfo) -> None:
        """The open upload of a customer that is carried from another backend keeps its wrap."""
        seal = upload.seal if upload.seal and is_customers(upload.seal.wrap) else None
        if upload.completed is None and seal is None and (self._seals or upload.customer_key is not None):
            fresh = self._fresh(place, upload.key, upload.customer_key)
            seal = fresh.upload_seal(upload)
        plain = replace(upload, seal=seal, customer_key=None, encryption=UNENCRYPTED)
        self.inner.create_upload(place, plain)

    def head_upload(self, place: Place, upload_id: str) -> UploadInfo:
        return _told_upload(self.inner.head_upload(place, upload_id))

    def list_uploads(
        self,
        place: Place,
        *,
        prefix: str = "",
        delimiter: str = "",
        after: tuple[str, str] = ("", ""),
        limit: int = 1000,
        finished: bool = False,
    ) -> UploadListing:
        page = self.inner.list_uploads(
            place, prefix=prefix, delimiter=delimiter, after=after, limit=limit, finished=finished
        )
        return replace(page, uploads=tuple(map(_told_upload, page.uploads)))

    def put_part(
        self,
        place: Place,
        upload_id: str,
        number: int,
        body: Body | SealedBody,
        carried: PartInfo | None = None,
        *,
        customer_key: bytes | None = None,
    ) -> PartInfo:
        """Raises InvalidRequest and AccessDenied where `customer_key` is not that of the upload."""
        upload = self.inner.head_upload(place, upload_id)
        if upload.seal is None or isinstance(body, SealedBody):
            if customer_key is not None:
                raise InvalidRequest(_NOT_ASKED_FOR)
            return self.inner.put_part(place, upload_id, number, body, carried)
        if customer_key is None and isinstance(body, ReaderBody):
            travelling = with_its_upload(upload.seal, body)
            if travelling is not None:
                return self.inner.put_part(place, upload_id, number, travelling, carried)
        sealing = SealingBody(
            body,
            self._upload_key(place, upload, upload.seal.wrap, customer_key),
            None,
            need=part_checksum(body, upload.checksum_algorithm, carried=carried is not None),
            carried=(carried.size, carried.etag) if carried else None,
            part=number,
        )
        return self.inner.put_part(place, upload_id, number, sealing, carried)

    def complete_upload(
        self,
        place: Place,
        upload_id: str,
        parts: Iterable[PartRequest],
        when: Precondition = ALWAYS,
        *,
        version_id: str = NULL_VERSION,
        checksums: Mapping[str, str] | None = None,
        carried: ObjectInfo | None = None,
        newest: bool = False,
        customer_key: bytes | None = None,
        seal_as: SealAs | None = None,
    ) -> ObjectInfo:
        """A customer's key is not needed: the wrap of the upload becomes the object's."""
        upload = self.inner.head_upload(place, upload_id)
        if seal_as is None and upload.seal is not None and upload.completed is None:
            seal_as = self._seal_as(place, upload, upload.seal.wrap)
        info = self.inner.complete_upload(
            place, upload_id, parts, when, version_id=version_id, checksums=checksums, carried=carried,
            newest=newest, seal_as=seal_as,
        )  # fmt: skip
        return _told(info)

    def _upload_key(self, place: Place, upload: UploadInfo, wrap: str, customer_key: bytes | None) -> bytes:
        """Raises InvalidRequest, AccessDenied, MissingKey, WrongWrap."""
        bound = bound_upload(place, upload.key, upload.upload_id)
        if is_customers(wrap):
            if customer_key is None:
                raise InvalidRequest(_NO_KEY)
            return unlocked(wrap, customer_key, bound)
        if customer_key is not None:
            raise InvalidRequest(_NOT_ASKED_FOR)
        return unwrapped(self.keys, place, wrap, bound)

    def _seal_as(self, place: Place, upload: UploadInfo, wrap: str) -> SealAs:
        """Keys are fetched here, since a backend asks in the middle of its commit."""
        key: DataKey | None = None
        if not stays(wrap):
            bound = bound_upload(place, upload.key, upload.upload_id)
            opened = unwrapped(self.keys, place, wrap, bound)
            key = self._data_key(place, upload.key, opened, None)

        def seal_as(info: ObjectInfo, parts: Sequence[PartInfo]) -> Seal:
            segments = tuple(part.segment for part in parts if part.segment is not None)
            if len(segments) != len(parts):
                raise DamagedBody("a part of it is not sealed")
            return key.seal(info, segments) if key else Seal(wrap, segments)

        return seal_as


def _told(info: ObjectInfo) -> ObjectInfo:
    """With what clients are told of the encryption, if we sealed it."""
    return info if info.seal is None else replace(info, encryption=encryption_of(info.seal))


def _told_upload(upload: UploadInfo) -> UploadInfo:
    if upload.seal is not None:
        upload = replace(upload, encryption=encryption_of(upload.seal))
    if upload.completed is not None and upload.completed.seal is not None:
        upload = replace(upload, completed=_told(upload.completed))
    return upload
