"""The physical place, the buckets on it, and their care: what a backend does beside its objects."""

from __future__ import annotations

import functools
import logging
from pathlib import Path

from proxy.backends.base import SCRUB_GRACE_S
from proxy.backends.filesystem import copies, feed, places
from proxy.backends.filesystem.bucket import INDEX, OpenBucket
from proxy.backends.filesystem.keeper import Keeper
from proxy.backends.filesystem.registry import OPEN_BUCKETS, Registry, Using
from proxy.backends.filesystem.root import Root
from proxy.backends.filesystem.sweep import is_due, scrub, sweep_bucket
from proxy.backends.serviceless import NoService
from proxy.backends.values import ChangeListing, Clock, FeedPosition, Place, Usage
from proxy.errors import NoSuchBucket, NotImplementedByUs, S3Error, StorageFull

_log = logging.getLogger(__name__)

INLINE_BYTES = 32 * 1024
RESERVE_BYTES = 16 * 1024 * 1024


class Premises(NoService):
    """`inline_bytes`: bodies up to this size live in the index. `reserve_bytes`: kept free, so
    that deletes and small rows still go on a full disk. `open_buckets`: places kept open.
    `keep` starts a thread, at the first write or `check`, that sweeps what is open and copies each
    index every `copy_hours` (0: never). `secure_delete`: what is deleted in an index is overwritten,
    as it should be where bodies are sealed that were plain.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        now: Clock,
        *,
        inline_bytes: int = INLINE_BYTES,
        reserve_bytes: int = RESERVE_BYTES,
        open_buckets: int = OPEN_BUCKETS,
        copy_hours: int = 0,
        keep: bool = True,
        secure_delete: bool = False,
    ) -> None:
        self.name = name
        self.place_id = ""
        self._now = now
        self._copy_ms = copy_hours * 3_600_000
        self._root = Root(path)
        open_bucket = functools.partial(
            OpenBucket,
            now=now,
            inline_bytes=inline_bytes,
            reserve_bytes=reserve_bytes,
            secure_delete=secure_delete,
        )
        self._registry = Registry(
            self._root, lambda place: open_bucket(self._root.folder(place), place), open_buckets
        )
        self._using = self._registry.using
        self._faults = self._registry.faults
        self._keeper = Keeper(self.sweep) if keep else None

    def close(self) -> None:
        """Let go of every open place that is not in use."""
        if self._keeper is not None:
            self._keeper.stop()
        self._registry.close()

    def _writing(self, place: Place) -> Using:
        if self._keeper is not None:
            self._keeper.wake()
        return self._using(place)

    # -- the physical place and the buckets on it ----------------------------------------
    def prepare(self, known_id: str | None) -> str:
        with self._faults:
            self.place_id = self._root.prepare(known_id)
        return self.place_id

    def check(self) -> None:
        with self._faults:
            self._root.check()
        if self._keeper is not None and self._copy_ms:
            self._keeper.wake()  # what was written before this process began is to be copied too

    def create_bucket(self, place: Place) -> None:
        with self._faults:
            self._root.create(place)

    def adopt(self, place: Place) -> str:
        raise NotImplementedByUs(f"The storage {self.name!r} has no buckets but its own.")

    def delete_bucket(
        self, place: Place, *, uploads: bool = False, force: bool = False, unserved: bool = False
    ) -> None:
        try:
            with self._writing(place) as bucket:
                places.retire(bucket, uploads=uploads, force=force, unserved=unserved)
        except NoSuchBucket:
            pass  # absent, or a crash stopped an earlier removal half-way
        with self._faults:
            self._registry.forget(place)
            self._root.remove(self._root.folder(place))

    def places(self, bucket: str) -> tuple[Place, ...]:
        with self._faults:
            return tuple(place for place in self._root.places(bucket) if self._lives(place))

    def owns(self, place: Place) -> bool:
        return True

    def _lives(self, place: Place) -> bool:
        try:
            self.head_seq(place)
        except NoSuchBucket:
            return False
        return True

    def is_at_hand(self, place: Place) -> bool:
        return self._registry.has_open(place)

    def set_versioning(self, place: Place, status: str) -> None:
        """Any place can keep versions at any time."""

    def usage(self, place: Place, patience_s: float | None = None) -> Usage:
        with self._using(place) as bucket:
            return places.usage(bucket)

    def head_seq(self, place: Place) -> int:
        with self._using(place) as bucket:
            return places.head_seq(bucket)

    def changes(self, place: Place, after: FeedPosition, limit: int = 1000) -> ChangeListing:
        with self._using(place) as bucket:
            return feed.changes(bucket, after, limit)

    def mark(self, place: Place, name: str, text: str | None) -> None:
        with self._writing(place) as bucket:
            places.mark(bucket, name, text)

    def marked(self, place: Place, name: str) -> str | None:
        with self._using(place) as bucket:
            return places.marked(bucket, name)

    # -- care ------------------------------------------------------------------------------
    def sweep(self) -> None:
        """One round over the places that this process has open, once an hour over all of them."""
        with self._faults:
            self._root.remove_gone(self._now())
            everywhere = self._root.round_is_due(self._now())
            found = list(self._root.places()) if everywhere else self._registry.open_places()
        for place in found:
            try:
                with self._using(place) as bucket:
                    if is_due(bucket):
                        sweep_bucket(bucket)
                    self._copy(bucket)
            except NoSuchBucket:
                continue

    def _copy(self, bucket: OpenBucket) -> None:
        """A failure is told and does not keep other places from being seen to."""
        if not self._copy_ms:
            return
        try:
            with self._faults:
                copies.keep_copy(bucket.pool, bucket.folder, self._now(), self._copy_ms)
        except StorageFull:
            _log.warning("no room on the disk for a copy of %s", bucket.folder / INDEX)
        except copies.Interrupted:
            _log.debug("a fork put off the copy of %s", bucket.folder / INDEX)
        except S3Error as error:
            if bucket.is_there():  # (else it was removed at this moment)
                _log.error("%s: %s The last copy is kept.", bucket.folder / INDEX, error.message)

    def scrub(self, place: Place, grace_s: float = SCRUB_GRACE_S) -> bool:
        with self._writing(place) as bucket:
            return scrub(bucket, grace_ms=int(grace_s * 1000))
