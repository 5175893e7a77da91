"""How the bodies of one bucket are sealed at its Route, and how that is changed without moving one.

Whoever makes keys or drops them here holds the bucket's gate: nothing is being written meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from proxy import routes
from proxy.backends.base import Backend
from proxy.backends.encrypted import SEALING
from proxy.backends.seals import Reseal, SealEntry
from proxy.backends.values import Route, UploadInfo
from proxy.bucket_keys import COPY, BucketKeys, forget_bucket
from proxy.crypto.wraps import (
    BUCKET,
    Bound,
    WrappingKey,
    is_ahead,
    name_of,
    root_of,
    unwrap_data_key,
    wrap_ahead,
    wrap_data_key,
)
from proxy.errors import S3Error
from proxy.key_records import records_in
from proxy.rings import encryption_of, ring_of


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class Resealing:
    """The bucket keys of one bucket, and wraps by the newest of them."""

    def __init__(self, route: Route, backend: Backend, keys: BucketKeys) -> None:
        said = encryption_of(route.backend)
        self.mode = str(said.get("mode") or "none")
        """As the backend is configured: none, aes256-gcm-proxy, sse-s3, sse-kms."""
        self.kms_key = str(said.get("kms_key_id") or "")
        self.backend = backend
        self._place = route.place
        self._route = route
        self._keys = keys

    @classmethod
    def at(cls, route: Route) -> Resealing:
        """Raises BackendUnavailable."""
        backend = routes.backend(route.backend)
        return cls(route, backend, BucketKeys(route.backend, ring_of(route.backend), backend, _now_ms))

    # -- bucket keys -----------------------------------------------------------------------
    def newest_key(self) -> str:
        """The id of the bucket key that seals now; empty if none was ever made."""
        newest = [record.id for record in self._keys.records(self._place.bucket_id) if record.newest]
        return newest[0] if newest else ""

    def rewrap_keys(self) -> int:
        """Wrap every bucket key with the newest key of the ring; how many were not so before.

        Raises EmptyRing, MissingKey, WrongWrap.
        """
        if not self._keys.records(self._place.bucket_id):
            if not records_in(self.backend.marked(self._place, COPY) or ""):
                return 0
            self._keys.newest(self._place)  # the rows were lost: from their copy on the backend
        return self._keys.rewrap(self._place)

    def make_key(self) -> None:
        """A fresh bucket key, which seals from now on. Raises EmptyRing."""
        self._keys.make_new(self._place)

    def needed(self) -> set[str]:
        """The ids of the bucket keys that some version or open upload needs.

        In any place of the bucket here: what a migration has left behind is sealed by the same keys.
        """
        others = self.backend.places(self._place.bucket)
        places = {self._place, *(each for each in others if each.bucket_id == self._place.bucket_id)}
        names = [name_of(sealed_by) for place in places for sealed_by in self.backend.count_seals(place)]
        return {name.key_id for name in names if name.kind == BUCKET}

    def drop_keys(self) -> None:
        """Remove the bucket keys that nothing needs; the newest too, if nothing new is sealed either."""
        records = self._keys.records(self._place.bucket_id)
        if not records or (len(records) == 1 and self.mode == SEALING):
            return
        needed = self.needed()
        if not needed and self.mode != SEALING:
            forget_bucket(self._place.bucket_id, self._route.backend)
        self._keys.drop_unused(self._place, needed)

    # -- data keys --------------------------------------------------------------------------
    def rewrapped(self, entries: Sequence[SealEntry]) -> list[Reseal | S3Error]:
        """Another wrap for each version, by the newest bucket key; or why its old one does not open.

        Raises EmptyRing, MissingKey for the newest key itself.
        """
        by = self._keys.newest(self._place)
        return [self._tried(entry, by) for entry in entries]

    def rewrapped_upload(self, upload: UploadInfo) -> Reseal:
        """Another wrap for an open upload that is sealed. Raises MissingKey, WrongWrap."""
        assert upload.seal is not None
        bound = Bound(self._place.bucket_id, upload.key, version_id=upload.upload_id)
        new = self._new(upload.seal.wrap, bound, self._keys.newest(self._place))
        return Reseal(upload.key, "", upload.seal.wrap, new, upload.upload_id)

    def _of_version(self, entry: SealEntry, by: WrappingKey) -> Reseal:
        root = root_of((each.body_id, each.size, each.stored) for each in entry.segments)
        bound = Bound(self._place.bucket_id, entry.key, entry.version_id, entry.size, entry.etag, root)
        return Reseal(entry.key, entry.version_id, entry.wrap, self._new(entry.wrap, bound, by))

    def _new(self, wrap: str, bound: Bound, by: WrappingKey) -> str:
        data_key = unwrap_data_key(wrap, self._keys.of(self._place, name_of(wrap).key_id), bound)
        if is_ahead(wrap):
            return wrap_ahead(data_key, by, bound.bucket_id, bound.key)
        return wrap_data_key(data_key, by, bound)

    def _tried(self, entry: SealEntry, by: WrappingKey) -> Reseal | S3Error:
        """An error that concerns this version alone, as a value."""
        try:
            return self._of_version(entry, by)
        except S3Error as error:
            if error.status == 503:
                raise
            return error
