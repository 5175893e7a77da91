"""A KeyRing: named keys, of which the last one seals and any opens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from proxy.errors import InternalError

KEY_BYTES = 32
_FINGERPRINT = b"sluicegate key fingerprint 1"


class MissingKey(InternalError):
    """A key is wanted that is not on the ring."""

    def __init__(self, wanted: str, there: Iterable[str]) -> None:
        self.wanted = wanted
        self.there = tuple(there)
        known = ", ".join(self.there) or "no key"
        super().__init__(f"The encryption key {wanted!r} is wanted; the ring has: {known}.")


class EmptyRing(InternalError):
    """Something must be sealed, and there is no key to seal it with."""

    text = "The ring has no encryption key: nothing can be sealed."


@dataclass(frozen=True, slots=True)
class RingKey:
    """A key of a ring; its id goes into everything that it seals."""

    id: str
    key: bytes = field(repr=False)


class Ring:
    """Keys in the order of their making. It shows no key in its repr."""

    def __init__(self, keys: Iterable[tuple[str, bytes]] = ()) -> None:
        self._keys = {key_id: RingKey(key_id, key) for key_id, key in keys}

    def __repr__(self) -> str:
        return f"Ring({', '.join(self._keys)})"

    @property
    def ids(self) -> tuple[str, ...]:
        """Oldest first."""
        return tuple(self._keys)

    @property
    def newest(self) -> RingKey:
        """The key that seals. Raises EmptyRing."""
        if not self._keys:
            raise EmptyRing()
        return list(self._keys.values())[-1]

    def key(self, key_id: str) -> RingKey:
        """Raises MissingKey."""
        found = self._keys.get(key_id)
        if found is None:
            raise MissingKey(key_id, self._keys)
        return found


def fingerprint(key: bytes) -> str:
    """16 hex digits that tell keys apart and give nothing away."""
    return HKDF(SHA256(), 8, salt=None, info=_FINGERPRINT).derive(key).hex()
