"""What every backend promises about places and objects."""

from __future__ import annotations

import hashlib

import pytest

from proxy.backends.base import Backend
from proxy.backends.values import (
    Deletion,
    NewObject,
    ObjectInfo,
    PartInfo,
    Place,
    Precondition,
)
from proxy.errors import (
    BackendUnavailable,
    BadDigest,
    BucketNotEmpty,
    IncompleteBody,
    NoSuchBucket,
    NoSuchKey,
)
from proxy.wire.checksums import compute
from tests.bodies import Bytes, Failing, content, noise
from tests.conftest import FakeClock
from tests.contracts.agreeing import agree
from tests.contracts.conftest import MakeBackend, facts, new_place

SIZES = (0, 1, 4096, 32 * 1024, 32 * 1024 + 1, 3 * 1024 * 1024 + 7)


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def put(
    backend: Backend, place: Place, key: str, data: bytes = b"x", when: Precondition | None = None
) -> ObjectInfo:
    return backend.put(place, NewObject(key), Bytes(data), when or Precondition())


# -- the physical place and the buckets on it --------------------------------------------
def test_prepare_finds_the_place_that_it_made(backend: Backend) -> None:
    assert backend.place_id
    assert backend.prepare(backend.place_id) == backend.place_id
    backend.check()


def test_prepare_refuses_a_place_that_is_not_the_known_one(backend: Backend) -> None:
    with pytest.raises(BackendUnavailable):
        backend.prepare("another")


def test_two_backends_are_two_places(make_backend: MakeBackend) -> None:
    assert make_backend().place_id != make_backend().place_id


def test_a_bucket_is_created_once_however_often_it_is_asked_for(backend: Backend, place: Place) -> None:
    put(backend, place, "kept")
    backend.create_bucket(place)
    assert backend.head(place, "kept").size == 1


def test_an_unknown_place_is_no_such_bucket_for_every_operation(backend: Backend) -> None:
    nowhere = Place("id", "nowhere", "0")
    calls = [
        lambda: backend.head(nowhere, "k"),
        lambda: backend.open(nowhere, "k"),
        lambda: put(backend, nowhere, "k"),
        lambda: backend.delete(nowhere, [Deletion("k")]),
        lambda: backend.list(nowhere),
        lambda: backend.usage(nowhere),
        lambda: backend.head_seq(nowhere),
        lambda: backend.marked(nowhere, "m"),
        lambda: backend.list_uploads(nowhere),
        lambda: backend.head_upload(nowhere, "u"),
    ]
    for call in calls:
        with pytest.raises(NoSuchBucket):
            call()
    assert backend.places("nowhere") == ()


def test_only_an_empty_bucket_is_deleted_without_force(backend: Backend, place: Place) -> None:
    put(backend, place, "k")
    with pytest.raises(BucketNotEmpty):
        backend.delete_bucket(place)
    backend.delete(place, [Deletion("k")])
    backend.delete_bucket(place)
    with pytest.raises(NoSuchBucket):
        backend.head_seq(place)
    backend.delete_bucket(place)  # again is no error


def test_force_deletes_a_full_bucket_and_the_same_place_begins_empty(backend: Backend, place: Place) -> None:
    put(backend, place, "small")
    put(backend, place, "large", noise(100_000))
    backend.delete_bucket(place, force=True)
    assert backend.places(place.bucket) == ()
    backend.create_bucket(place)
    assert backend.usage(place).empty
    put(backend, place, "new")
    assert [info.key for info in backend.list(place).objects] == ["new"]


def test_places_names_every_incarnation_of_a_bucket_and_no_other(backend: Backend) -> None:
    two = [new_place(backend, "photos"), new_place(backend, "photos")]
    new_place(backend, "photos2")
    new_place(backend, "photo")
    for one in two:
        assert set(backend.places(one.bucket)) == {place for place in two if place.bucket == one.bucket}


def test_incarnations_do_not_share_objects(backend: Backend) -> None:
    first, second = new_place(backend), new_place(backend)
    put(backend, first, "k", b"first")
    with pytest.raises(NoSuchKey):
        backend.head(second, "k")


def test_usage_counts_keys_bytes_and_uploads(backend: Backend, place: Place) -> None:
    assert backend.usage(place).empty
    put(backend, place, "a", noise(10))
    put(backend, place, "b", noise(50_000))
    put(backend, place, "b", noise(60_000))
    assert (backend.usage(place).keys, backend.usage(place).size) == (2, 60_010)
    backend.delete(place, [Deletion("b")])
    assert (backend.usage(place).keys, backend.usage(place).size) == (1, 10)
    assert backend.usage(place).versions == 0


def test_marks_are_kept_replaced_and_taken_away(backend: Backend, place: Place) -> None:
    assert backend.marked(place, "job") is None
    backend.mark(place, "job", "42 é")
    backend.mark(place, "other", "")
    assert (backend.marked(place, "job"), backend.marked(place, "other")) == ("42 é", "")
    backend.mark(place, "job", "43")
    assert backend.marked(place, "job") == "43"
    backend.mark(place, "job", None)
    assert backend.marked(place, "job") is None
    assert backend.list(place).objects == ()


@pytest.mark.asks("counts_changes")
def test_every_change_takes_the_next_seq_and_nothing_else_does(backend: Backend, place: Place) -> None:
    start = backend.head_seq(place)
    first = put(backend, place, "a")
    second = put(backend, place, "a")
    assert start < first.seq < second.seq == backend.head_seq(place)
    backend.delete(place, [Deletion("missing")])
    backend.mark(place, "m", "t")
    assert backend.head_seq(place) == second.seq
    backend.delete(place, [Deletion("a")])
    assert backend.head_seq(place) > second.seq


# -- objects -------------------------------------------------------------------------------
@pytest.mark.parametrize("size", SIZES)
def test_an_object_comes_back_as_it_was_put(
    backend: Backend, place: Place, size: int, clock: FakeClock
) -> None:
    data = noise(size)
    new = NewObject(
        "dir/é😀 key",
        headers={"content-type": "text/plain; x=é", "cache-control": "no-store"},
        metadata={"a": "1", "b-c": "zwei"},
        tags={"t": "v"},
        owner_id="f" * 64,
    )
    info = backend.put(place, new, Bytes(data, "crc32", "sha256"))
    assert agree(backend, info, backend.head(place, new.key))
    assert (info.size, info.etag, info.last_modified) == (size, md5(data), clock())
    assert dict(info.headers) == new.headers and dict(info.metadata) == new.metadata
    assert dict(info.tags) == new.tags and info.owner_id == new.owner_id
    assert info.checksums == {"crc32": compute("crc32", data), "sha256": compute("sha256", data)}
    assert info.checksum_type == "FULL_OBJECT" and info.parts == ()
    with backend.open(place, new.key) as reader:
        assert agree(backend, reader.info, info)
        assert b"".join(reader.read(0, size)) == data


@pytest.mark.parametrize("size", [100, 3 * 1024 * 1024 + 7])
def test_a_range_gives_exactly_its_bytes_in_bounded_pieces(backend: Backend, place: Place, size: int) -> None:
    data = noise(size)
    put(backend, place, "k", data)
    with backend.open(place, "k") as reader:
        for start, end in ((0, 1), (size - 1, size), (10, 60), (50, size), (0, size), (5, 5)):
            pieces = list(reader.read(start, end))
            assert b"".join(pieces) == data[start:end]
            assert all(0 < len(piece) <= 1024 * 1024 for piece in pieces)


def test_a_body_of_unknown_length_is_taken(backend: Backend, place: Place) -> None:
    for size in SIZES:
        data = noise(size)
        info = backend.put(place, NewObject("k"), Bytes(data, length=None))
        assert (info.size, info.etag) == (size, md5(data))
        assert content(backend.open(place, "k")) == data


@pytest.mark.parametrize("size", [100, 100_000])
def test_a_body_that_fails_leaves_what_was_there(backend: Backend, place: Place, size: int) -> None:
    put(backend, place, "k", b"old")
    seq = backend.head_seq(place)
    with pytest.raises(BadDigest):
        backend.put(place, NewObject("k"), Failing([noise(size)], BadDigest(), size))
    with pytest.raises(BadDigest):
        backend.put(place, NewObject("new"), Failing([noise(size)], BadDigest()))
    assert content(backend.open(place, "k")) == b"old"
    assert backend.usage(place).keys == 1 and backend.head_seq(place) == seq


@pytest.mark.parametrize("size", [100, 100_000])
def test_a_body_shorter_than_announced_is_refused(backend: Backend, place: Place, size: int) -> None:
    with pytest.raises(IncompleteBody):
        backend.put(place, NewObject("k"), Bytes(noise(size), length=size + 1))
    assert backend.usage(place).empty


def test_keys_that_look_alike_are_different_objects(backend: Backend, place: Place) -> None:
    keys = [
        "a",
        "a/",
        "a/b",
        "A",
        "a//b",
        "/a",
        "é",
        "e\u0301",
        ".",
        "..",
        "a\x00b",
        "~",
        "\uffff",
        "\U0001f600",
    ]
    for key in keys:
        put(backend, place, key, key.encode())
    for key in keys:
        assert content(backend.open(place, key)) == key.encode()
    assert [info.key for info in backend.list(place).objects] == sorted(keys, key=str.encode)


def test_a_key_of_1024_bytes_is_kept(backend: Backend, place: Place) -> None:
    key = "é" * 512
    put(backend, place, key)
    assert backend.list(place).objects[0].key == key


def test_a_missing_key_is_no_such_key_to_read_and_nothing_to_delete(backend: Backend, place: Place) -> None:
    with pytest.raises(NoSuchKey):
        backend.head(place, "k")
    with pytest.raises(NoSuchKey):
        backend.open(place, "k")
    assert backend.delete(place, [Deletion("k")]) == [None]


def test_delete_tells_what_is_gone(backend: Backend, place: Place) -> None:
    info = put(backend, place, "k", b"abc")
    (gone,) = backend.delete(place, [Deletion("k")])
    assert isinstance(gone, ObjectInfo) and agree(backend, gone, info)
    with pytest.raises(NoSuchKey):
        backend.head(place, "k")


@pytest.mark.asks("holds_open")
@pytest.mark.parametrize("size", [100, 3 * 1024 * 1024])
def test_an_open_object_stays_whole_whatever_happens_to_its_key(
    backend: Backend, place: Place, size: int
) -> None:
    old = noise(size, 1)
    put(backend, place, "k", old)
    with backend.open(place, "k") as reader:
        put(backend, place, "k", noise(size, 2))
        backend.delete(place, [Deletion("k")])
        assert b"".join(reader.read(0, size)) == old
        assert reader.info.etag == md5(old)


# -- copies that keep every fact -----------------------------------------------------------
CARRIED = ObjectInfo(
    key="k",
    size=6,
    etag="0123456789abcdef0123456789abcdef-2",
    last_modified=1_600_000_000_123,
    seq=77,
    headers={"content-type": "a/b"},
    metadata={"m": "1"},
    tags={"t": "2"},
    owner_id="o" * 64,
    checksums={"crc32": "AAAAAA==-2"},
    checksum_type="COMPOSITE",
    parts=(
        PartInfo(1, 4, "a" * 32, 1_600_000_000_000, {"crc32": "AAAAAA=="}),
        PartInfo(2, 2, "b" * 32, 1_600_000_000_001),
    ),
)


def test_a_carried_object_keeps_every_fact(backend: Backend, place: Place) -> None:
    backend.put(place, NewObject.copy_of(CARRIED), Bytes(b"sixsix", "sha1"))
    found = backend.head(place, "k")
    assert facts(found, backend) == facts(CARRIED, backend)
    assert found.seq == backend.head_seq(place) or not backend.counts_changes
    assert content(backend.open(place, "k")) == b"sixsix"


def test_a_carried_object_of_another_size_is_refused(backend: Backend, place: Place) -> None:
    with pytest.raises(BadDigest):
        backend.put(place, NewObject.copy_of(CARRIED), Bytes(b"seven77"))
    assert backend.usage(place).empty


@pytest.mark.parametrize("size", [10, 100_000])
def test_a_carried_object_with_other_bytes_than_its_md5_is_refused(
    backend: Backend, place: Place, size: int
) -> None:
    good, bad = noise(size, 1), noise(size, 2)
    carried = ObjectInfo("k", size, md5(good), 1)
    with pytest.raises(BadDigest):
        backend.put(place, NewObject.copy_of(carried), Bytes(bad))
    backend.put(place, NewObject.copy_of(carried), Bytes(good))
    assert backend.head(place, "k").last_modified == 1
