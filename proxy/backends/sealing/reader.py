"""An open sealed object as a reader of its plaintext."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace

from proxy.backends.base import ObjectReader, nothing_to_unlock
from proxy.backends.sealing.keys import encryption_of, unlocked
from proxy.backends.seals import Seal
from proxy.crypto.frames import Opener
from proxy.crypto.wraps import Bound
from proxy.errors import InvalidRequest

_LOCKED = (
    "The object was stored using a form of Server Side Encryption. "
    "The correct parameters must be provided to retrieve the object."
)


class SealedReader(AbstractContextManager["SealedReader"]):
    """`data_key` is None of what a customer's key seals, until `unlock` is given that key."""

    def __init__(self, inner: ObjectReader, seal: Seal, bound: Bound, data_key: bytes | None) -> None:
        self.inner = inner
        self.seal = seal
        self.data_key = data_key
        self.bound = bound
        self._customers = data_key is None
        self.info = replace(inner.info, encryption=encryption_of(seal))

    @property
    def customers(self) -> bool:
        """Whether a customer's key seals it."""
        return self._customers

    def unlock(self, customer_key: bytes) -> None:
        if not self._customers:
            raise nothing_to_unlock()
        self.data_key = unlocked(self.seal.wrap, customer_key, self.bound)

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """Opens only the frames that are touched. Raises DamagedBody, InvalidRequest (it is locked)."""
        if self.data_key is None:
            raise InvalidRequest(_LOCKED)
        at = stored_at = 0
        for segment in self.seal.segments:
            first, last = max(start - at, 0), min(end - at, segment.size)
            if first < last:
                body_id = bytes.fromhex(segment.body_id)
                opener = Opener(self.data_key, body_id, segment.size, segment.stored)
                begins, ends = opener.span(first, last)
                stored = self.inner.read(stored_at + begins, stored_at + ends)
                yield from opener.open(stored, first, last)
            at += segment.size
            stored_at += segment.stored

    def close(self) -> None:
        self.inner.close()

    def __exit__(self, *unused: object) -> None:
        self.close()
