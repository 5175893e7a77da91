"""Where replicas go: a bucket that was entered for writing, and what a write there means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from proxy.backends.values import (
    CURRENT,
    Deletion,
    NewObject,
    ObjectInfo,
    Precondition,
)
from proxy.errors import NoSuchKey, NotImplementedByUs
from proxy.records import BucketRecord
from proxy.store import Store
from proxy.versioning import default_lock, deletion, new_version_id
from proxy.wire.request import check_key

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Target:
    """The destination's bucket as `Work.writing` gave it, and its objects at that Route."""

    bucket: BucketRecord
    store: Store

    @classmethod
    def of(cls, bucket: BucketRecord) -> Target:
        return cls(bucket, Store.at(bucket.route))

    def look(self, key: str) -> ObjectInfo | None:
        """What a plain GET would find there. Raises S3Error, not for what is absent."""
        return look(self.store, key)

    def carried(self, info: ObjectInfo, key: str, now_ms: int) -> ObjectInfo:
        """The facts of a replica: what any write to this bucket gets, and all else the source's.

        Raises KeyTooLongError.
        """
        check_key(key)
        settings = self.bucket.settings
        return replace(
            info,
            key=key,
            owner_id=self.bucket.owner_id,
            version_id=new_version_id(settings),
            lock=default_lock(settings, now_ms),
            acl="",
        )

    def replica(self, info: ObjectInfo, key: str, now_ms: int) -> NewObject:
        """An object of the source as it is written here. Raises KeyTooLongError."""
        return replace(NewObject.copy_of(self.carried(info, key, now_ms)), newest=True)

    def removal(self, key: str, when: Precondition) -> Deletion:
        """What deleting a key means in this bucket: a delete marker, or the object goes."""
        return deletion(self.bucket.settings, key, CURRENT, when=when, kept=self.store.keeps_versions)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found at the destination (None: nothing); a write takes place only while that is so."""

    info: ObjectInfo | None

    def hold(self, write: Callable[[Precondition], T]) -> T:
        """Write under that condition. Raises PreconditionFailed, NoSuchKey if it does not hold any more.

        A service that cannot hold conditions is looked at right before the write.
        """
        try:
            return write(self._condition())
        except NotImplementedByUs:
            return write(self._looked_at())

    def _condition(self) -> Precondition:
        if self.info is None:
            return Precondition(absent=True)
        return Precondition(etags=(self.info.etag,), modified=self.info.last_modified)

    def _looked_at(self) -> Precondition:
        if self.info is None:
            return Precondition(seq_at_most=0)
        return Precondition(size=self.info.size, modified=self.info.last_modified)


NOTHING = Seen(None)


def look(store: Store, key: str) -> ObjectInfo | None:
    """The facts of what a plain GET finds; None if there is certainly nothing.

    Raises S3Error: not to know it is no absence.
    """
    try:
        return store.head(key)
    except NoSuchKey:
        return None
