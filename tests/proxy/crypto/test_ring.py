"""A KeyRing: the last key seals, any opens, and none is shown."""

from __future__ import annotations

import pytest

from proxy.crypto.ring import EmptyRing, MissingKey, Ring, fingerprint


def test_the_last_key_of_a_ring_is_the_newest_and_any_is_found() -> None:
    ring = Ring([("old", b"1" * 32), ("new", b"2" * 32)])
    assert ring.ids == ("old", "new")
    assert (ring.newest.id, ring.newest.key) == ("new", b"2" * 32)
    assert ring.key("old").key == b"1" * 32


def test_an_empty_ring_seals_nothing_and_opens_nothing() -> None:
    with pytest.raises(EmptyRing):
        _ = Ring().newest
    with pytest.raises(MissingKey) as caught:
        Ring().key("gone")
    assert (caught.value.wanted, caught.value.there) == ("gone", ())


def test_a_ring_shows_ids_and_never_keys() -> None:
    ring = Ring([("one", b"secret-secret-secret-secret-key!")])
    assert repr(ring) == "Ring(one)"
    assert "secret" not in repr(ring.newest)


def test_a_fingerprint_stays_the_same_for_a_key_and_differs_between_keys() -> None:
    assert fingerprint(b"1" * 32) == fingerprint(b"1" * 32) != fingerprint(b"2" * 32)
    assert fingerprint(bytes(32)) == FINGERPRINT_OF_ZEROS


FINGERPRINT_OF_ZEROS = "f122ab9a798b8034"
