"""Which real bucket is whose: the marker on the bucket, and the row about it in the control database.

A real bucket is a place of ours while it holds our marker and there is our row. Rows are made before
the marker and removed after the bucket, so that whatever a crash leaves can be removed again or taken
over. Deciding whether a place is there costs a read of the row; the marker is read once per process.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass

from proxy.backends.s3.client import Client
from proxy.backends.s3.errors import BucketMissing
from proxy.backends.s3.tables import row, rows, run
from proxy.backends.values import Clock, Place
from proxy.errors import (
    BackendUnavailable,
    BucketAlreadyExists,
    InvalidArgument,
    NoSuchBucket,
    NoSuchKey,
)

RESERVED = ".sluicegate/"
"""Keys that begin so are the gateway's own on a service: refused to clients and never listed."""

MARKER = RESERVED + "place.json"

NEVER_SET = ""


class NotOurs(BackendUnavailable):
    """A real bucket that should be a place of ours does not show that it is."""


@dataclass(frozen=True, slots=True)
class At:
    """A place that is there. `stamped`: objects may say more of themselves than the service does.

    `versioning` is Enabled, Suspended or "". `adopted`: its objects are older than the place;
    `made`: the gateway made the real bucket itself.
    """

    place: Place
    versioning: str = NEVER_SET
    stamped: bool = False
    adopted: bool = False
    made: bool = True

    @property
    def bucket(self) -> str:
        return self.place.bucket

    @property
    def versioned(self) -> bool:
        """Whether there may be more than one version of a key."""
        return self.versioning != NEVER_SET


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
            self.make_sure(place)
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
            return () if self.is_empty(bucket) else (Place("", bucket, ""),)
        except BucketMissing:
            return ()

    def is_ours(self, place: Place) -> bool:
        """Whether the marker names a bucket of this gateway, wherever that is served from now.

        A row says less: one that was lost is made again from any marker, also from another gateway's.
        """
        return row("SELECT 1 FROM proxy_bucket WHERE id = %s", place.bucket_id) is not None

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

    def make_sure(self, place: Place) -> None:
        """Raises NotOurs unless the real bucket shows the marker of the place, and BucketMissing."""
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
        # How it came about is lost with the row: nothing is taken for ours that may be somebody else's.
        found = At(place, self._client.versioning(place.bucket), stamped=True, adopted=True, made=False)
        self.enter(found)
        return found

    def is_empty(self, bucket: str) -> bool:
        """Whether there is neither object, version nor upload in it. Raises BucketMissing."""
        client = self._client
        objects, versions = client.list(bucket, limit=1), client.list_versions(bucket, limit=1)
        if objects.objects or objects.token or versions.versions or versions.after is not None:
            return False
        return not client.uploads(bucket, limit=1).uploads

    # -- rows --------------------------------------------------------------------------------
    def enter(self, at: At) -> bool:
        """Whether the row is new. Raises BucketAlreadyExists if another place has the real bucket."""
        place = at.place
        entered = run(
            f"INSERT INTO proxy_s3place (backend, {_COLUMNS}, created_ms)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            self._backend, place.bucket_id, place.incarnation, place.bucket,
            at.versioning, at.stamped, at.adopted, at.made, self._now(),
        )  # fmt: skip
        if not entered and self._row(place) is None:
            raise self.not_ours(place, "is the place of another bucket")
        return bool(entered)

    def settle(self, at: At) -> None:
        """Note how the place came about."""
        self._set(at.place, "versioning = %s, adopted = %s, made = %s", at.versioning, at.adopted, at.made)

    def _set(self, place: Place, what: str, *values: object) -> None:
        run(
            f"UPDATE proxy_s3place SET {what} WHERE backend = %s AND bucket_id = %s AND incarnation = %s",
            *values, self._backend, place.bucket_id, place.incarnation,
        )  # fmt: skip

    def not_ours(self, place: Place, why: str) -> BucketAlreadyExists:
        """The real bucket cannot be that place."""
        return BucketAlreadyExists(
            f"The bucket {place.bucket!r} on the storage {self._backend!r} {why}.",
            fields={"BucketName": place.bucket},
        )

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
