"""The places of an S3 backend as a whole: whether they are there, what they hold, and their notes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from proxy.backends.base import Describe, OpenObject
from proxy.backends.s3 import abilities, upload_rows
from proxy.backends.s3.capabilities import Capabilities
from proxy.backends.s3.checking import check_places
from proxy.backends.s3.claiming import Claimer
from proxy.backends.s3.clearing import Clearer
from proxy.backends.s3.client import connect
from proxy.backends.s3.errors import BucketMissing, Refused
from proxy.backends.s3.listing import PAGE, Asked
from proxy.backends.s3.looking import Looker
from proxy.backends.s3.noted import note, noted
from proxy.backends.s3.opening import open_object
from proxy.backends.s3.places import MARKER, RESERVED, At, Places
from proxy.backends.s3.probing import is_scratch
from proxy.backends.s3.reader import S3Reader
from proxy.backends.s3.service import service_id
from proxy.backends.s3.version_listing import VersionLister
from proxy.backends.services import Condition
from proxy.backends.values import (
    CURRENT,
    ChangeListing,
    Clock,
    FeedPosition,
    Finding,
    ObjectInfo,
    Place,
    Usage,
)
from proxy.errors import BackendUnavailable, NoSuchKey, NotImplementedByUs, S3Error
from proxy.wire.encoding import encode

_MARKS = f"{RESERVED}marks/"
_ASKS_NOTHING = "AccessDenied"
_FOUND = {True: "yes", False: "no", None: "unknown"}


class Premises:
    """See `proxy.backends.base.Backend`."""

    def __init__(self, name: str, options: Mapping[str, Any], now: Clock) -> None:
        self.name = name
        self.place_id = ""
        self._now = now
        self._client = connect(name, options)
        self._service = service_id(self._client.caller.options)
        self._places = Places(self._client, now)
        self._looker = Looker(self._client)
        self._lister = VersionLister(self._client, self._looker, self._by_folders)
        self._claimer = Claimer(self._client, self._places, now)
        self._clearer = Clearer(self._client, self._places)

    @property
    def describe(self) -> Describe | None:
        """How sealed objects tell again what was lost of them; set by whoever opens seals."""
        return self._looker.describe

    @describe.setter
    def describe(self, describe: Describe | None) -> None:
        self._looker.describe = describe

    # -- the service -----------------------------------------------------------------------
    def prepare(self, known_id: str | None) -> str:
        """No question is asked: a service that is down now may be there again before it is needed."""
        if known_id not in (None, self._service):
            raise BackendUnavailable(f"The storage {self.name!r} is not the service that it was.")
        self.place_id = self._service
        return self.place_id

    def check(self) -> None:
        if not self.place_id:
            raise BackendUnavailable()
        known = self._places.of_backend()[:1]
        try:
            if known:
                self._client.list(known[0].bucket, prefix=MARKER, limit=1)  # (HEAD would not say why not)
            else:
                self._client.buckets()
        except BucketMissing:
            return  # the service has answered; the bucket says so by itself
        except Refused as error:
            if error.service_code != _ASKS_NOTHING:
                raise

    def capabilities(self, at: At | None = None) -> Capabilities:
        """What the service can do; found out now if no process has done so yet. Raises BackendUnavailable."""
        found = self._known()
        if found is None:
            found = abilities.found_out(self._client, "" if at is None else at.bucket)
            note(self._service, found, self._now())
        return found

    def _known(self) -> Capabilities | None:
        known = abilities.known(self._client)
        if known is None and (known := noted(self._service)) is not None:
            abilities.take_over(self._client, known)
        return known

    def find_out(self) -> None:
        ours = self._places.of_backend()[:1]
        note(self._service, abilities.found_anew(self._client, ours[0].bucket if ours else ""), self._now())

    def _by_folders(self, at: At) -> bool:
        """Whether the service lists folder by folder, not by the bytes of keys."""
        return self.capabilities(at).ordered_listing is False

    def condition(self) -> Condition:
        """Without a call: what was found out so far."""
        able = self._known()
        found = {} if able is None else able.as_json()
        phase = self._client.caller.breaker.state.phase
        return Condition(phase, {name: _FOUND[can] for name, can in found.items()})

    def real_buckets(self) -> tuple[str, ...]:
        return tuple(name for name in self._client.buckets() if not is_scratch(name))

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    # -- places ------------------------------------------------------------------------------
    def create_bucket(self, place: Place) -> None:
        self._claimer.create(place)

    def adopt(self, place: Place) -> str:
        """Make a real bucket that exists a place, with all that is in it; its versioning status.

        Nothing but the marker is written. Doing it again is no error. Raises BucketMissing,
        BucketAlreadyExists (another bucket or gateway has it).
        """
        return self._claimer.adopt(place).versioning

    def delete_bucket(
        self, place: Place, *, uploads: bool = False, force: bool = False, unserved: bool = False
    ) -> None:
        self._clearer.remove(place, uploads=uploads, force=force, unserved=unserved)

    def places(self, bucket: str) -> tuple[Place, ...]:
        return self._places.named(bucket)

    def owns(self, place: Place) -> bool:
        return self._places.is_ours(place)

    def is_at_hand(self, place: Place) -> bool:
        return False

    def set_versioning(self, place: Place, status: str) -> None:
        """The row says it first: to look for versions where there are none yet does no harm."""
        with self._used(place) as at:
            self._places.note_versioning(place, status)
            try:
                self._client.put_versioning(at.bucket, status)
            except S3Error:
                self._places.note_versioning(place, at.versioning)
                raise

    def head_seq(self, place: Place) -> int:
        with self._used(place) as at:
            return self._client.head_bucket(at.bucket).date or self._now()

    def changes(self, place: Place, after: FeedPosition, limit: int = 1000) -> ChangeListing:
        raise NotImplementedByUs(f"The storage {self.name!r} does not tell what changes there.")

    def mark(self, place: Place, name: str, text: str | None) -> None:
        key = _MARKS + encode(name)
        with self._used(place) as at:
            if text is None:
                self._client.delete(at.bucket, key)
            else:
                self._client.put(at.bucket, key, text.encode())

    def marked(self, place: Place, name: str) -> str | None:
        with self._used(place) as at:
            try:
                with self._client.get(at.bucket, _MARKS + encode(name)) as found:
                    return b"".join(found).decode()
            except NoSuchKey:
                return None

    @contextmanager
    def _used(self, place: Place) -> Iterator[At]:
        """The place, for one operation. If its bucket turns out to be gone: whether the place still is ours.

        Raises NoSuchBucket (one of us has removed it), BackendUnavailable (nobody of us has).
        """
        at = self._places.at(place)
        try:
            yield at
        except BucketMissing:
            self._places.doubt(place)
            self._places.at(place)
            raise

    # -- what they hold ------------------------------------------------------------------------
    def usage(self, place: Place, patience_s: float | None = None) -> Usage:
        until = None if patience_s is None else time.monotonic() + patience_s
        with self._used(place) as at:
            held = _Held()
            after: tuple[str, str] | None = ("", "")
            while after is not None and (after == ("", "") or until is None or time.monotonic() < until):
                page = self._lister.page(at, Asked("", ""), after, PAGE)
                held.add(page.versions, self._now())
                after = page.last
        return held.usage(upload_rows.count_open(place), exact=after is None)

    def check_store(self, *, deep: bool, open_object: OpenObject | None = None) -> Iterator[Finding]:
        return check_places(self._places, self._lister, self.open, open_object, deep=deep)

    def open(self, place: Place, key: str, version: str = CURRENT) -> S3Reader:
        with self._used(place) as at:
            return open_object(self._client, self._looker, self._service, at, key, version)


@dataclass(slots=True)
class _Held:
    """Counts, while pages of versions come."""

    keys: int = 0
    size: int = 0
    versions: int = 0
    versions_size: int = 0
    locked: int = 0

    def add(self, infos: Iterable[ObjectInfo], now: int) -> None:
        for info in infos:
            if info.latest and not info.marker:
                self.keys += 1
                self.size += info.size
            else:
                self.versions += 1
                self.versions_size += info.size
            self.locked += info.lock.binds(now)

    def usage(self, uploads: int, *, exact: bool) -> Usage:
        return Usage(
            self.keys, self.versions, uploads, self.size, self.versions_size, self.locked, exact=exact
        )
