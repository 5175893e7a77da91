"""Bucket keys: what wraps the data keys of one bucket's objects on one backend.

A record is wrapped by a key of the backend's KeyRing, so that rotating that one is a new wrap of the
records and touches no object. The records are rows of the control database; a copy of a bucket's is
with its objects on the backend, for the day on which that database is lost or restored.

Which key seals is asked for every write, so that a new one counts in all processes at once. Opened
keys are remembered: what an id stands for never changes.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from django.db import connection, transaction

from proxy.backends.values import Clock, Place
from proxy.control import by_vendor, read
from proxy.crypto.ring import KEY_BYTES, MissingKey, Ring
from proxy.crypto.wraps import WrappingKey, WrongWrap, bucket_wrapping, unwrap_bucket_key, wrap_bucket_key
from proxy.errors import InternalError
from proxy.key_records import KeyRecord, copy_of, records_in

K = TypeVar("K")

COPY = "keys"
"""The name of the note with a copy of the records (`Backend.mark`)."""

_MOST_REMEMBERED = 10_000
_COPY_TRIES = 8
_COLUMNS = "id, bucket_id, ring_key_id, wrapped, created_ms, newest"
_NEWEST = by_vendor(
    "SELECT id, wrapped FROM proxy_bucketkey WHERE bucket_id = %s AND backend = %s AND newest"
)
_ONE = by_vendor("SELECT wrapped FROM proxy_bucketkey WHERE id = %s AND bucket_id = %s AND backend = %s")
_ALL = by_vendor(
    f"SELECT {_COLUMNS} FROM proxy_bucketkey WHERE bucket_id = %s AND backend = %s ORDER BY created_ms, id"
)
_ELSEWHERE = by_vendor(
    "SELECT 1 FROM proxy_bucket WHERE id = %s AND backend = %s AND (real_bucket <> %s OR incarnation <> %s)"
)
_INSERT = (
    "INSERT INTO proxy_bucketkey (id, bucket_id, backend, ring_key_id, wrapped, created_ms, newest)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
)


class Notes(Protocol):
    """Where the copies are kept: a Backend."""

    def mark(self, place: Place, name: str, text: str | None) -> None: ...
    def marked(self, place: Place, name: str) -> str | None: ...
    def places(self, bucket: str) -> tuple[Place, ...]: ...


class MissingBucketKey(InternalError):
    """An object's bucket key is in neither the control database nor the copy on the backend."""

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"The bucket key {key_id} is wanted, and is neither in the control database nor on the backend."
        )


class BucketKeys:
    """The bucket keys of one backend. Safe to use from any number of threads and processes."""

    def __init__(self, backend: str, ring: Ring, notes: Notes, now: Clock) -> None:
        self._backend = backend
        self._ring = ring
        self._notes = notes
        self._now = now
        self._opened: dict[tuple[str, str], WrappingKey] = {}
        self._sealing: dict[Place, WrappingKey] = {}

    # -- for every request ---------------------------------------------------------------------
    def newest(self, place: Place) -> WrappingKey:
        """The key that seals, made if the bucket has none yet.

        Raises EmptyRing, MissingKey, WrongWrap, BackendUnavailable.
        """
        key_id, wrapped = self._newest_row(place) or self._first_row(place)
        sealing = self._sealing.get(place)
        if sealing is not None and sealing.id == key_id:
            return sealing
        self.refresh_copy(place)  # by every process once, should one have been killed before it did
        key_id, wrapped = self._newest_row(place) or self._first_row(place)  # (the copy may have had a newer)
        key = self._open(place, key_id, wrapped)
        _remember(self._sealing, place, key)
        return key

    def of(self, place: Place, key_id: str) -> WrappingKey:
        """The key of that id. Raises MissingBucketKey, MissingKey, WrongWrap, BackendUnavailable."""
        known = self._opened.get((place.bucket_id, key_id))
        if known is not None:
            return known
        wrapped = self._wrapped(place, key_id)
        if wrapped is None and self._recover(place):
            wrapped = self._wrapped(place, key_id)
        if wrapped is None:
            raise MissingBucketKey(key_id)
        return self._open(place, key_id, wrapped)

    def _open(self, place: Place, key_id: str, wrapped: str) -> WrappingKey:
        key = bucket_wrapping(key_id, unwrap_bucket_key(wrapped, key_id, place.bucket_id, self._ring))
        _remember(self._opened, (place.bucket_id, key_id), key)
        return key

    def _newest_row(self, place: Place) -> tuple[str, str] | None:
        rows = read(_NEWEST, place.bucket_id, self._backend)
        return (str(rows[0][0]), str(rows[0][1])) if rows else None

    def _wrapped(self, place: Place, key_id: str) -> str | None:
        rows = read(_ONE, key_id, place.bucket_id, self._backend)
        return str(rows[0][0]) if rows else None

    # -- making and changing -------------------------------------------------------------------
    def records(self, bucket_id: str) -> list[KeyRecord]:
        """Every bucket key of a bucket here, oldest first."""
        return [_record(row) for row in read(_ALL, bucket_id, self._backend)]

    def open_record(self, record: KeyRecord) -> bytes:
        """The key of a record. Raises MissingKey, WrongWrap."""
        return unwrap_bucket_key(record.wrapped, record.id, record.bucket_id, self._ring)

    def make_new(self, place: Place) -> WrappingKey:
        """A fresh key that seals from now on; the others still open.

        Of several calls at one moment all give the key of the first.
        """
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "UPDATE proxy_bucketkey SET newest = %s WHERE bucket_id = %s AND backend = %s AND newest",
                [False, place.bucket_id, self._backend],
            )
            cursor.execute(_INSERT, self._values(self._draw(place)))
        self.refresh_copy(place)
        return self.newest(place)

    def rewrap(self, place: Place) -> int:
        """Wrap the bucket's keys with the newest key of the ring; how many were not so before.

        Each record is changed on its own, guarded by its old wrap. Raises EmptyRing, MissingKey, WrongWrap.
        """
        changed = 0
        for record in self.records(place.bucket_id):
            if record.ring_key_id == self._ring.newest.id:
                continue
            wrapped = wrap_bucket_key(self.open_record(record), record.id, record.bucket_id, self._ring)
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE proxy_bucketkey SET wrapped = %s, ring_key_id = %s"
                    " WHERE id = %s AND wrapped = %s",
                    [wrapped, self._ring.newest.id, record.id, record.wrapped],
                )
                changed += cursor.rowcount
        self.refresh_copy(place)
        return changed

    def drop_unused(self, place: Place, needed: Collection[str]) -> int:
        """Remove the keys that are neither the newest nor among the ids that are `needed`; how many.

        Whoever calls must have seen to it that nothing is being written to the bucket.
        """
        dropped = [
            record
            for record in self.records(place.bucket_id)
            if not record.newest and record.id not in needed
        ]
        with transaction.atomic(), connection.cursor() as cursor:
            for record in dropped:
                cursor.execute("DELETE FROM proxy_bucketkey WHERE id = %s AND NOT newest", [record.id])
        self.refresh_copy(place, needed)
        return len(dropped)

    def forget(self, place: Place) -> None:
        """Remove the keys of a bucket whose last place here is gone; another one of it keeps them.

        (A bucket that is moved may have its other place under another name.)
        """
        others = self._notes.places(place.bucket)
        if any(other.bucket_id == place.bucket_id for other in others):
            return
        if not read(_ELSEWHERE, place.bucket_id, self._backend, place.bucket, place.incarnation):
            forget_bucket(place.bucket_id, self._backend)

    def _first_row(self, place: Place) -> tuple[str, str]:
        if self._recover(place):
            found = self._newest_row(place)
            if found is not None:
                return found
        with connection.cursor() as cursor:
            cursor.execute(_INSERT, self._values(self._draw(place)))
        found = self._newest_row(place)  # that of another process, if it was faster
        if found is None:
            raise InternalError("The bucket's key was removed at this moment.")
        return found

    def _draw(self, place: Place) -> KeyRecord:
        key_id = secrets.token_hex(8)
        wrapped = wrap_bucket_key(os.urandom(KEY_BYTES), key_id, place.bucket_id, self._ring)
        return KeyRecord(key_id, place.bucket_id, self._ring.newest.id, wrapped, self._now(), True)

    def _values(self, record: KeyRecord) -> list[Any]:
        return [
            *(record.id, record.bucket_id, self._backend, record.ring_key_id),
            *(record.wrapped, record.created_ms, record.newest),
        ]

    # -- the copies on the backend ---------------------------------------------------------------
    def copy_agrees(self, place: Place) -> bool:
        """Whether the copy on the backend says what the control database does."""
        text, records = self._notes.marked(place, COPY), self.records(place.bucket_id)
        kept = [record for record in _strangers(place, text, records) if not self._opens(record)]
        return text == copy_of([*records, *kept])

    def refresh_copy(self, place: Place, needed: Collection[str] | None = None) -> None:
        """Bring the copy on the backend up to date.

        A key that only the copy has is taken over first: the control database may be of an earlier day.
        If the ring does not open it, it stays in the copy. With `needed`, only if it is among those ids.
        Several processes may do it at once: whoever writes last looks again whether it was right.
        """
        for _ in range(_COPY_TRIES):
            text, records = self._notes.marked(place, COPY), self.records(place.bucket_id)
            others = _strangers(place, text, records)
            others = [one for one in others if needed is None or one.id in needed]
            opening = [record for record in others if self._opens(record)]
            if opening:
                self._take_over(place, map(self._wrapped_anew, opening))
                records = self.records(place.bucket_id)
            wanted = copy_of([*records, *(record for record in others if record not in opening)])
            if text == wanted or not (text or records):
                return
            self._notes.mark(place, COPY, wanted)

    def _opens(self, record: KeyRecord) -> bool:
        try:
            self.open_record(record)
        except (MissingKey, WrongWrap):
            return False
        return True

    def _wrapped_anew(self, record: KeyRecord) -> KeyRecord:
        """By the newest key of the ring: a copy may be so old that another one is about to be retired."""
        wrapped = wrap_bucket_key(self.open_record(record), record.id, record.bucket_id, self._ring)
        return replace(record, ring_key_id=self._ring.newest.id, wrapped=wrapped)

    def _recover(self, place: Place) -> bool:
        """Take over what the copy has and the control database lacks; False if there is no copy."""
        copied = records_in(self._notes.marked(place, COPY) or "")
        if copied:
            self._take_over(place, (record for record in copied if record.bucket_id == place.bucket_id))
        return bool(copied)

    def _take_over(self, place: Place, copied: Iterable[KeyRecord]) -> None:
        """Insert records that are not there yet; of all that open, the last one made seals from then on."""
        own = (place.bucket_id, self._backend)
        with transaction.atomic(), connection.cursor() as cursor:
            for record in copied:
                cursor.execute(_INSERT, [*self._values(record)[:-1], False])
            rows = self.records(place.bucket_id)
            if rows:
                newest = next(filter(self._opens, reversed(rows)), rows[-1]).id
                unset = "UPDATE proxy_bucketkey SET newest = %s WHERE bucket_id = %s AND backend = %s"
                cursor.execute(f"{unset} AND newest AND id <> %s", [False, *own, newest])
                cursor.execute("UPDATE proxy_bucketkey SET newest = %s WHERE id = %s", [True, newest])


def _strangers(place: Place, text: str | None, records: Iterable[KeyRecord]) -> list[KeyRecord]:
    """The bucket's keys of which the copy knows alone. Of a copy that is none there are none."""
    known = {record.id for record in records}
    try:
        copied = records_in(text or "")
    except WrongWrap:
        return []
    return [one for one in copied if one.bucket_id == place.bucket_id and one.id not in known]


def _remember(known: dict[K, WrappingKey], what: K, key: WrappingKey) -> None:
    if len(known) >= _MOST_REMEMBERED:
        known.clear()
    known[what] = key


def forget_bucket(bucket_id: str, backend: str) -> None:
    """Remove the keys of a bucket that is no longer on that backend: its bodies are gone for good."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM proxy_bucketkey WHERE bucket_id = %s AND backend = %s", [bucket_id, backend]
        )


def _record(row: tuple[Any, ...]) -> KeyRecord:
    key_id, bucket_id, ring_key_id, wrapped, created_ms, newest = row
    return KeyRecord(key_id, bucket_id, ring_key_id, wrapped, created_ms, bool(newest))
