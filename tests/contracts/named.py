"""Version ids of the tests' own over a backend that gives them itself.

The contract's tests say "v1" and look for it again. Over a service they mean whatever id it gave to
what was put as "v1"; a bucket keeps versions there only once it is told to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from proxy.backends.base import Body, ObjectReader, SealedBody
from proxy.backends.forwarding import Forwarding
from proxy.backends.seals import SealListing
from proxy.backends.values import (
    ALWAYS,
    CURRENT,
    NULL_VERSION,
    Amendment,
    Deletion,
    Listing,
    NewObject,
    ObjectInfo,
    Place,
    Precondition,
    VersionListing,
)
from proxy.bucket_settings import ENABLED, SUSPENDED
from proxy.errors import S3Error

_KEPT = (CURRENT, NULL_VERSION)


class Named(Forwarding):
    """Gives names to the ids of the inner backend."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self._ids: dict[tuple[Place, str, str], str] = {}
        self._names: dict[tuple[Place, str, str], str] = {}
        self._status: dict[Place, str] = {}

    def put(
        self, place: Place, new: NewObject, body: Body | SealedBody, when: Precondition = ALWAYS
    ) -> ObjectInfo:
        self._switch(place, new.version_id)
        with _Translated(self, place, new.key):
            info = self.inner.put(place, new, body, when)
        return self._noted(place, info, new.version_id)

    def open(self, place: Place, key: str, version: str = CURRENT) -> ObjectReader:
        with _Translated(self, place, key):
            reader = self.inner.open(place, key, self._id(place, key, version))
        reader.info = self._named(place, reader.info)
        return reader

    def head(self, place: Place, key: str, version: str = CURRENT) -> ObjectInfo:
        with _Translated(self, place, key):
            return self._named(place, self.inner.head(place, key, self._id(place, key, version)))

    def delete(self, place: Place, deletions: Sequence[Deletion]) -> Sequence[ObjectInfo | S3Error | None]:
        """One after the other, since each may want the bucket in another state."""
        return [self._delete(place, one) for one in deletions]

    def _delete(self, place: Place, one: Deletion) -> ObjectInfo | S3Error | None:
        if one.marker:
            self._switch(place, one.version_id)
        version = one.version_id if one.marker else self._id(place, one.key, one.version_id)
        (done,) = self.inner.delete(place, [replace(one, version_id=version)])
        if not isinstance(done, ObjectInfo):
            return done
        return self._noted(place, done, one.version_id) if one.marker else self._named(place, done)

    def amend(self, place: Place, key: str, version: str, change: Amendment) -> ObjectInfo:
        with _Translated(self, place, key):
            return self._named(place, self.inner.amend(place, key, self._id(place, key, version), change))

    def list(self, place: Place, **how: Any) -> Listing:
        page = self.inner.list(place, **how)
        return replace(page, objects=tuple(self._named(place, info) for info in page.objects))

    def list_versions(self, place: Place, *, after: tuple[str, str] = ("", ""), **how: Any) -> VersionListing:
        page = self.inner.list_versions(place, after=self._marker(place, after), **how)
        versions = tuple(self._named(place, info) for info in page.versions)
        return replace(page, versions=versions, last=self._last(place, page.last))

    def list_seals(
        self, place: Place, *, after: tuple[str, str] = ("", ""), limit: int = 1000
    ) -> SealListing:
        page = self.inner.list_seals(place, after=self._marker(place, after), limit=limit)
        entries = tuple(
            replace(entry, version_id=self._name(place, entry.key, entry.version_id))
            for entry in page.entries
        )
        return replace(page, entries=entries, last=self._last(place, page.last))

    def complete_upload(
        self, place: Place, upload_id: str, parts: Any, when: Precondition = ALWAYS,
        *, version_id: str = NULL_VERSION, **more: Any,
    ) -> ObjectInfo:  # fmt: skip
        self._switch(place, version_id)
        done = self.inner.complete_upload(place, upload_id, parts, when, version_id=version_id, **more)
        known = (place, done.key, done.version_id) in self._names
        return self._named(place, done) if known else self._noted(place, done, version_id)

    def head_upload(self, place: Place, upload_id: str) -> Any:
        upload = self.inner.head_upload(place, upload_id)
        done = upload.completed
        return upload if done is None else replace(upload, completed=self._named(place, done))

    # -- names and ids -------------------------------------------------------------------------
    def _switch(self, place: Place, version: str) -> None:
        """Versioning as it must be for a write under that id."""
        now = self._status.get(place)
        wanted = now and SUSPENDED if version == NULL_VERSION else ENABLED
        if wanted and wanted != now:
            self.inner.set_versioning(place, wanted)
            self._status[place] = wanted

    def _noted(self, place: Place, info: ObjectInfo, name: str) -> ObjectInfo:
        if name != NULL_VERSION:
            self._ids[place, info.key, name] = info.version_id
            self._names[place, info.key, info.version_id] = name
        return self._named(place, info)

    def _id(self, place: Place, key: str, name: str) -> str:
        return name if name in _KEPT else self._ids.get((place, key, name), name)

    def _name(self, place: Place, key: str, version_id: str) -> str:
        return self._names.get((place, key, version_id), version_id)

    def _named(self, place: Place, info: ObjectInfo) -> ObjectInfo:
        return replace(info, version_id=self._name(place, info.key, info.version_id))

    def _marker(self, place: Place, after: tuple[str, str]) -> tuple[str, str]:
        return (after[0], self._id(place, *after))

    def _last(self, place: Place, last: tuple[str, str] | None) -> tuple[str, str] | None:
        return None if last is None else (last[0], self._name(place, *last))


class _Translated:
    """Names in place of ids in the errors that come out."""

    def __init__(self, names: Named, place: Place, key: str) -> None:
        self._name = lambda version_id: names._name(place, key, version_id)

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, S3Error):
            for told, name in ((error.headers, "x-amz-version-id"), (error.fields, "VersionId")):
                if name in told:
                    told[name] = self._name(told[name])
