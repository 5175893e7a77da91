"""The places that this process has open: a bounded number, the least used closed first."""

from __future__ import annotations

import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from types import TracebackType

from proxy.backends.filesystem.bucket import OpenBucket, read_identity
from proxy.backends.filesystem.faults import Translated, translate
from proxy.backends.filesystem.root import Root
from proxy.backends.values import Place
from proxy.errors import BackendUnavailable, NoSuchBucket

OPEN_BUCKETS = 64
"""Places kept open; more only while that many are in use at once."""


class Registry:
    """Opens places at their first use, proves at every use that they are still there."""

    def __init__(self, root: Root, open_bucket: Callable[[Place], OpenBucket], limit: int) -> None:
        self._root = root
        self._open_bucket = open_bucket
        self._limit = limit
        self._opening = threading.Lock()
        """Held while a place is opened, so that those who use open ones do not wait for that."""
        self._lock = threading.Lock()
        self._buckets: OrderedDict[Place, OpenBucket] = OrderedDict()
        self.faults = Translated(root.path)
        _registries.add(self)

    def using(self, place: Place) -> Using:
        """`with registry.using(place) as bucket`: faults leave as S3Errors.

        Raises NoSuchBucket only where the backend itself is proven to be there, else
        BackendUnavailable.
        """
        return Using(self, place)

    def explain(self, bucket: OpenBucket, error: BaseException) -> None:
        """Raise what a fault means; return if it is no fault of the disk or of SQLite.

        A place that another process removed under us is NoSuchBucket, so that a caller looks
        where the bucket is now; a disk that went away is BackendUnavailable.
        """
        better = translate(error, self._root.path)
        if better is None or better is error:
            return
        if not bucket.is_there():
            self._identify(bucket.place)
        raise better from error

    def take(self, place: Place) -> OpenBucket:
        bucket = self._counted(place)
        if bucket.is_there():
            return bucket
        with self._lock:
            if self._buckets.get(place) is bucket:
                self._forget(place)
        self.give(bucket)
        return self._counted(place)

    def has_open(self, place: Place) -> bool:
        """Whether `take` would find it open. Waits for nobody."""
        return place in self._buckets

    def _counted(self, place: Place) -> OpenBucket:
        bucket = self._found(place)
        if bucket is None:
            with self._opening:
                bucket = self._found(place) or self._kept(self._opened(place))
        return bucket

    def _found(self, place: Place) -> OpenBucket | None:
        with self._lock:
            bucket = self._buckets.get(place)
            if bucket is not None:
                self._buckets.move_to_end(place)
                bucket.users += 1
            return bucket

    def _kept(self, bucket: OpenBucket) -> OpenBucket:
        with self._lock:
            self._buckets[bucket.place] = bucket
            bucket.users += 1
            if len(self._buckets) > self._limit:
                self._close_one()
            return bucket

    def give(self, bucket: OpenBucket) -> None:
        with self._lock:
            bucket.users -= 1
            if not bucket.users and self._buckets.get(bucket.place) is not bucket:
                bucket.close()

    def _opened(self, place: Place) -> OpenBucket:
        self._identify(place)
        try:
            return self._open_bucket(place)
        except Exception:
            self._identify(place)  # another process may have removed it since
            raise

    def _identify(self, place: Place) -> None:
        """Raises NoSuchBucket, BackendUnavailable unless the folder is that of this place."""
        self._root.check()
        shown = read_identity(self._root.folder(place))
        if shown is None:
            raise NoSuchBucket(fields={"BucketName": place.bucket})
        if shown != place:
            raise BackendUnavailable("Another bucket has this place.")

    def _close_one(self) -> None:
        for place, bucket in self._buckets.items():
            if not bucket.users:
                self._forget(place)
                return

    def _forget(self, place: Place) -> None:
        bucket = self._buckets.pop(place, None)
        if bucket is not None and not bucket.users:
            bucket.close()

    def forget(self, place: Place) -> None:
        """Close it as soon as nobody uses it."""
        with self._lock:
            self._forget(place)

    def open_places(self) -> list[Place]:
        with self._lock:
            return list(self._buckets)

    def close(self) -> None:
        for place in self.open_places():
            self.forget(place)

    # -- around a fork -----------------------------------------------------------------------
    def freeze(self) -> None:
        self._opening.acquire()
        self._lock.acquire()
        for bucket in self._buckets.values():
            bucket.pool.freeze()

    def thaw(self) -> None:
        for bucket in self._buckets.values():
            bucket.pool.thaw()
        self._lock.release()
        self._opening.release()

    def abandon(self) -> None:
        """In the child: every place is opened anew."""
        for bucket in self._buckets.values():
            bucket.abandon()
            bucket.pool.thaw()
        self._buckets = OrderedDict()
        self._lock.release()
        self._opening.release()


class Using:
    """One use of an open place."""

    __slots__ = ("_place", "_registry", "bucket")

    def __init__(self, registry: Registry, place: Place) -> None:
        self._registry = registry
        self._place = place

    def __enter__(self) -> OpenBucket:
        with self._registry.faults:
            self.bucket = self._registry.take(self._place)
        return self.bucket

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is not None:
                self._registry.explain(self.bucket, error)
        finally:
            self._registry.give(self.bucket)


_registries: weakref.WeakSet[Registry] = weakref.WeakSet()
_frozen: list[Registry] = []
_forking = threading.Lock()


def _before_fork() -> None:
    _forking.acquire()
    _frozen.extend(_registries)
    for registry in _frozen:
        registry.freeze()


def _after_fork(settle: Callable[[Registry], None]) -> None:
    while _frozen:
        settle(_frozen.pop())
    _forking.release()


os.register_at_fork(
    before=_before_fork,
    after_in_parent=lambda: _after_fork(Registry.thaw),
    after_in_child=lambda: _after_fork(Registry.abandon),
)
