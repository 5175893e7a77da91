"""Which real bucket is whose: the marker on the bucket, and the row about it in the control database.

A real bucket is a place of ours while it holds our marker and there is our row. Rows are made before
the marker and removed after the bucket, so that whatever a crash leaves can be removed again or taken
over. Deciding whether a place is there costs a read of the row; the marker is read once per process.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass

from proxy.backends.s3.client import Client
from proxy.backends.s3.errors import BucketMissing
from proxy.backends.s3.tables import row, rows, run
from proxy.backends.values import Clock, Place
from proxy.errors import (
    BackendUnavailable,
    BucketAlreadyExists,
    BucketAlreadyOwnedByYou,
    BucketNotEmpty,
    InvalidArgument,
    NoSuchBucket,
    NoSuchKey,
)

RESERVED = ".sluicegate/"
"""Keys that begin so are the gateway's own on a service: refused to clients and never listed."""

MARKER = RESERVED + "place.json"

ABANDONED_MS = 10 * 60 * 1000
"""A place that no bucket refers to for so long was left by a crash."""

_NEVER_SET = ""


class NotOurs(BackendUnavailable):
    """A real bucket that should be a place of ours does not show that it is."""


@dataclass(frozen=True, slots=True)
class At:
    """A place that is there. `stamped`: objects may say more of themselves than the service does.

    `versioning` is Enabled, Suspended or "". `adopted`: its objects are older than the place;
    `made`: the gateway made the real bucket itself.
    """

    place: Place
    versioning: str = _NEVER_SET
    stamped: bool = False
    adopted: bool = False
    made: bool = True

    @property
    def bucket(self) -> str:
        return self.place.bucket

    @property
    def versioned(self) -> bool:
        """Whether there may be more than one version of a key."""
        return self.versioning != _NEVER_SET


@dataclass(frozen=True, slots=True)
class Marker:
    """What the marker says: whose the real bucket is."""

    bucket_id: str
    incarnation: str

    @classmethod
    def of(cls, place: Place) -> Marker:
        return cls(place.bucket_id, place.incarnation)

    @classmethod
    def read(cls, text: bytes) -> Marker:
        """Raises ValueError if that is no marker."""
        said = json.loads(text)
        if not isinstance(said, dict) or not all(isinstance(said.get(name), str) for name in cls.__slots__):
            raise ValueError("not a marker")
        return cls(said["bucket_id"], said["incarnation"])

    @property
    def text(self) -> bytes:
        return json.dumps({"bucket_id": self.bucket_id, "incarnation": self.incarnation}).encode()


def refuse_reserved(key: str) -> None:
    """Raises InvalidArgument for a key of the gateway's own."""
    if key.startswith(RESERVED):
        raise InvalidArgument(
            f"Keys that begin with {RESERVED!r} are reserved in this bucket.",
            fields={"ArgumentName": "key", "ArgumentValue": key},
        )


_COLUMNS = "bucket_id, incarnation, real_bucket, versioning, stamped, adopted, made"
_FIND = f"SELECT {_COLUMNS} FROM proxy_s3place WHERE backend = %s AND bucket_id = %s AND incarnation = %s"


class Places:
    """The places of one backend."""

    def __init__(self, client: Client, now: Clock) -> None:
        self._client = client
        self._backend = client.name
        self._now = now
        self._seen: set[Place] = set()
        self._lock = threading.Lock()

    # -- finding ---------------------------------------------------------------------------
    def at(self, place: Place) -> At:
        """The place, if it is there.

        Raises NoSuchBucket (we know of none, and the service shows none) and BackendUnavailable (we know
        of one, and the service does not show it).
        """
        known = self._row(place)
        if known is None:
            known = self._recovered(place)
        elif place not in self._seen:
            self._make_sure(place)
        with self._lock:
            self._seen.add(place)
        return known

    def doubt(self, place: Place) -> None:
        """Something is not as it was: look at the marker again before the next use."""
        with self._lock:
            self._seen.discard(place)

    def of_backend(self) -> list[At]:
        """Every place that there is a row of."""
        found = rows(f"SELECT {_COLUMNS} FROM proxy_s3place WHERE backend = %s ORDER BY id", self._backend)
        return [_at(*each) for each in found]

    def named(self, bucket: str) -> tuple[Place, ...]:
        """What lives in a real bucket: a place by its marker; strangers' content as a place of no bucket."""
        try:
            marker = self.marker(bucket)
            if marker is not None:
                return (Place(marker.bucket_id, bucket, marker.incarnation),)
            return () if self._is_empty(bucket) else (Place("", bucket, ""),)
        except BucketMissing:
            return ()

    def marker(self, bucket: str) -> Marker | None:
        """Raises BucketMissing, BackendUnavailable (something else is where the marker is)."""
        try:
            with self._client.get(bucket, MARKER, span=(0, 4096)) as found:
                return Marker.read(b"".join(found))
        except NoSuchKey:
            return None
        except ValueError:
            raise BackendUnavailable(
                f"{MARKER} in the bucket {bucket!r} on the storage {self._backend!r} is not the gateway's."
            ) from None

    def _row(self, place: Place) -> At | None:
        found = row(_FIND, self._backend, place.bucket_id, place.incarnation)
        return None if found is None else _at(*found)

    def _make_sure(self, place: Place) -> None:
        marker = self.marker(place.bucket)
        if marker != Marker.of(place):
            what = "no marker of the gateway" if marker is None else "the marker of another bucket"
            raise NotOurs(f"The bucket {place.bucket!r} on the storage {self._backend!r} has {what}.")

    def _recovered(self, place: Place) -> At:
        """Of a control database that forgot the place, the marker on the service knows better."""
        try:
            marker = self.marker(place.bucket)
        except BucketMissing:
            marker = None
        if marker != Marker.of(place):
            raise NoSuchBucket(fields={"BucketName": place.bucket})
        found = At(place, self._client.versioning(place.bucket), stamped=True)
        self._enter(found)
        return found

    # -- coming and going --------------------------------------------------------------------
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
        return self.at(place)

    def _claim(self, place: Place, take: Callable[[Place, Marker | None], At]) -> None:
        left = self._left_over(place)
        if not self._enter(At(place)):
            return self._finish(place, None, take)
        try:
            self._finish(place, left, take)
        except BaseException:
            self.drop(place)
            raise
        return None

    def _finish(self, place: Place, left: Marker | None, take: Callable[[Place, Marker | None], At]) -> None:
        marker = self._marker_or_none(place.bucket)
        if marker != Marker.of(place):
            if marker not in (None, left):
                raise self._not_ours(place, "belongs to another bucket or gateway")
            self._settle(take(place, marker))
            self._client.put(place.bucket, MARKER, Marker.of(place).text)
        self._make_sure(place)

    def _marker_or_none(self, bucket: str) -> Marker | None:
        try:
            return self.marker(bucket)
        except BucketMissing:
            return None

    def _taken(self, place: Place, marker: Marker | None) -> At:
        made = self._make(place)
        if not made and not self._is_empty(place.bucket):
            raise BucketNotEmpty(
                f"The bucket {place.bucket!r} on the storage {self._backend!r} is not empty.",
                fields={"BucketName": place.bucket},
            )
        versioning = _NEVER_SET if made else self._client.versioning(place.bucket)
        return At(place, versioning, made=made)

    def _adopted(self, place: Place, marker: Marker | None) -> At:
        if marker is not None:
            raise self._not_ours(place, "belongs to another bucket or gateway")
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
            raise self._not_ours(place, "belongs to somebody else") from None

    def _not_ours(self, place: Place, why: str) -> BucketAlreadyExists:
        return BucketAlreadyExists(
            f"The bucket {place.bucket!r} on the storage {self._backend!r} {why}.",
            fields={"BucketName": place.bucket},
        )

    def _is_empty(self, bucket: str) -> bool:
        """Raises BucketMissing."""
        client = self._client
        if client.list(bucket, limit=1).objects or client.list_versions(bucket, limit=1).versions:
            return False
        return not client.uploads(bucket, limit=1).uploads

    def _left_over(self, place: Place) -> Marker | None:
        """Clear the way of a place of that real bucket that a crash left; what its marker says.

        Raises BucketAlreadyExists if another place has the real bucket.
        """
        found = row(
            "SELECT bucket_id, incarnation, created_ms FROM proxy_s3place"
            " WHERE backend = %s AND real_bucket = %s",
            self._backend, place.bucket,
        )  # fmt: skip
        if found is None or (found[0], found[1]) == (place.bucket_id, place.incarnation):
            return None
        bucket_id, incarnation, created = found
        served = row("SELECT 1 FROM proxy_bucket WHERE id = %s", bucket_id)
        if served is not None or created > self._now() - ABANDONED_MS:
            raise self._not_ours(place, "is the place of another bucket")
        left = Place(bucket_id, place.bucket, incarnation)
        self._remove_marks(place.bucket)
        self.drop(left)
        return Marker.of(left)

    def _remove_marks(self, bucket: str) -> None:
        """All that is the gateway's own in a real bucket, the marker excepted."""
        try:
            items = [
                (found.key, found.version_id)
                for found in self._client.list_versions(bucket, prefix=RESERVED).versions
            ]
            self._client.delete_many(bucket, items)
        except BucketMissing:
            pass

    # -- rows --------------------------------------------------------------------------------
    def _enter(self, at: At) -> bool:
        """Whether the row is new. Raises BucketAlreadyExists if another place has the real bucket."""
        place = at.place
        entered = run(
            f"INSERT INTO proxy_s3place (backend, {_COLUMNS}, created_ms)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            self._backend, place.bucket_id, place.incarnation, place.bucket,
            at.versioning, at.stamped, at.adopted, at.made, self._now(),
        )  # fmt: skip
        if not entered and self._row(place) is None:
            raise self._not_ours(place, "is the place of another bucket")
        return bool(entered)

    def _settle(self, at: At) -> None:
        self._set(at.place, "versioning = %s, adopted = %s, made = %s", at.versioning, at.adopted, at.made)

    def _set(self, place: Place, what: str, *values: object) -> None:
        run(
            f"UPDATE proxy_s3place SET {what} WHERE backend = %s AND bucket_id = %s AND incarnation = %s",
            *values, self._backend, place.bucket_id, place.incarnation,
        )  # fmt: skip

    def note_stamped(self, at: At) -> None:
        """Before the first object is stamped: from now on listings look for what objects say."""
        if not at.stamped:
            self._set(at.place, "stamped = %s", True)

    def note_versioning(self, place: Place, status: str) -> None:
        self._set(place, "versioning = %s", status)

    def drop(self, place: Place) -> None:
        """The row goes, and with it the place."""
        self.doubt(place)
        run(
            "DELETE FROM proxy_s3place WHERE backend = %s AND bucket_id = %s AND incarnation = %s",
            self._backend, place.bucket_id, place.incarnation,
        )  # fmt: skip


def _at(
    bucket_id: str, incarnation: str, bucket: str, versioning: str, stamped: bool, adopted: bool, made: bool
) -> At:
    place = Place(bucket_id, bucket, incarnation)
    return At(place, versioning, bool(stamped), bool(adopted), bool(made))
