"""Object operations on a bucket, whatever its backend: what handlers and jobs call.

A Store is bound to one Route. A handler's Store knows its bucket's name too: a read that
took its Route before a migration flipped, and misses after the old place was cleaned up,
reads the Route again and tries once more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from proxy import routes
from proxy.backends.base import Backend, Body, ObjectReader, ReaderBody
from proxy.backends.seals import Encryption
from proxy.backends.values import (
    ALWAYS,
    CURRENT,
    NULL_VERSION,
    Amendment,
    ChangeListing,
    Deletion,
    FeedPosition,
    Listing,
    NewObject,
    ObjectInfo,
    PartInfo,
    PartRequest,
    Place,
    Precondition,
    Route,
    UploadInfo,
    UploadListing,
    Usage,
    VersionListing,
)
from proxy.errors import InvalidPart, NoSuchBucket, NoSuchKey, NoSuchUpload, NoSuchVersion, S3Error
from proxy.records import BucketRecord, find_bucket

T = TypeVar("T")

_MISSES = (NoSuchBucket, NoSuchKey, NoSuchVersion, NoSuchUpload, InvalidPart)


class Store:
    """One bucket's objects at one Route."""

    def __init__(self, route: Route, bucket_name: str | None = None) -> None:
        self.route = route
        self._bucket_name = bucket_name

    @classmethod
    def of(cls, bucket: BucketRecord) -> Store:
        """For serving clients: reads follow the bucket if it has moved."""
        return cls(bucket.route, bucket.name)

    @classmethod
    def at(cls, route: Route) -> Store:
        """For jobs: this place and no other."""
        return cls(route)

    @property
    def backend(self) -> Backend:
        return routes.backend(self.route.backend)

    @property
    def place(self) -> Place:
        return self.route.place

    @property
    def encryption(self) -> Encryption:
        """How what is written here is encrypted at rest, unless the client brings a key of its own."""
        return routes.encryption_at(self.route.backend)

    def _read(self, read: Callable[[Backend, Place], T]) -> T:
        try:
            return read(self.backend, self.place)
        except _MISSES:
            if self._bucket_name is None:
                raise
            fresh = find_bucket(self._bucket_name).route
            if fresh == self.route:
                raise
            self.route = fresh
            return read(self.backend, self.place)

    # -- reads ---------------------------------------------------------------------------
    def open(self, key: str, version: str = CURRENT) -> ObjectReader:
        """Raises NoSuchKey, NoSuchVersion, MethodNotAllowed (a delete marker)."""
        return self._read(lambda backend, place: backend.open(place, key, version))

    def head(self, key: str, version: str = CURRENT) -> ObjectInfo:
        """Raises NoSuchKey, NoSuchVersion, MethodNotAllowed (a delete marker)."""
        return self._read(lambda backend, place: backend.head(place, key, version))

    def list(self, *, prefix: str = "", delimiter: str = "", after: str = "", limit: int = 1000) -> Listing:
        return self._read(
            lambda backend, place: backend.list(
                place, prefix=prefix, delimiter=delimiter, after=after, limit=limit
            )
        )

    def list_versions(
        self,
        *,
        prefix: str = "",
        delimiter: str = "",
        after: tuple[str, str] = ("", ""),
        limit: int = 1000,
    ) -> VersionListing:
        return self._read(
            lambda backend, place: backend.list_versions(
                place, prefix=prefix, delimiter=delimiter, after=after, limit=limit
            )
        )

    def usage(self, patience_s: float | None = None) -> Usage:
        """What there is; at least that much (`exact`) if counting took longer than the patience."""
        return self._read(lambda backend, place: backend.usage(place, patience_s))

    def feed_head(self) -> FeedPosition:
        """Where the change feed is now: a listing begun afterwards, and the feed from here, miss nothing."""
        return self._read(
            lambda backend, place: FeedPosition(place.bucket_id, place.incarnation, backend.head_seq(place))
        )

    def changes(self, after: FeedPosition, limit: int = 1000) -> ChangeListing:
        """What happened after a position. Raises FeedLost, NotImplementedByUs; see `Backend.changes`.

        A bucket that has moved goes on at another place, where no position of the former one is known.
        """
        return self._read(lambda backend, place: backend.changes(place, after, limit))

    def head_upload(self, upload_id: str) -> UploadInfo:
        """Raises NoSuchUpload."""
        return self._read(lambda backend, place: backend.head_upload(place, upload_id))

    def open_part(self, upload_id: str, number: int) -> ObjectReader:
        """Raises NoSuchUpload, InvalidPart."""
        return self._read(lambda backend, place: backend.open_part(place, upload_id, number))

    def list_parts(
        self, upload_id: str, *, after: int = 0, limit: int = 1000
    ) -> tuple[tuple[PartInfo, ...], bool]:
        """Raises NoSuchUpload."""
        return self._read(
            lambda backend, place: backend.list_parts(place, upload_id, after=after, limit=limit)
        )

    def list_uploads(
        self,
        *,
        prefix: str = "",
        delimiter: str = "",
        after: tuple[str, str] = ("", ""),
        limit: int = 1000,
        finished: bool = False,
    ) -> UploadListing:
        return self._read(
            lambda backend, place: backend.list_uploads(
                place, prefix=prefix, delimiter=delimiter, after=after, limit=limit, finished=finished
            )
        )

    @property
    def feeds_changes(self) -> bool:
        """Whether `changes` tells anything here."""
        return self.backend.feeds_changes

    @property
    def keeps_versions(self) -> bool:
        """Whether a write can leave an older version or a delete marker, whoever gives the ids."""
        return self.backend.keeps_versions or self.backend.assigns_versions

    # -- writes: to this Route, never to one that was read before or after ------------------
    def put(self, new: NewObject, body: Body, when: Precondition = ALWAYS) -> ObjectInfo:
        return self.backend.put(self.place, new, body, when)

    def copy_from(self, reader: ObjectReader, new: NewObject, when: Precondition = ALWAYS) -> ObjectInfo:
        """Store the open object's bytes as `new`; the backend may take them without moving them."""
        return self.backend.put(self.place, new, ReaderBody(reader), when)

    def delete(self, deletion: Deletion) -> ObjectInfo | None:
        """The marker, or what was removed (None if there was nothing).

        Raises PreconditionFailed, NoSuchKey, ObjectLocked.
        """
        (done,) = self.delete_all((deletion,))
        if isinstance(done, S3Error):
            raise done
        return done

    def delete_all(self, deletions: Sequence[Deletion]) -> Sequence[ObjectInfo | S3Error | None]:
        """All in one commit, each on its own: what became of it, or the error that prevented it."""
        return self.backend.delete(self.place, deletions)

    def set_versioning(self, status: str) -> None:
        """The bucket is Enabled or Suspended from now on. Raises NotImplementedByUs, BackendUnavailable."""
        self.backend.set_versioning(self.place, status)

    def amend(self, key: str, version: str, change: Amendment) -> ObjectInfo:
        """Raises NoSuchKey, NoSuchVersion, MethodNotAllowed, ObjectLocked."""
        return self.backend.amend(self.place, key, version, change)

    def create_upload(self, upload: UploadInfo) -> None:
        self.backend.create_upload(self.place, upload)

    def put_part(
        self,
        upload_id: str,
        number: int,
        body: Body,
        carried: PartInfo | None = None,
        *,
        customer_key: bytes | None = None,
    ) -> PartInfo:
        """Raises NoSuchUpload."""
        return self.backend.put_part(self.place, upload_id, number, body, carried, customer_key=customer_key)

    def complete_upload(
        self,
        upload_id: str,
        parts: Iterable[PartRequest],
        when: Precondition = ALWAYS,
        *,
        version_id: str = NULL_VERSION,
        checksums: Mapping[str, str] | None = None,
        carried: ObjectInfo | None = None,
        newest: bool = False,
        customer_key: bytes | None = None,
    ) -> ObjectInfo:
        return self.backend.complete_upload(
            self.place,
            upload_id,
            parts,
            when,
            version_id=version_id,
            checksums=checksums,
            carried=carried,
            newest=newest,
            customer_key=customer_key,
        )

    def abort_upload(self, upload_id: str) -> None:
        """Raises NoSuchUpload."""
        self.backend.abort_upload(self.place, upload_id)
