"""The filesystem backend: objects in one folder, safe under several processes of one host."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from proxy.backends.base import Body, Describe, ObjectReader, OpenObject, SealAs, SealedBody
from proxy.backends.filesystem import seals, uploads
from proxy.backends.filesystem.bucket import OpenBucket
from proxy.backends.filesystem.check import check_place
from proxy.backends.filesystem.listing import list_objects
from proxy.backends.filesystem.objects import (
    amend_object,
    delete_objects,
    head_object,
    open_object,
    put_object,
)
from proxy.backends.filesystem.premises import Premises
from proxy.backends.filesystem.reader import FileReader
from proxy.backends.filesystem.upload_listing import list_uploads
from proxy.backends.filesystem.version_listing import list_versions
from proxy.backends.seals import Reseal, SealListing
from proxy.backends.values import (
    ALWAYS,
    CURRENT,
    NULL_VERSION,
    Amendment,
    Deletion,
    Finding,
    Listing,
    NewObject,
    ObjectInfo,
    PartInfo,
    PartRequest,
    Place,
    Precondition,
    UploadInfo,
    UploadListing,
    VersionListing,
)
from proxy.errors import S3Error


class FilesystemBackend(Premises):
    """See `proxy.backends.base.Backend` for what the methods promise, `Premises` for how it is made."""

    confirms_copies = False
    keeps_versions = True
    keeps_locks = True
    keeps_uploads = True
    assigns_versions = False
    counts_changes = True
    feeds_changes = True
    seals_ahead = False
    scrubs = True
    reads_parts = True
    holds_open = True
    least_part_bytes = 0
    describe: Describe | None = None

    def _reading(
        self, place: Place, open_body: Callable[[OpenBucket, Callable[[], None]], FileReader]
    ) -> FileReader:
        """The reader keeps the place open until it is closed itself."""
        with self._faults:
            bucket = self._registry.take(place)
        try:
            return open_body(bucket, functools.partial(self._registry.give, bucket))
        except BaseException as error:
            self._registry.give(bucket)
            self._registry.explain(bucket, error)
            raise

    # -- objects -------------------------------------------------------------------------
    def put(
        self, place: Place, new: NewObject, body: Body | SealedBody, when: Precondition = ALWAYS
    ) -> ObjectInfo:
        with self._writing(place) as bucket:
            return put_object(bucket, new, body, when)

    def can_link(self, reader: ObjectReader) -> bool:
        """Whether it is a file on this file system, so that a second name for it is enough."""
        if not isinstance(reader, FileReader) or reader.where.body is not None:
            return False
        with self._faults:
            return reader.bucket.folder.stat().st_dev == self._root.path.stat().st_dev

    def open(self, place: Place, key: str, version: str = CURRENT) -> ObjectReader:
        return self._reading(place, lambda bucket, release: open_object(bucket, key, version, release))

    def head(self, place: Place, key: str, version: str = CURRENT) -> ObjectInfo:
        with self._using(place) as bucket:
            return head_object(bucket, key, version)

    def delete(self, place: Place, deletions: Sequence[Deletion]) -> Sequence[ObjectInfo | S3Error | None]:
        with self._writing(place) as bucket:
            return delete_objects(bucket, deletions)

    def amend(self, place: Place, key: str, version: str, change: Amendment) -> ObjectInfo:
        with self._writing(place) as bucket:
            return amend_object(bucket, key, version, change)

    # -- how bodies are sealed --------------------------------------------------------------
    def list_seals(
        self, place: Place, *, after: tuple[str, str] = ("", ""), limit: int = 1000
    ) -> SealListing:
        with self._using(place) as bucket:
            return seals.list_seals(bucket, after, limit)

    def count_seals(self, place: Place) -> Mapping[str, int]:
        with self._using(place) as bucket:
            return seals.count_seals(bucket)

    def reseal(self, place: Place, changes: Sequence[Reseal]) -> Sequence[bool]:
        with self._writing(place) as bucket:
            return seals.reseal(bucket, changes)

    # -- listings ---------------------------------------------------------------------------
    def list(
        self, place: Place, *, prefix: str = "", delimiter: str = "", after: str = "", limit: int = 1000
    ) -> Listing:
        with self._using(place) as bucket:
            return list_objects(bucket, prefix, delimiter, after, limit)

    def list_versions(
        self,
        place: Place,
        *,
        prefix: str = "",
        delimiter: str = "",
        after: tuple[str, str] = ("", ""),
        limit: int = 1000,
    ) -> VersionListing:
        with self._using(place) as bucket:
            return list_versions(bucket, prefix, delimiter, after, limit)

    # -- multipart uploads ---------------------------------------------------------------
    def create_upload(self, place: Place, upload: UploadInfo) -> None:
        with self._writing(place) as bucket:
            uploads.create_upload(bucket, upload)

    def head_upload(self, place: Place, upload_id: str) -> UploadInfo:
        with self._using(place) as bucket:
            return uploads.head_upload(bucket, upload_id)

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
        with self._writing(place) as bucket:
            return uploads.put_part(bucket, upload_id, number, body, carried)

    def open_part(self, place: Place, upload_id: str, number: int) -> ObjectReader:
        return self._reading(
            place, lambda bucket, release: uploads.open_part(bucket, upload_id, number, release)
        )

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
        with self._writing(place) as bucket:
            return uploads.complete_upload(
                bucket, upload_id, parts, when, version_id, checksums, carried, seal_as, newest=newest
            )

    def abort_upload(self, place: Place, upload_id: str) -> None:
        with self._writing(place) as bucket:
            uploads.abort_upload(bucket, upload_id)

    def list_parts(
        self, place: Place, upload_id: str, *, after: int = 0, limit: int = 1000
    ) -> tuple[tuple[PartInfo, ...], bool]:
        with self._using(place) as bucket:
            return uploads.list_parts(bucket, upload_id, after, limit)

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
        with self._using(place) as bucket:
            return list_uploads(bucket, prefix, delimiter, after, limit, finished)

    # -- whether it is sound -----------------------------------------------------------------
    def check_store(self, *, deep: bool, open_object: OpenObject | None = None) -> Iterator[Finding]:
        """Whatever is wrong with any place here: rows against bodies; `deep` reads and hashes them.

        Raises BackendUnavailable.
        """
        with self._faults:
            found = list(self._root.places())
        for place in found:
            with self._using(place) as bucket:
                yield from check_place(bucket, open_object or self.open, deep=deep)
