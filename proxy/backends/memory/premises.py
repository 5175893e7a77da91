"""The physical place and the buckets on it: what the backend does beside its objects."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from itertools import islice

from proxy.backends import feeds
from proxy.backends.base import SCRUB_GRACE_S, OpenObject
from proxy.backends.memory.place import MemoryPlace
from proxy.backends.serviceless import NoService
from proxy.backends.values import ChangeListing, Clock, FeedPosition, Finding, Place, Usage
from proxy.errors import BackendUnavailable, BucketNotEmpty, NoSuchBucket, NotImplementedByUs, ObjectLocked


class Premises(NoService):
    """One lock around everything but the reading of bodies."""

    def __init__(self, name: str, now: Clock) -> None:
        self.name = name
        self.place_id = ""
        self._now = now
        self._lock = threading.RLock()
        self._places: dict[Place, MemoryPlace] = {}

    def prepare(self, known_id: str | None) -> str:
        if known_id is not None and known_id != self.place_id:
            raise BackendUnavailable()
        self.place_id = self.place_id or uuid.uuid4().hex
        return self.place_id

    def check(self) -> None:
        if not self.place_id:
            raise BackendUnavailable()

    def check_store(self, *, deep: bool, open_object: OpenObject | None = None) -> Iterator[Finding]:
        return iter(())

    def create_bucket(self, place: Place) -> None:
        self.check()
        with self._lock:
            self._places.setdefault(place, MemoryPlace())

    def adopt(self, place: Place) -> str:
        raise NotImplementedByUs(f"The storage {self.name!r} has no buckets but its own.")

    def delete_bucket(
        self, place: Place, *, uploads: bool = False, force: bool = False, unserved: bool = False
    ) -> None:
        with self._lock:
            if place not in self._places:
                return
            held = self.usage(place)
            if not force and (held.keys or held.versions or (held.uploads and not uploads)):
                raise BucketNotEmpty(fields={"BucketName": place.bucket})
            if held.locked and not unserved:
                raise ObjectLocked(fields={"BucketName": place.bucket})
            del self._places[place]

    def places(self, bucket: str) -> tuple[Place, ...]:
        self.check()
        with self._lock:
            return tuple(place for place in self._places if place.bucket == bucket)

    def owns(self, place: Place) -> bool:
        return bool(place.incarnation)

    def _at(self, place: Place) -> MemoryPlace:
        self.check()
        found = self._places.get(place)
        if found is None:
            raise NoSuchBucket(fields={"BucketName": place.bucket})
        return found

    def is_at_hand(self, place: Place) -> bool:
        return False

    def set_versioning(self, place: Place, status: str) -> None:
        self._at(place)

    def scrub(self, place: Place, grace_s: float = SCRUB_GRACE_S) -> bool:
        self._at(place)
        return True

    def usage(self, place: Place, patience_s: float | None = None) -> Usage:
        with self._lock:
            at = self._at(place)
            live = [info.size for info in at.live()]
            every = [info.size for info in at.all()]
            return Usage(
                keys=len(live),
                versions=len(every) - len(live),
                uploads=sum(upload.finished is None for upload in at.uploads.values()),
                size=sum(live),
                versions_size=sum(every) - sum(live),
                locked=sum(info.lock.binds(self._now()) for info in at.all()),
            )

    def head_seq(self, place: Place) -> int:
        with self._lock:
            return self._at(place).seq

    def changes(self, place: Place, after: FeedPosition, limit: int = 1000) -> ChangeListing:
        feeds.require_life(place, after)
        with self._lock:
            at = self._at(place)
            feeds.require_held(at.bounds(), after)
            following = (change for change in at.log if change.seq > after.seq)
            return feeds.page(after, at.seq, list(islice(following, limit)))

    def mark(self, place: Place, name: str, text: str | None) -> None:
        with self._lock:
            marks = self._at(place).marks
            marks.pop(name, None)
            if text is not None:
                marks[name] = text

    def marked(self, place: Place, name: str) -> str | None:
        with self._lock:
            return self._at(place).marks.get(name)
