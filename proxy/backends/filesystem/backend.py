"""The filesystem backend: objects in one folder, safe under several processes of one host."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from proxy.backends.base import Body, ObjectReader
from proxy.backends.filesystem import copies, places, uploads
from proxy.backends.filesystem.bucket import INDEX, OpenBucket
from proxy.backends.filesystem.check import check_place
from proxy.backends.filesystem.keeper import Keeper
from proxy.backends.filesystem.listing import list_objects
from proxy.backends.filesystem.objects import (
    amend_object,
    delete_objects,
    head_object,
    open_object,
    put_object,
)
from proxy.backends.filesystem.reader import FileReader
from proxy.backends.filesystem.registry import OPEN_BUCKETS, Registry, Using
from proxy.backends.filesystem.root import Root
from proxy.backends.filesystem.sweep import is_due, sweep_bucket
from proxy.backends.filesystem.upload_listing import list_uploads
from proxy.backends.filesystem.version_listing import list_versions
from proxy.backends.values import (
    ALWAYS,
    CURRENT,
    NULL_VERSION,
    Amendment,
    Clock,
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
    Usage,
    VersionListing,
)
from proxy.errors import NoSuchBucket, S3Error, StorageFull

_log = logging.getLogger(__name__)

INLINE_BYTES = 32 * 1024
RESERVE_BYTES = 16 * 1024 * 1024


class FilesystemBackend:
    """See `proxy.backends.base.Backend` for what the methods promise.

    `inline_bytes`: bodies up to this size live in the index. `reserve_bytes`: kept free, so
    that deletes and small rows still go on a full disk. `open_buckets`: places kept open.
    `keep` starts a thread, at the first write or `check`, that sweeps what is open and copies each
    index every `copy_hours` (0: never).
    """

    confirms_copies = False
    keeps_versions = True
    keeps_locks = True
    keeps_uploads = True

    def __init__(
        self,
        name: str,
        path: Path,
        now: Clock,
        *,
        inline_bytes: int = INLINE_BYTES,
        reserve_bytes: int = RESERVE_BYTES,
        open_buckets: int = OPEN_BUCKETS,
        copy_hours: int = 0,
        keep: bool = True,
    ) -> None:
        self.name = name
        self.place_id = ""
        self._now = now
        self._copy_ms = copy_hours * 3_600_000
        self._root = Root(path)
        open_bucket = functools.partial(
            OpenBucket, now=now, inline_bytes=inline_bytes, reserve_bytes=reserve_bytes
        )
        self._registry = Registry(
            self._root, lambda place: open_bucket(self._root.folder(place), place), open_buckets
        )
        self._using = self._registry.using
        self._faults = self._registry.faults
        self._keeper = Keeper(self.sweep) if keep else None

    def close(self) -> None:
        """Let go of every open place that is not in use."""
        if self._keeper is not None:
            self._keeper.stop()
        self._registry.close()

    def _writing(self, place: Place) -> Using:
        if self._keeper is not None:
            self._keeper.wake()
        return self._using(place)

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

    # -- the physical place and the buckets on it ----------------------------------------
    def prepare(self, known_id: str | None) -> str:
        with self._faults:
            self.place_id = self._root.prepare(known_id)
        return self.place_id

    def check(self) -> None:
        with self._faults:
            self._root.check()
        if self._keeper is not None and self._copy_ms:
            self._keeper.wake()  # what was written before this process began is to be copied too

    def create_bucket(self, place: Place) -> None:
        with self._faults:
            self._root.create(place)

    def delete_bucket(
        self, place: Place, *, uploads: bool = False, force: bool = False, unserved: bool = False
    ) -> None:
        try:
            with self._writing(place) as bucket:
                places.retire(bucket, uploads=uploads, force=force, unserved=unserved)
        except NoSuchBucket:
            pass  # absent, or a crash stopped an earlier removal half-way
        with self._faults:
            self._registry.forget(place)
            self._root.remove(self._root.folder(place))

    def places(self, bucket: str) -> tuple[Place, ...]:
        with self._faults:
            return tuple(place for place in self._root.places(bucket) if self._lives(place))

    def _lives(self, place: Place) -> bool:
        try:
            self.head_seq(place)
        except NoSuchBucket:
            return False
        return True

    def is_at_hand(self, place: Place) -> bool:
        return self._registry.has_open(place)

    def usage(self, place: Place) -> Usage:
        with self._using(place) as bucket:
            return places.usage(bucket)

    def head_seq(self, place: Place) -> int:
        with self._using(place) as bucket:
            return places.head_seq(bucket)

    def mark(self, place: Place, name: str, text: str | None) -> None:
        with self._writing(place) as bucket:
            places.mark(bucket, name, text)

    def marked(self, place: Place, name: str) -> str | None:
        with self._using(place) as bucket:
            return places.marked(bucket, name)

    # -- objects -------------------------------------------------------------------------
    def put(self, place: Place, new: NewObject, body: Body, when: Precondition = ALWAYS) -> ObjectInfo:
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
        self, place: Place, upload_id: str, number: int, body: Body, carried: PartInfo | None = None
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
    ) -> ObjectInfo:
        with self._writing(place) as bucket:
            return uploads.complete_upload(bucket, upload_id, parts, when, version_id, checksums, carried)

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

    # -- care ------------------------------------------------------------------------------
    def sweep(self) -> None:
        """One round over the places that this process has open, once an hour over all of them."""
        with self._faults:
            self._root.remove_gone(self._now())
            everywhere = self._root.round_is_due(self._now())
            found = list(self._root.places()) if everywhere else self._registry.open_places()
        for place in found:
            try:
                with self._using(place) as bucket:
                    if is_due(bucket):
                        sweep_bucket(bucket)
                    self._copy(bucket)
            except NoSuchBucket:
                continue

    def _copy(self, bucket: OpenBucket) -> None:
        """A failure is told and does not keep other places from being seen to."""
        if not self._copy_ms:
            return
        try:
            with self._faults:
                copies.keep_copy(bucket.pool, bucket.folder, self._now(), self._copy_ms)
        except StorageFull:
            _log.warning("no room on the disk for a copy of %s", bucket.folder / INDEX)
        except copies.Interrupted:
            _log.debug("a fork put off the copy of %s", bucket.folder / INDEX)
        except S3Error as error:
            if bucket.is_there():  # (else it was removed at this moment)
                _log.error("%s: %s The last copy is kept.", bucket.folder / INDEX, error.message)

    def check_store(self, *, deep: bool) -> Iterator[Finding]:
        """Whatever is wrong with any place here: rows against bodies; `deep` reads and hashes them.

        Raises BackendUnavailable.
        """
        with self._faults:
            found = list(self._root.places())
        for place in found:
            with self._using(place) as bucket:
                yield from check_place(bucket, self.open, deep=deep)
