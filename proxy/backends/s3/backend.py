"""See the package."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from proxy.backends.base import SCRUB_GRACE_S, Body, ObjectReader, SealAs, SealedBody
from proxy.backends.multipart import MIN_PART_BYTES
from proxy.backends.rules import amended
from proxy.backends.s3.copying import Copier
from proxy.backends.s3.guarding import Guards
from proxy.backends.s3.habits import Habits
from proxy.backends.s3.listing import Asked, list_objects
from proxy.backends.s3.part_taking import PartTaker
from proxy.backends.s3.premises import Premises
from proxy.backends.s3.removing import Remover
from proxy.backends.s3.sealing import Restamper, Seals
from proxy.backends.s3.showing import encryption_headers, encryption_told
from proxy.backends.s3.upload_listing import list_uploads
from proxy.backends.s3.uploads import Asking, Uploads
from proxy.backends.s3.writing import Writer
from proxy.backends.seals import Reseal, SealListing
from proxy.backends.values import (
    ALWAYS,
    CURRENT,
    NULL_VERSION,
    Amendment,
    Clock,
    Deletion,
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
from proxy.errors import NotImplementedByUs, S3Error


class S3Backend(Premises):
    """See `proxy.backends.base.Backend`. `options`: see `jobsite.config_backends.S3Backend`."""

    confirms_copies = False
    keeps_versions = False
    keeps_locks = False
    keeps_uploads = True
    assigns_versions = True
    counts_changes = False
    feeds_changes = False
    seals_ahead = True
    scrubs = False
    reads_parts = False
    holds_open = False
    least_part_bytes = MIN_PART_BYTES

    def __init__(self, name: str, options: Mapping[str, Any], now: Clock) -> None:
        super().__init__(name, options, now)
        mode = options["encryption"]["mode"]
        kms_key_id = options["encryption"].get("kms_key_id")
        headers, told = encryption_headers(mode, kms_key_id), encryption_told(mode, kms_key_id)
        client, places, looker, habits = self._client, self._places, self._looker, Habits()
        guards = Guards(name, looker, self.capabilities)
        self._copier = Copier(client, self._service)
        self._writer = Writer(client, places, guards, self._copier, habits, now, headers, told)
        self._remover = Remover(client, looker, guards, now)
        self._uploads = Uploads(client, places, looker, guards, now, headers, told)
        self._parts = PartTaker(client, self._uploads, self._copier, habits, now)
        self._restamper = Restamper(client, looker, self._copier, now, headers)
        self._seals = Seals(client, self._lister, looker, self._restamper, now, encrypts=bool(headers))

    # -- objects ---------------------------------------------------------------------------
    def put(
        self, place: Place, new: NewObject, body: Body | SealedBody, when: Precondition = ALWAYS
    ) -> ObjectInfo:
        with self._used(place) as at:
            return self._writer.put(at, new, body, when)

    def can_link(self, reader: ObjectReader) -> bool:
        return self._copier.can(reader)

    def head(self, place: Place, key: str, version: str = CURRENT) -> ObjectInfo:
        with self._used(place) as at:
            return self._looker.head(at, key, version)[1]

    def delete(self, place: Place, deletions: Sequence[Deletion]) -> Sequence[ObjectInfo | S3Error | None]:
        with self._used(place) as at:
            return self._remover.delete(at, deletions)

    def amend(self, place: Place, key: str, version: str, change: Amendment) -> ObjectInfo:
        with self._used(place) as at:
            seen, info = self._looker.head(at, key, version)
            lock = amended(info.lock, change, self._now())
            tags = info.tags if change.tags is None else change.tags
            info = replace(info, tags=tags, lock=lock)
            if change.acl is not None and change.acl != info.acl:
                info = self._restamper.restamp(
                    at, replace(seen, tags=tags, lock=lock), replace(info, acl=change.acl)
                )
            elif change.tags is not None:
                self._tag(at.bucket, key, self._looker.named(at, info.version_id), tags)
            self._lock_on_service(at.bucket, key, self._looker.named(at, info.version_id), change)
            return info

    def _tag(self, bucket: str, key: str, version: str, tags: Mapping[str, str]) -> None:
        if tags:
            self._client.put_tags(bucket, key, tags, version=version)
        else:
            self._client.delete_tags(bucket, key, version=version)

    def _lock_on_service(self, bucket: str, key: str, version: str, change: Amendment) -> None:
        if change.retention is not None:
            mode, until = change.retention
            self._client.put_retention(bucket, key, mode, until, version=version, bypass=change.bypass)
        if change.hold is not None:
            self._client.put_hold(bucket, key, change.hold, version=version)

    # -- how bodies are sealed ---------------------------------------------------------------
    def list_seals(
        self, place: Place, *, after: tuple[str, str] = ("", ""), limit: int = 1000
    ) -> SealListing:
        with self._used(place) as at:
            return self._seals.page(at, after, limit)

    def count_seals(self, place: Place) -> Mapping[str, int]:
        with self._used(place) as at:
            return self._seals.count(at)

    def reseal(self, place: Place, changes: Sequence[Reseal]) -> Sequence[bool]:
        with self._used(place) as at:
            return self._seals.reseal(at, changes)

    def scrub(self, place: Place, grace_s: float = SCRUB_GRACE_S) -> bool:
        return True

    # -- listings ----------------------------------------------------------------------------
    def list(
        self, place: Place, *, prefix: str = "", delimiter: str = "", after: str = "", limit: int = 1000
    ) -> Listing:
        with self._used(place) as at:
            asked = Asked(prefix, delimiter)
            return list_objects(self._client, self._looker, at, asked, after, limit, self._by_folders)

    def list_versions(
        self,
        place: Place,
        *,
        prefix: str = "",
        delimiter: str = "",
        after: tuple[str, str] = ("", ""),
        limit: int = 1000,
    ) -> VersionListing:
        with self._used(place) as at:
            return self._lister.page(at, Asked(prefix, delimiter), after, limit)

    # -- multipart uploads -------------------------------------------------------------------
    def create_upload(self, place: Place, upload: UploadInfo) -> None:
        with self._used(place) as at:
            self._uploads.create(at, upload)

    def head_upload(self, place: Place, upload_id: str) -> UploadInfo:
        with self._used(place) as at:
            return self._uploads.found(at.place, upload_id).info

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
        with self._used(place) as at:
            return self._parts.put(at, upload_id, number, body, carried)

    def open_part(self, place: Place, upload_id: str, number: int) -> ObjectReader:
        with self._used(place) as at:
            self._uploads.open(at.place, upload_id)
            raise NotImplementedByUs(
                f"The storage {self.name!r} gives no part back before it belongs to an object."
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
        asking = Asking(tuple(parts), when, version_id, checksums, carried, newest, seal_as)
        with self._used(place) as at:
            return self._uploads.complete(at, upload_id, asking)

    def abort_upload(self, place: Place, upload_id: str) -> None:
        with self._used(place) as at:
            self._uploads.abort(at, upload_id)

    def list_parts(
        self, place: Place, upload_id: str, *, after: int = 0, limit: int = 1000
    ) -> tuple[tuple[PartInfo, ...], bool]:
        with self._used(place) as at:
            return self._uploads.parts(at.place, upload_id, after, limit)

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
        with self._used(place) as at:
            return list_uploads(
                at.place, Asked(prefix, delimiter), after, limit, finished=finished, now=self._now()
            )
