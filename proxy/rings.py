"""The KeyRing of each backend as it is configured, and what the control database knows of its keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection

from proxy.control import by_vendor, read
from proxy.crypto.ring import Ring, fingerprint

_KNOWN = by_vendor(
    "SELECT backend, key_id, fingerprint, first_seen_ms, retired_ms FROM proxy_ringkey"
    " ORDER BY backend, first_seen_ms, key_id"
)


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key of a ring as it was first seen."""

    backend: str
    key_id: str
    fingerprint: str
    first_seen_ms: int
    retired_ms: int | None


def encryption_of(backend: str) -> Mapping[str, Any]:
    """What the configuration says of a backend's encryption; empty for a backend that is not there."""
    said: Mapping[str, Any] = settings.STORAGE["backends"].get(backend, {}).get("encryption", {})
    return said


def ring_of(backend: str) -> Ring:
    """The KeyRing of a configured backend; an empty one if it has none."""
    return Ring((key["id"], bytes.fromhex(key["key"])) for key in encryption_of(backend).get("keys", ()))


def known_keys() -> list[KnownKey]:
    """Every key that was ever on a ring, oldest first within a backend."""
    return [KnownKey(*row) for row in read(_KNOWN)]


def note_keys(backend: str, now_ms: int) -> None:
    """Remember the keys that a backend's ring has, so that none can become another one unnoticed."""
    ring = ring_of(backend)
    with connection.cursor() as cursor:
        for key_id in ring.ids:
            cursor.execute(
                "INSERT INTO proxy_ringkey (backend, key_id, fingerprint, first_seen_ms)"
                " VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
                [backend, key_id, fingerprint(ring.key(key_id).key), now_ms],
            )


def changed_keys() -> Iterator[KnownKey]:
    """Keys of a ring that now have other bytes than they had when they were first seen."""
    for known in known_keys():
        ring = ring_of(known.backend)
        if known.key_id in ring.ids and fingerprint(ring.key(known.key_id).key) != known.fingerprint:
            yield known


def retire_key(backend: str, key_id: str, now_ms: int) -> None:
    """Note that nothing needs a key any more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE proxy_ringkey SET retired_ms = %s"
            " WHERE backend = %s AND key_id = %s AND retired_ms IS NULL",
            [now_ms, backend, key_id],
        )
