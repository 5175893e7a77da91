"""Bucket keys that live as long as a test."""

from __future__ import annotations

import os
from collections import defaultdict

from proxy.backends.values import Place
from proxy.crypto.ring import MissingKey
from proxy.crypto.wraps import WrappingKey, bucket_wrapping


class HeldKeys:
    """The bucket keys of one backend, any number per bucket. `seed` makes the same ones in each process."""

    def __init__(self, seed: bytes | None = None) -> None:
        self._seed = seed
        self._keys: defaultdict[str, list[WrappingKey]] = defaultdict(list)

    def newest(self, place: Place) -> WrappingKey:
        if not self._keys[place.bucket_id]:
            self.rotate(place)
        return self._keys[place.bucket_id][-1]

    def of(self, place: Place, key_id: str) -> WrappingKey:
        self.newest(place)
        held = self._keys[place.bucket_id]
        for key in held:
            if key.id == key_id:
                return key
        raise MissingKey(key_id, [key.id for key in held])

    def forget(self, place: Place) -> None:
        self._keys.pop(place.bucket_id, None)

    def rotate(self, place: Place) -> WrappingKey:
        """Another key that seals from now on."""
        held = self._keys[place.bucket_id]
        key = self._seed or os.urandom(32)
        held.append(bucket_wrapping(f"{place.bucket_id}-{len(held)}", key))
        return held[-1]

    def lose(self, place: Place) -> None:
        """Forget the oldest key of a bucket."""
        del self._keys[place.bucket_id][0]
