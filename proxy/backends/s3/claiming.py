"""Making places: of new real buckets, of empty ones, and of those that are adopted with all they hold.

The row is made first, which of several that want a real bucket only one can; the marker last.
"""

from __future__ import annotations

from collections.abc import Callable

from proxy.backends.s3.clearing import named
from proxy.backends.s3.client import Client
from proxy.backends.s3.errors import BucketMissing
from proxy.backends.s3.places import MARKER, NEVER_SET, RESERVED, At, Marker, Places
from proxy.backends.s3.tables import row
from proxy.backends.values import Clock, Place
from proxy.errors import BucketAlreadyExists, BucketAlreadyOwnedByYou, BucketNotEmpty, S3Error

ABANDONED_MS = 10 * 60 * 1000
"""A place that no bucket refers to for so long was left by a crash."""


class Claimer:
    """Makes the places of one backend."""

    def __init__(self, client: Client, places: Places, now: Clock) -> None:
        self._client = client
        self._backend = client.name
        self._places = places
        self._now = now

    def create(self, place: Place) -> None:
        """Make the real bucket, or take over an empty one. Doing it again is no error.

        Raises BucketAlreadyExists (it is somebody else's), BucketNotEmpty.
        """
        self._claim(place, self._taken)

    def adopt(self, place: Place) -> At:
        """Take a real bucket with all that is in it; nothing but the marker is written.

        Raises BucketMissing, BucketAlreadyExists (it shows another's marker).
        """
        self._claim(place, self._adopted)
        return self._places.at(place)

    def _claim(self, place: Place, take: Callable[[Place, Marker | None], At]) -> None:
        left = self._left_over(place)
        if not self._places.enter(At(place)):
            self._prepare(place, None, take)
            return self._mark(place)
        try:
            self._prepare(place, left, take)
        except BaseException:
            self._places.drop(place)
            raise
        try:
            self._mark(place)
        except BaseException:
            if self._unmarked(place):
                self._places.drop(place)
            raise
        return None

    def _prepare(self, place: Place, left: Marker | None, take: Callable[[Place, Marker | None], At]) -> None:
        marker = self._marker_or_none(place.bucket)
        if marker != Marker.of(place):
            if marker not in (None, left):
                raise self._places.not_ours(place, "belongs to another bucket or gateway")
            self._places.settle(take(place, marker))

    def _mark(self, place: Place) -> None:
        if self._marker_or_none(place.bucket) != Marker.of(place):
            self._client.put(place.bucket, MARKER, Marker.of(place).text)
        self._places.make_sure(place)

    def _unmarked(self, place: Place) -> bool:
        """Whether it is certain that the real bucket does not show the place; else its row must stay, for
        without it the marker would be a stranger's, and the bucket nobody's.
        """
        try:
            if self._marker_or_none(place.bucket) == Marker.of(place):
                self._client.delete(place.bucket, MARKER)
            return True
        except S3Error:
            return False

    def _marker_or_none(self, bucket: str) -> Marker | None:
        try:
            return self._places.marker(bucket)
        except BucketMissing:
            return None

    def _taken(self, place: Place, marker: Marker | None) -> At:
        made = self._make(place)
        if not made and not self._places.is_empty(place.bucket):
            raise self._not_empty(place)
        versioning = NEVER_SET if made else self._client.versioning(place.bucket)
        return At(place, versioning, made=made)

    def _adopted(self, place: Place, marker: Marker | None) -> At:
        if marker is not None:
            raise self._places.not_ours(place, "belongs to another bucket or gateway")
        return At(place, self._client.versioning(place.bucket), adopted=True, made=False)

    def _make(self, place: Place) -> bool:
        """Whether the real bucket was made by us now."""
        try:
            self._client.head_bucket(place.bucket)
            return False
        except BucketMissing:
            pass
        try:
            self._client.create_bucket(place.bucket)
            return True
        except BucketAlreadyOwnedByYou:
            return False
        except BucketAlreadyExists:
            raise self._places.not_ours(place, "belongs to somebody else") from None

    def _left_over(self, place: Place) -> Marker | None:
        """Clear the way of a place of that real bucket that nobody uses any more; what its marker says.

        That is one that a crash left, or a former place of the same bucket, which has moved since.
        Raises BucketAlreadyExists if another place has the real bucket, BucketNotEmpty if it holds anything.
        """
        found = row(
            "SELECT bucket_id, incarnation, created_ms FROM proxy_s3place"
            " WHERE backend = %s AND real_bucket = %s",
            self._backend, place.bucket,
        )  # fmt: skip
        if found is None or (found[0], found[1]) == (place.bucket_id, place.incarnation):
            return None
        bucket_id, incarnation, created = found
        if not self._is_former(place, bucket_id, incarnation) and (
            created > self._now() - ABANDONED_MS
            or row("SELECT 1 FROM proxy_bucket WHERE id = %s", bucket_id) is not None
        ):
            raise self._places.not_ours(place, "is the place of another bucket")
        self._clear_marks(place)
        left = Place(bucket_id, place.bucket, incarnation)
        self._places.drop(left)
        return Marker.of(left)

    def _is_former(self, place: Place, bucket_id: str, incarnation: str) -> bool:
        """Whether it was the same bucket's, which is somewhere else now."""
        if bucket_id != place.bucket_id:
            return False
        served = row(
            "SELECT 1 FROM proxy_bucket WHERE id = %s AND backend = %s AND incarnation = %s",
            bucket_id, self._backend, incarnation,
        )  # fmt: skip
        return served is None

    def _clear_marks(self, place: Place) -> None:
        """Take away all that is the gateway's own in a real bucket. BucketNotEmpty if there is more."""
        try:
            page = self._client.list_versions(place.bucket)
            found = page.versions
            if page.after is not None or any(not one.key.startswith(RESERVED) for one in found):
                raise self._not_empty(place)
            at = At(place, self._client.versioning(place.bucket))
            self._client.delete_many(place.bucket, named(at, found))
        except BucketMissing:
            pass  # it will be made

    def _not_empty(self, place: Place) -> BucketNotEmpty:
        return BucketNotEmpty(
            f"The bucket {place.bucket!r} on the storage {self._backend!r} is not empty.",
            fields={"BucketName": place.bucket},
        )
