"""Multipart uploads of every backend."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

import pytest

from proxy.backends.base import Backend
from proxy.backends.values import (
    Deletion,
    NewObject,
    ObjectInfo,
    PartInfo,
    PartRequest,
    Place,
    Precondition,
    UploadInfo,
)
from proxy.errors import (
    BadDigest,
    EntityTooSmall,
    IncompleteBody,
    InvalidArgument,
    InvalidPart,
    InvalidPartOrder,
    InvalidRequest,
    MalformedXML,
    NoSuchUpload,
    PreconditionFailed,
)
from proxy.wire.checksums import combine, composite, compute
from tests.bodies import Bytes, Failing, content, noise
from tests.conftest import FakeClock
from tests.contracts.agreeing import agree
from tests.contracts.conftest import facts

FIVE = 5 * 1024 * 1024
DAY_S = 24 * 3600
BIG, LAST = noise(FIVE, 1), noise(1000, 2)


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def begin(backend: Backend, place: Place, key: str = "k", **more: str) -> UploadInfo:
    upload = UploadInfo(
        f"upload-of-{key}", key, 5, {"content-type": "a/b"}, {"m": "1"}, {"t": "1"}, "o" * 64, **more
    )
    backend.create_upload(place, upload)
    return upload


def send(backend: Backend, place: Place, upload: UploadInfo, parts: Mapping[int, bytes]) -> list[PartRequest]:
    """Put the parts; what Complete would say of them."""
    sums = (upload.checksum_algorithm.lower(),) if upload.checksum_algorithm else ()
    asked = []
    for number, data in parts.items():
        part = backend.put_part(place, upload.upload_id, number, Bytes(data, *sums))
        asked.append(PartRequest(number, part.etag, part.checksums))
    return asked


def two_parts(backend: Backend, place: Place, **more: str) -> tuple[UploadInfo, list[PartRequest]]:
    upload = begin(backend, place, **more)
    return upload, send(backend, place, upload, {1: BIG, 2: LAST})


def test_an_upload_becomes_an_object_of_its_parts(backend: Backend, place: Place, clock: FakeClock) -> None:
    upload, asked = two_parts(backend, place)
    assert backend.usage(place).uploads == 1 and backend.list(place).objects == ()
    clock.advance(seconds=1)
    info = backend.complete_upload(place, upload.upload_id, asked)
    both = md5(bytes.fromhex(md5(BIG)) + bytes.fromhex(md5(LAST)))
    assert agree(backend, info, backend.head(place, "k"))
    assert (info.etag, info.size, info.last_modified) == (f"{both}-2", FIVE + 1000, clock())
    assert [(part.number, part.size, part.etag) for part in info.parts] == [
        (1, FIVE, md5(BIG)),
        (2, 1000, md5(LAST)),
    ]
    assert (dict(info.headers), dict(info.metadata), dict(info.tags)) == (
        {"content-type": "a/b"}, {"m": "1"}, {"t": "1"},
    )  # fmt: skip
    assert info.owner_id == "o" * 64
    assert content(backend.open(place, "k")) == BIG + LAST
    usage = backend.usage(place)
    assert (usage.keys, usage.uploads, usage.size) == (1, 0, FIVE + 1000)


def test_ranges_cross_the_seams_between_parts(backend: Backend, place: Place) -> None:
    upload, asked = two_parts(backend, place)
    backend.complete_upload(place, upload.upload_id, asked)
    with backend.open(place, "k") as reader:
        for start, end in ((FIVE - 3, FIVE + 3), (FIVE, FIVE + 1), (0, FIVE), (FIVE + 999, FIVE + 1000)):
            assert b"".join(reader.read(start, end)) == (BIG + LAST)[start:end]


def test_only_the_parts_that_are_named_count_and_they_are_numbered_anew(
    backend: Backend, place: Place
) -> None:
    upload = begin(backend, place)
    asked = send(backend, place, upload, {7: LAST, 3: BIG, 5: noise(FIVE, 3)})
    info = backend.complete_upload(place, upload.upload_id, [asked[1], asked[0]])
    assert [part.number for part in info.parts] == [1, 2]
    assert content(backend.open(place, "k")) == BIG + LAST


def test_a_part_that_is_sent_again_replaces_the_first(backend: Backend, place: Place) -> None:
    upload = begin(backend, place)
    first = send(backend, place, upload, {1: BIG})
    second = send(backend, place, upload, {1: LAST})
    with pytest.raises(InvalidPart):
        backend.complete_upload(place, upload.upload_id, first)
    backend.complete_upload(place, upload.upload_id, second)
    assert content(backend.open(place, "k")) == LAST


def test_an_upload_of_one_empty_part_is_an_empty_object(backend: Backend, place: Place) -> None:
    upload = begin(backend, place)
    info = backend.complete_upload(place, upload.upload_id, send(backend, place, upload, {1: b""}))
    assert (info.size, info.etag) == (0, f"{md5(bytes.fromhex(md5(b'')))}-1")
    assert content(backend.open(place, "k")) == b""


def test_wrong_lists_of_parts_are_refused_and_the_upload_stays(backend: Backend, place: Place) -> None:
    upload, asked = two_parts(backend, place)
    wrong = [
        (InvalidPartOrder, [asked[1], asked[0]]),
        (InvalidPartOrder, [asked[0], asked[0]]),
        (InvalidPart, [asked[0], PartRequest(3, asked[1].etag)]),
        (InvalidPart, [asked[0], PartRequest(2, "0" * 32)]),
        (InvalidPart, [asked[0], PartRequest(2, asked[0].etag)]),
        (MalformedXML, []),
    ]
    for error, parts in wrong:
        with pytest.raises(error):
            backend.complete_upload(place, upload.upload_id, parts)
    assert backend.usage(place).keys == 0
    assert backend.complete_upload(place, upload.upload_id, asked).size == FIVE + 1000


def test_a_small_part_that_is_not_the_last_is_refused_with_its_facts(backend: Backend, place: Place) -> None:
    upload = begin(backend, place)
    asked = send(backend, place, upload, {1: BIG[:-1], 2: LAST})
    with pytest.raises(EntityTooSmall) as caught:
        backend.complete_upload(place, upload.upload_id, asked)
    assert caught.value.fields == {
        "PartNumber": "1",
        "ETag": asked[0].etag,
        "ProposedSize": str(FIVE - 1),
        "MinSizeAllowed": str(FIVE),
    }


@pytest.mark.parametrize("number", [0, -1, 10_001])
def test_part_numbers_have_bounds(backend: Backend, place: Place, number: int) -> None:
    upload = begin(backend, place)
    with pytest.raises(InvalidArgument):
        backend.put_part(place, upload.upload_id, number, Bytes(b"x"))


def test_a_repeated_complete_gives_the_first_answer_for_a_day(
    backend: Backend, place: Place, clock: FakeClock
) -> None:
    upload, asked = two_parts(backend, place)
    first = backend.complete_upload(place, upload.upload_id, asked)
    backend.delete(place, [Deletion("k")])
    clock.advance(seconds=DAY_S - 1)
    assert backend.complete_upload(place, upload.upload_id, asked) == first
    assert backend.head_upload(place, upload.upload_id).completed == first
    assert backend.usage(place).keys == 0
    clock.advance(seconds=1)
    for call in (
        lambda: backend.complete_upload(place, upload.upload_id, asked),
        lambda: backend.head_upload(place, upload.upload_id),
    ):
        with pytest.raises(NoSuchUpload):
            call()


def test_a_finished_upload_takes_no_parts_and_is_not_aborted(backend: Backend, place: Place) -> None:
    upload, asked = two_parts(backend, place)
    backend.complete_upload(place, upload.upload_id, asked)
    for call in (
        lambda: backend.put_part(place, upload.upload_id, 1, Bytes(b"x")),
        lambda: backend.list_parts(place, upload.upload_id),
        lambda: backend.open_part(place, upload.upload_id, 1),
        lambda: backend.abort_upload(place, upload.upload_id),
    ):
        with pytest.raises(NoSuchUpload):
            call()


def test_finished_uploads_are_listed_only_when_asked_for(
    backend: Backend, place: Place, clock: FakeClock
) -> None:
    upload, asked = two_parts(backend, place)
    other = begin(backend, place, "other")
    done = backend.complete_upload(place, upload.upload_id, asked)
    assert [found.upload_id for found in backend.list_uploads(place).uploads] == [other.upload_id]
    both = backend.list_uploads(place, finished=True).uploads
    assert [(found.upload_id, found.completed) for found in both] == [
        (upload.upload_id, done),
        (other.upload_id, None),
    ]
    clock.advance(seconds=DAY_S)
    assert len(backend.list_uploads(place, finished=True).uploads) == 1


def test_an_upload_that_is_finished_elsewhere_can_be_taken_over(
    backend: Backend, place: Place, clock: FakeClock
) -> None:
    done = ObjectInfo("k", 3, "a" * 32 + "-1", clock(), seq=9, parts=(PartInfo(1, 3, "b" * 32, 1),))
    upload = UploadInfo("u", "k", 5, completed=done)
    backend.create_upload(place, upload)
    backend.create_upload(place, upload)
    assert backend.head_upload(place, "u") == upload
    assert backend.complete_upload(place, "u", []) == done
    assert backend.usage(place).empty


def test_an_aborted_upload_is_gone(backend: Backend, place: Place) -> None:
    upload, asked = two_parts(backend, place)
    backend.abort_upload(place, upload.upload_id)
    for call in (
        lambda: backend.head_upload(place, upload.upload_id),
        lambda: backend.abort_upload(place, upload.upload_id),
        lambda: backend.complete_upload(place, upload.upload_id, asked),
        lambda: backend.put_part(place, upload.upload_id, 1, Bytes(b"x")),
    ):
        with pytest.raises(NoSuchUpload):
            call()
    assert backend.usage(place).empty


def test_creating_the_same_upload_again_keeps_its_parts(backend: Backend, place: Place) -> None:
    upload, _ = two_parts(backend, place)
    backend.create_upload(place, upload)
    assert len(backend.list_parts(place, upload.upload_id)[0]) == 2
    found = backend.head_upload(place, upload.upload_id)
    assert found == replace(upload, encryption=found.encryption)


def test_parts_are_listed_in_pages(backend: Backend, place: Place) -> None:
    upload = begin(backend, place)
    send(backend, place, upload, {9: b"nine", 1: b"one", 4: b"four"})
    first, more = backend.list_parts(place, upload.upload_id, limit=2)
    assert ([part.number for part in first], more) == ([1, 4], True)
    rest, more = backend.list_parts(place, upload.upload_id, after=4, limit=2)
    assert ([part.number for part in rest], more) == ([9], False)


@pytest.mark.asks("reads_parts")
def test_uploaded_parts_can_be_read(backend: Backend, place: Place) -> None:
    upload = begin(backend, place)
    send(backend, place, upload, {9: b"nine", 1: b"one"})
    reader = backend.open_part(place, upload.upload_id, 9)
    assert (reader.info.key, reader.info.etag, content(reader)) == ("k", md5(b"nine"), b"nine")
    with pytest.raises(InvalidPart):
        backend.open_part(place, upload.upload_id, 2)


def test_a_part_whose_body_fails_is_not_there(backend: Backend, place: Place) -> None:
    upload = begin(backend, place)
    with pytest.raises(IncompleteBody):
        backend.put_part(place, upload.upload_id, 1, Failing([b"abc"], IncompleteBody()))
    assert backend.list_parts(place, upload.upload_id) == ((), False)


def test_a_condition_that_fails_leaves_the_upload_open(backend: Backend, place: Place) -> None:
    upload, asked = two_parts(backend, place)
    backend.put(place, NewObject("k"), Bytes(b"first"))
    with pytest.raises(PreconditionFailed):
        backend.complete_upload(place, upload.upload_id, asked, Precondition(absent=True))
    assert content(backend.open(place, "k")) == b"first"
    backend.complete_upload(place, upload.upload_id, asked, Precondition(etags=(md5(b"first"),)))
    assert backend.head(place, "k").size == FIVE + 1000


@pytest.mark.parametrize("size", [10, 100_000])
def test_a_carried_part_keeps_its_facts_and_refuses_other_bytes(
    backend: Backend, place: Place, size: int
) -> None:
    upload, data = begin(backend, place), noise(size)
    carried = PartInfo(4, size, md5(data), 123, {"crc32": "AAAAAA=="})
    assert backend.put_part(place, upload.upload_id, 4, Bytes(data), carried) == carried
    assert backend.list_parts(place, upload.upload_id)[0] == (carried,)
    with pytest.raises(BadDigest):
        backend.put_part(place, upload.upload_id, 4, Bytes(noise(size, 9)), carried)


def test_a_carried_object_is_made_of_parts_of_any_size_with_every_fact(
    backend: Backend, place: Place
) -> None:
    size = max(10, backend.least_part_bytes)
    data = noise(3 * size)
    carried = ObjectInfo(
        "k", 3 * size, "c" * 32 + "-9", 77, 1, {"content-type": "a/b"}, {"m": "1"}, {"t": "1"}, "o" * 64,
        {"crc32": "AAAAAA=="}, "FULL_OBJECT", (PartInfo(1, 3 * size, "d" * 32, 5),),
    )  # fmt: skip
    upload = begin(backend, place)
    asked = send(backend, place, upload, {1: data[:size], 2: data[size : 2 * size], 3: data[2 * size :]})
    with pytest.raises(BadDigest):
        backend.complete_upload(place, upload.upload_id, asked[:2], carried=carried)
    info = backend.complete_upload(place, upload.upload_id, asked, carried=carried)
    assert facts(info, backend) == facts(carried, backend)
    assert content(backend.open(place, "k")) == data
    assert backend.complete_upload(place, upload.upload_id, asked, carried=carried) == info


# -- checksums -----------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["crc32", "crc32c", "crc64nvme"])
def test_a_full_object_checksum_is_that_of_all_bytes(backend: Backend, place: Place, name: str) -> None:
    upload, asked = two_parts(backend, place, checksum_algorithm=name.upper(), checksum_type="FULL_OBJECT")
    whole = compute(name, BIG + LAST)
    with pytest.raises(BadDigest):
        backend.complete_upload(place, upload.upload_id, asked, checksums={name: compute(name, b"x")})
    info = backend.complete_upload(place, upload.upload_id, asked, checksums={name: whole})
    assert (dict(info.checksums), info.checksum_type) == ({name: whole}, "FULL_OBJECT")
    assert whole == combine(name, [(part.checksums[name], part.size) for part in info.parts])


@pytest.mark.parametrize("name", ["crc32", "sha1", "sha256"])
def test_a_composite_checksum_is_that_of_the_parts_checksums(
    backend: Backend, place: Place, name: str
) -> None:
    upload, asked = two_parts(backend, place, checksum_algorithm=name.upper(), checksum_type="COMPOSITE")
    expected = composite(name, [compute(name, BIG), compute(name, LAST)])
    info = backend.complete_upload(
        place, upload.upload_id, asked, checksums={name: expected.partition("-")[0]}
    )
    assert (dict(info.checksums), info.checksum_type) == ({name: expected}, "COMPOSITE")
    assert expected.endswith("-2")


def test_a_part_with_another_checksum_than_the_client_names_is_refused(
    backend: Backend, place: Place
) -> None:
    upload, asked = two_parts(backend, place, checksum_algorithm="CRC32", checksum_type="FULL_OBJECT")
    wrong = [asked[0], PartRequest(2, asked[1].etag, {"crc32": "AAAAAA=="})]
    with pytest.raises(InvalidPart):
        backend.complete_upload(place, upload.upload_id, wrong)


def test_a_checksum_that_the_parts_cannot_give_is_refused(backend: Backend, place: Place) -> None:
    upload, asked = two_parts(backend, place)
    with pytest.raises(InvalidRequest):
        backend.complete_upload(place, upload.upload_id, asked, checksums={"crc32": "AAAAAA=="})
