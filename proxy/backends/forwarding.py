"""A backend that hands everything on to another one: what wrappers are made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from proxy.backends.base import (
    SCRUB_GRACE_S,
    Backend,
    Body,
    Describe,
    ObjectReader,
    OpenObject,
    SealAs,
    SealedBody,
)
from proxy.backends.seals import Reseal, SealListing
from proxy.backends.services import Condition
from proxy.backends.values import (
    ALWAYS,
    CURRENT,
    NULL_VERSION,
    Amendment,
    ChangeListing,
    Deletion,
    FeedPosition,
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
from proxy.errors import S3Error


def _of_inner(name: str) -> Any:
    """An attribute as the inner backend has it at the moment: some are known only once it is prepared."""
    return property(lambda self: getattr(self.inner, name))


class Forwarding:
    """See `proxy.backends.base.Backend`; `inner` does it all."""

    name: str = _of_inner("name")
    place_id: str = _of_inner("place_id")
    confirms_copies: bool = _of_inner("confirms_copies")
    keeps_versions: bool = _of_inner("keeps_versions")
    keeps_locks: bool = _of_inner("keeps_locks")
    keeps_uploads: bool = _of_inner("keeps_uploads")
    assigns_versions: bool = _of_inner("assigns_versions")
    counts_changes: bool = _of_inner("counts_changes")
    feeds_changes: bool = _of_inner("feeds_changes")
    seals_ahead: bool = _of_inner("seals_ahead")
    scrubs: bool = _of_inner("scrubs")
    reads_parts: bool = _of_inner("reads_parts")
    holds_open: bool = _of_inner("holds_open")
    least_part_bytes: int = _of_inner("least_part_bytes")

    def __init__(self, inner: Backend) -> None:
        self.inner = inner

    @property
    def describe(self) -> Describe | None:
        return self.inner.describe

    @describe.setter
    def describe(self, describe: Describe | None) -> None:
        self.inner.describe = describe

    def close(self) -> None:
        """Let go of what the inner backend holds, if it holds anything."""
        getattr(self.inner, "close", lambda: None)()

    # -- the physical place and the buckets on it ------------------------------------
    def prepare(self, known_id: str | None) -> str:
        return self.inner.prepare(known_id)

    def check(self) -> None:
        self.inner.check()

    def check_store(self, *, deep: bool, open_object: OpenObject | None = None) -> Iterator[Finding]:
        return self.inner.check_store(deep=deep, open_object=open_object)

    def create_bucket(self, place: Place) -> None:
        self.inner.create_bucket(place)

    def adopt(self, place: Place) -> str:
        return self.inner.adopt(place)

    def delete_bucket(
        self, place: Place, *, uploads: bool = False, force: bool = False, unserved: bool = False
    ) -> None:
        self.inner.delete_bucket(place, uploads=uploads, force=force, unserved=unserved)

    def places(self, bucket: str) -> tuple[Place, ...]:
        return self.inner.places(bucket)

    def owns(self, place: Place) -> bool:
        return self.inner.owns(place)

    def real_buckets(self) -> tuple[str, ...]:
        return self.inner.real_buckets()

    def find_out(self) -> None:
        self.inner.find_out()

    def condition(self) -> Condition:
        return self.inner.condition()

    def is_at_hand(self, place: Place) -> bool:
        return self.inner.is_at_hand(place)

    def usage(self, place: Place, patience_s: float | None = None) -> Usage:
        return self.inner.usage(place, patience_s)

    def set_versioning(self, place: Place, status: str) -> None:
        self.inner.set_versioning(place, status)

    def head_seq(self, place: Place) -> int:
        return self.inner.head_seq(place)

    def changes(self, place: Place, after: FeedPosition, limit: int = 1000) -> ChangeListing:
        return self.inner.changes(place, after, limit)

    def mark(self, place: Place, name: str, text: str | None) -> None:
        self.inner.mark(place, name, text)

    def marked(self, place: Place, name: str) -> str | None:
        return self.inner.marked(place, name)

    # -- objects ---------------------------------------------------------------------
    def put(
        self, place: Place, new: NewObject, body: Body | SealedBody, when: Precondition = ALWAYS
    ) -> ObjectInfo:
        return self.inner.put(place, new, body, when)

    def can_link(self, reader: ObjectReader) -> bool:
        return self.inner.can_link(reader)

    def open(self, place: Place, key: str, version: str = CURRENT) -> ObjectReader:
        return self.inner.open(place, key, version)

    def head(self, place: Place, key: str, version: str = CURRENT) -> ObjectInfo:
        return self.inner.head(place, key, version)

    def delete(self, place: Place, deletions: Sequence[Deletion]) -> Sequence[ObjectInfo | S3Error | None]:
        return self.inner.delete(place, deletions)

    def amend(self, place: Place, key: str, version: str, change: Amendment) -> ObjectInfo:
        return self.inner.amend(place, key, version, change)

    # -- how bodies are sealed ---------------------------------------------------------
    def list_seals(
        self, place: Place, *, after: tuple[str, str] = ("", ""), limit: int = 1000
    ) -> SealListing:
        return self.inner.list_seals(place, after=after, limit=limit)

    def count_seals(self, place: Place) -> Mapping[str, int]:
        return self.inner.count_seals(place)

    def reseal(self, place: Place, changes: Sequence[Reseal]) -> Sequence[bool]:
        return self.inner.reseal(place, changes)

    def scrub(self, place: Place, grace_s: float = SCRUB_GRACE_S) -> bool:
        return self.inner.scrub(place, grace_s)

    # -- listings ----------------------------------------------------------------------
    def list(
        self, place: Place, *, prefix: str = "", delimiter: str = "", after: str = "", limit: int = 1000
    ) -> Listing:
        return self.inner.list(place, prefix=prefix, delimiter=delimiter, after=after, limit=limit)

    def list_versions(
        self,
        place: Place,
        *,
        prefix: str = "",
        delimiter: str = "",
        after: tuple[str, str] = ("", ""),
        limit: int = 1000,
    ) -> VersionListing:
        return self.inner.list_versions(place, prefix=prefix, delimiter=delimiter, after=after, limit=limit)

    # -- multipart uploads -------------------------------------------------------------
    def create_upload(self, place: Place, upload: UploadInfo) -> None:
        self.inner.create_upload(place, upload)

    def head_upload(self, place: Place, upload_id: str) -> UploadInfo:
        return self.inner.head_upload(place, upload_id)

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
        return self.inner.put_part(place, upload_id, number, body, carried, customer_key=customer_key)

    def open_part(self, place: Place, upload_id: str, number: int) -> ObjectReader:
        return self.inner.open_part(place, upload_id, number)

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
        return self.inner.complete_upload(
            place, upload_id, parts, when, version_id=version_id, checksums=checksums, carried=carried,
            newest=newest, customer_key=customer_key, seal_as=seal_as,
        )  # fmt: skip

    def abort_upload(self, place: Place, upload_id: str) -> None:
        self.inner.abort_upload(place, upload_id)

    def list_parts(
        self, place: Place, upload_id: str, *, after: int = 0, limit: int = 1000
    ) -> tuple[tuple[PartInfo, ...], bool]:
        return self.inner.list_parts(place, upload_id, after=after, limit=limit)

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
        return self.inner.list_uploads(
            place, prefix=prefix, delimiter=delimiter, after=after, limit=limit, finished=finished
        )
