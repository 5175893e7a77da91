"""Removing places: the real bucket, with all that is in it where that is wanted.

The marker goes next to last and the row last. So a crash leaves a place that is still ours, or an
empty bucket and a row, and either can be removed again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from proxy.backends.s3 import facts as noted
from proxy.backends.s3 import upload_rows as table
from proxy.backends.s3.answers import Listed, Removed
from proxy.backends.s3.client import Client
from proxy.backends.s3.errors import BucketMissing, Refused
from proxy.backends.s3.places import MARKER, RESERVED, At, Marker, NotOurs, Places
from proxy.backends.values import NULL_VERSION, Place
from proxy.errors import BucketNotEmpty, NoSuchBucket, NoSuchUpload, ObjectLocked, S3Error


class Clearer:
    """Removes the places of one backend."""

    def __init__(self, client: Client, places: Places) -> None:
        self._client = client
        self._places = places

    def remove(self, place: Place, *, uploads: bool, force: bool, unserved: bool) -> None:
        """See `Backend.delete_bucket`."""
        self._places.doubt(place)  # whose it is must be certain now, not when it was used first
        try:
            at = self._places.at(place)
            if not force:
                self._require_empty(at, uploads)
            self._clear(at, force=force, kept=unserved and not at.made)
        except NoSuchBucket:
            return
        except (NotOurs, BucketMissing):
            self._finish(place)
            return
        self._forget(place)

    def _clear(self, at: At, *, force: bool, kept: bool) -> None:
        """The real bucket goes with what is in it; one that is `kept` only loses what is ours."""
        # Told anew: if somebody else had it keep versions, deletions without an id would only make markers.
        at = replace(at, versioning=self._client.versioning(at.bucket))
        self._abort_all(at)
        if force:
            self._remove_versions(at, "")
        self._remove_versions(at, RESERVED)
        self._remove_bucket(at, kept=kept)

    def _finish(self, place: Place) -> None:
        """Remove what an earlier attempt left: a bucket without marker, if it is empty, and the rows."""
        try:
            if self._places.marker(place.bucket) is None:
                self._client.delete_bucket(place.bucket)
        except (BucketMissing, BucketNotEmpty):
            pass
        self._forget(place)

    def _forget(self, place: Place) -> None:
        noted.forget_place(place)
        table.remove_all(place)
        self._places.drop(place)

    def _require_empty(self, at: At, uploads: bool) -> None:
        """Raises BucketNotEmpty."""
        open_ones = 0 if uploads else table.count_open(at.place)
        if open_ones or self._has_versions(at):
            raise BucketNotEmpty(fields={"BucketName": at.bucket})

    def _has_versions(self, at: At) -> bool:
        return any(not one.key.startswith(RESERVED) for page in self._pages(at, "") for one in page)

    def _abort_all(self, at: At) -> None:
        """Ours, or all of a bucket that is ours alone."""
        ours = {row.backend_upload_id for row in table.walk(at.place) if row.finished is None}
        after: tuple[str, str] | None = ("", "")
        while after is not None:
            page = self._client.uploads(at.bucket, after=after)
            for one in page.uploads:
                if not at.adopted or one.upload_id in ours:
                    self._abort(at, one.key, one.upload_id)
            after = page.after

    def _abort(self, at: At, key: str, upload_id: str) -> None:
        try:
            self._client.abort_upload(at.bucket, key, upload_id)
        except NoSuchUpload:
            pass  # it ended by itself meanwhile

    def _remove_versions(self, at: At, prefix: str) -> None:
        """Everything under a prefix but the marker. Raises ObjectLocked."""
        while True:
            found = next(self._pages(at, prefix), [])
            if not found:
                return
            items = named(at, found)
            for said in self._client.delete_many(at.bucket, items):
                if not isinstance(said, Removed):
                    raise self._kept(at, said)

    def _kept(self, at: At, said: S3Error) -> S3Error:
        locked = isinstance(said, Refused) and said.service_code == "AccessDenied"
        return ObjectLocked(fields={"BucketName": at.bucket}) if locked else said

    def _pages(self, at: At, prefix: str) -> Iterator[list[Listed]]:
        """All versions under a prefix but those of the marker, in pages that are not empty."""
        after: tuple[str, str] | None = ("", "")
        while after is not None:
            page = self._client.list_versions(at.bucket, prefix=prefix, after=after)
            after = page.after
            found = [one for one in page.versions if one.key != MARKER]
            if found:
                yield found

    def _remove_bucket(self, at: At, *, kept: bool) -> None:
        """The marker and the bucket. Raises BucketNotEmpty if somebody put something there meanwhile."""
        versions = self._client.list_versions(at.bucket, prefix=MARKER).versions
        self._client.delete_many(at.bucket, named(at, versions))
        if kept:
            return
        try:
            self._client.delete_bucket(at.bucket)
        except BucketMissing:
            pass  # as it should be
        except BucketNotEmpty:
            self._client.put(at.bucket, MARKER, Marker.of(at.place).text)
            raise


def named(at: At, found: Iterable[Listed]) -> list[tuple[str, str]]:
    """(key, version): the null version by no id where none was ever kept, as not every service takes one."""
    nothing = NULL_VERSION if at.versioned else ""
    return [(one.key, nothing if one.version_id == NULL_VERSION else one.version_id) for one in found]
