"""Copies by ReaderBody: between two backends, between two places of one, and within a place."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from proxy.backends.base import Backend, ReaderBody
from proxy.backends.values import (
    Deletion,
    NewObject,
    ObjectInfo,
    PartRequest,
    Place,
    UploadInfo,
)
from proxy.wire.checksums import compute
from tests.bodies import Bytes, content, noise
from tests.contracts.conftest import MakeBackend, facts, new_place

FIVE = 5 * 1024 * 1024
SIZES = (0, 100, 100_000, 2 * 1024 * 1024 + 1)
Pair = tuple[Backend, Place, Backend, Place]


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _two_backends(make: MakeBackend) -> Pair:
    one, two = make(), make()
    return one, new_place(one), two, new_place(two)


def _two_places(make: MakeBackend) -> Pair:
    one = make()
    return one, new_place(one), one, new_place(one)


def _one_place(make: MakeBackend) -> Pair:
    one = make()
    place = new_place(one)
    return one, place, one, place


@pytest.fixture(params=[_two_backends, _two_places, _one_place], ids=["backends", "places", "within"])
def pair(request: pytest.FixtureRequest, make_backend: MakeBackend) -> Pair:
    build: Callable[[MakeBackend], Pair] = request.param
    return build(make_backend)


def put(backend: Backend, place: Place, key: str, data: bytes) -> ObjectInfo:
    return backend.put(place, NewObject(key, {"content-type": "a/b"}, {"m": "1"}), Bytes(data, "crc32"))


def multipart(backend: Backend, place: Place, key: str, *parts: bytes, kind: str = "COMPOSITE") -> ObjectInfo:
    backend.create_upload(
        place, UploadInfo(f"u-{key}", key, 1, checksum_algorithm="CRC32", checksum_type=kind)
    )
    asked = []
    for number, data in enumerate(parts, 1):
        etag = backend.put_part(place, f"u-{key}", number, Bytes(data, "crc32")).etag
        asked.append(PartRequest(number, etag))
    return backend.complete_upload(place, f"u-{key}", asked)


@pytest.mark.parametrize("size", SIZES)
def test_a_carried_copy_is_the_same_object_and_outlives_its_source(pair: Pair, size: int) -> None:
    source, here, target, there = pair
    data = noise(size)
    info = put(source, here, "from", data)
    with source.open(here, "from") as reader:
        new = NewObject("to", info.headers, info.metadata, info.tags, info.owner_id, carried=info)
        target.put(there, new, ReaderBody(reader))
    copy = target.head(there, "to")
    assert {**facts(copy, target), "key": "from"} == facts(info, target)
    source.delete(here, [Deletion("from")])
    assert content(target.open(there, "to")) == data


@pytest.mark.parametrize("size", SIZES)
def test_a_plain_copy_is_a_new_object_with_the_same_bytes(pair: Pair, size: int) -> None:
    source, here, target, there = pair
    data = noise(size)
    info = put(source, here, "from", data)
    with source.open(here, "from") as reader:
        copy = target.put(there, NewObject("to", metadata={"m": "2"}), ReaderBody(reader))
    assert (copy.etag, copy.size, dict(copy.metadata)) == (md5(data), size, {"m": "2"})
    assert (dict(copy.checksums), copy.checksum_type) == (dict(info.checksums), "FULL_OBJECT")
    put(source, here, "from", b"other")
    assert content(target.open(there, "to")) == data


def test_a_carried_multipart_object_stays_multipart(pair: Pair) -> None:
    source, here, target, there = pair
    parts = (noise(FIVE, 1), noise(FIVE, 2), noise(10, 3))
    info = multipart(source, here, "from", *parts)
    with source.open(here, "from") as reader:
        copy = target.put(there, NewObject("to", carried=info), ReaderBody(reader))
    assert (copy.etag, copy.parts, dict(copy.checksums)) == (info.etag, info.parts, dict(info.checksums))
    source.delete(here, [Deletion("from")])
    assert content(target.open(there, "to")) == b"".join(parts)


@pytest.mark.parametrize("kind", ["COMPOSITE", "FULL_OBJECT"])
def test_a_plain_copy_of_a_multipart_object_is_put_whole(pair: Pair, kind: str) -> None:
    source, here, target, there = pair
    data = noise(FIVE, 1) + noise(10, 3)
    multipart(source, here, "from", data[:FIVE], data[FIVE:], kind=kind)
    with source.open(here, "from") as reader:
        copy = target.put(there, NewObject("to"), ReaderBody(reader))
    assert (copy.etag, copy.parts) == (md5(data), ())
    assert (dict(copy.checksums), copy.checksum_type) == ({"crc32": compute("crc32", data)}, "FULL_OBJECT")
    assert content(target.open(there, "to")) == data


@pytest.mark.parametrize("size", SIZES)
def test_an_object_copied_onto_itself_keeps_its_bytes(backend: Backend, place: Place, size: int) -> None:
    data = noise(size)
    put(backend, place, "k", data)
    for round_ in ("2", "3"):
        with backend.open(place, "k") as reader:
            copy = backend.put(place, NewObject("k", metadata={"m": round_}), ReaderBody(reader))
        assert (copy.etag, dict(copy.metadata)) == (md5(data), {"m": round_})
        assert content(backend.open(place, "k")) == data
    assert (backend.usage(place).keys, backend.usage(place).size) == (1, size)


@pytest.mark.asks("holds_open")
@pytest.mark.parametrize("size", SIZES)
def test_a_copy_whose_source_is_replaced_while_it_is_open_has_the_old_bytes(pair: Pair, size: int) -> None:
    source, here, target, there = pair
    data = noise(size, 1)
    put(source, here, "from", data)
    with source.open(here, "from") as reader:
        put(source, here, "from", noise(200_000, 2))
        target.put(there, NewObject("to"), ReaderBody(reader))
    assert content(target.open(there, "to")) == data


@pytest.mark.parametrize("size", [1000, 3 * 1024 * 1024])
def test_a_range_becomes_a_part(pair: Pair, size: int) -> None:
    source, here, target, there = pair
    data = noise(size)
    put(source, here, "from", data)
    target.create_upload(
        there, UploadInfo("u", "to", 1, checksum_algorithm="CRC32", checksum_type="FULL_OBJECT")
    )
    with source.open(here, "from") as reader:
        part = target.put_part(there, "u", 1, ReaderBody(reader, 100, size - 100))
    middle = data[100 : size - 100]
    assert (part.size, part.etag) == (size - 200, md5(middle))
    assert part.checksums == {"crc32": compute("crc32", middle)}
    info = target.complete_upload(there, "u", [PartRequest(1, part.etag)])
    assert info.checksums == {"crc32": compute("crc32", middle)}
    source.delete(here, [Deletion("from")])
    assert content(target.open(there, "to")) == middle


@pytest.mark.asks("reads_parts")
def test_open_uploads_move_with_their_parts(pair: Pair) -> None:
    source, here, target, there = pair
    source.create_upload(here, UploadInfo("u1", "k", 1))
    target.create_upload(there, UploadInfo("u2", "k", 1))
    first = source.put_part(here, "u1", 2, Bytes(noise(300_000), "crc32"))
    with source.open_part(here, "u1", 2) as reader:
        assert target.put_part(there, "u2", 2, ReaderBody(reader), first) == first
    source.abort_upload(here, "u1")
    target.complete_upload(there, "u2", [PartRequest(2, first.etag)])
    assert content(target.open(there, "k")) == noise(300_000)


def test_the_pulse_of_a_copy_that_moves_bytes_can_end_it(make_backend: MakeBackend) -> None:
    class Stopped(Exception):
        pass

    def stop() -> None:
        raise Stopped

    source, here, target, there = _two_backends(make_backend)
    multipart(source, here, "from", noise(FIVE), noise(10))
    with source.open(here, "from") as reader, pytest.raises(Stopped):
        target.put(there, NewObject("to"), ReaderBody(reader, pulse=stop))
    assert target.usage(there).empty
