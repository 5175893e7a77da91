"""What every backend promises about the seals that it keeps, seen through the wrapper that makes them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.backends.base import Backend, ReaderBody
from proxy.backends.encrypted import Encrypted
from proxy.backends.sealing.keys import DataKey, bound_object, bound_upload, unwrapped
from proxy.backends.seals import UNENCRYPTED, Encryption, Reseal, SealEntry
from proxy.backends.values import (
    NULL_VERSION,
    Lock,
    NewObject,
    PartRequest,
    Place,
    UploadInfo,
)
from proxy.crypto.wraps import kind_and_key
from proxy.errors import InvalidRequest
from tests.bodies import Bytes, content, noise
from tests.bucket_keys import HeldKeys
from tests.conftest import FakeClock
from tests.contracts.conftest import SEALED, new_place
from tests.contracts.versioned import mark, put

sealed = pytest.mark.parametrize(
    "make_backend", [f"{SEALED}filesystem", f"{SEALED}memory"], indirect=True, scope="function"
)


def _keys(backend: Backend) -> HeldKeys:
    assert isinstance(backend, Encrypted) and isinstance(backend.keys, HeldKeys)
    return backend.keys


def _entries(backend: Backend, place: Place, limit: int = 1000) -> list[SealEntry]:
    found, after = [], ("", "")
    while True:
        page = backend.list_seals(place, after=after, limit=limit)
        found += page.entries
        if page.last is None:
            return found
        after = page.last


def _rewrapped(backend: Backend, place: Place, entry: SealEntry) -> Reseal:
    """Under the newest key, as whoever rotates keys does it."""
    info = backend.head(place, entry.key, entry.version_id)
    opened = unwrapped(_keys(backend), place, entry.wrap, bound_object(place, info, entry.segments))
    fresh = DataKey(place, entry.key, opened, _keys(backend).newest(place), ahead=False)
    return Reseal(entry.key, entry.version_id, entry.wrap, fresh.seal(info, entry.segments).wrap)


# -- what is listed and counted ------------------------------------------------------------
def test_every_version_but_delete_markers_is_listed_in_order(backend: Backend, place: Place) -> None:
    for key, version in (("a", "v1"), ("a", "v2"), ("b", NULL_VERSION), ("c", "v1")):
        put(backend, place, key, version)
    mark(backend, place, "c", "m")
    put(backend, place, "é", "v1", lock=Lock(hold=backend.keeps_locks))
    wanted = [
        ("a", "v2", True), ("a", "v1", False), ("b", NULL_VERSION, True), ("c", "v1", False),
        ("é", "v1", True),
    ]  # fmt: skip
    for limit in (1, 2, 3, 1000):
        entries = _entries(backend, place, limit)
        assert [(one.key, one.version_id, one.latest) for one in entries] == wanted
    assert [one.locked for one in entries] == [False, False, False, False, backend.keeps_locks]
    for entry in entries:
        info = backend.head(place, entry.key, entry.version_id)
        assert (entry.size, entry.etag) == (info.size, info.etag)
        assert (info.seal.wrap if info.seal else "") == entry.wrap


def test_a_page_goes_on_before_a_key_whose_version_is_gone(backend: Backend, place: Place) -> None:
    put(backend, place, "a", "v1")
    put(backend, place, "a", "v2")
    put(backend, place, "b", "v1")
    page = backend.list_seals(place, after=("a", "gone"))
    assert [(one.key, one.version_id) for one in page.entries] == [("a", "v2"), ("a", "v1"), ("b", "v1")]
    assert [one.key for one in backend.list_seals(place, after=("a", "")).entries] == ["b"]


@sealed
def test_seals_are_counted_by_key_with_those_of_open_uploads(backend: Backend, place: Place) -> None:
    first = kind_and_key(_wrap_of(backend, place, "a"))
    put(backend, place, "a", "v1")
    backend.create_upload(place, UploadInfo("u", "up", 1))
    _keys(backend).rotate(place)
    second = kind_and_key(_wrap_of(backend, place, "b"))
    assert first != second
    assert dict(backend.count_seals(place)) == {first: 3, second: 1}
    backend.abort_upload(place, "u")
    assert dict(backend.count_seals(place)) == {first: 2, second: 1}


def _wrap_of(backend: Backend, place: Place, key: str) -> str:
    info = put(backend, place, key)
    assert info.seal is not None
    return info.seal.wrap


def test_plain_bodies_are_listed_and_not_counted(make_backend: object, backend: Backend) -> None:
    inner = backend.inner if isinstance(backend, Encrypted) else backend
    place = new_place(inner)
    put(inner, place, "k", data=b"plain")
    assert dict(inner.count_seals(place)) == {}
    (entry,) = _entries(inner, place)
    assert (entry.wrap, entry.segments, entry.encryption) == ("", (), UNENCRYPTED)
    assert content(backend.open(place, "k")) == b"plain"


# -- other wraps ------------------------------------------------------------------------------
@sealed
def test_a_wrap_is_exchanged_and_nothing_else_changes(backend: Backend, place: Place) -> None:
    put(backend, place, "k", "v1", noise(50_000))
    put(backend, place, "k", "v2", noise(10))
    before = [backend.head(place, "k", version) for version in ("v1", "v2")]
    _keys(backend).rotate(place)
    changes = [_rewrapped(backend, place, entry) for entry in _entries(backend, place)]
    assert list(backend.reseal(place, changes)) == [True, True]
    assert [backend.head(place, "k", version) for version in ("v1", "v2")] == before
    assert list(backend.count_seals(place)) == [kind_and_key(changes[0].new)]
    _keys(backend).lose(place)
    assert content(backend.open(place, "k", "v1")) == noise(50_000)
    assert content(backend.open(place, "k")) == noise(10)
    assert backend.head_seq(place) == before[1].seq


@sealed
def test_a_wrap_counts_only_in_place_of_the_one_that_was_seen(backend: Backend, place: Place) -> None:
    put(backend, place, "k", data=b"old")
    (entry,) = _entries(backend, place)
    change = _rewrapped(backend, place, entry)
    put(backend, place, "k", data=b"new")
    other = [replace(change, version_id="gone"), replace(change, key="x"), replace(change, upload_id="u")]
    assert list(backend.reseal(place, [change, *other])) == [False] * 4
    assert content(backend.open(place, "k")) == b"new"


@sealed
def test_the_wrap_of_an_open_upload_is_exchanged_too(backend: Backend, place: Place) -> None:
    upload = UploadInfo("u", "k", 1)
    backend.create_upload(place, upload)
    part = backend.put_part(place, "u", 1, Bytes(b"first"))
    seal = backend.head_upload(place, "u").seal
    assert seal is not None and seal.segments == ()
    opened = unwrapped(_keys(backend), place, seal.wrap, bound_upload(place, "k", "u"))
    fresh = DataKey(place, "k", opened, _keys(backend).rotate(place), ahead=False).upload_seal(upload)
    change = Reseal("k", "", seal.wrap, fresh.wrap, upload_id="u")
    assert list(backend.reseal(place, [change, change])) == [True, False]
    _keys(backend).lose(place)
    assert content(backend.open_part(place, "u", 1)) == b"first"
    backend.complete_upload(place, "u", [PartRequest(1, part.etag)])
    assert content(backend.open(place, "k")) == b"first"


def test_nothing_is_left_to_scrub_where_nothing_was_removed(backend: Backend, place: Place) -> None:
    put(backend, place, "k", data=b"kept")
    assert backend.scrub(place)
    assert content(backend.open(place, "k")) == b"kept"


# -- what is told ------------------------------------------------------------------------------
@sealed
def test_everything_that_is_sealed_says_so(backend: Backend, place: Place) -> None:
    told = Encryption("AES256")
    assert put(backend, place, "k").encryption == told
    assert backend.head(place, "k").encryption == told
    with backend.open(place, "k") as reader:
        assert reader.info.encryption == told
        backend.put(place, NewObject("copy"), ReaderBody(reader))
        with pytest.raises(InvalidRequest, match="not applicable"):
            reader.unlock(b"k" * 32)
    assert backend.head(place, "copy").encryption == told
    backend.create_upload(place, UploadInfo("u", "up", 1))
    assert backend.head_upload(place, "u").encryption == told
    part = backend.put_part(place, "u", 1, Bytes(b"x"))
    done = backend.complete_upload(place, "u", [PartRequest(1, part.etag)])
    assert done.encryption == told and backend.head_upload(place, "u").completed == done


def test_the_versioning_of_a_place_is_told_to_its_backend(
    backend: Backend, place: Place, clock: FakeClock
) -> None:
    for status in ("Enabled", "Suspended"):
        backend.set_versioning(place, status)
    assert backend.usage(place, patience_s=0.0).exact
