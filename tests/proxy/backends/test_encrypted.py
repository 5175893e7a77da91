"""What the wrapper around every backend does with bodies: sealed, opened, passed on sealed, left alone."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.backends.base import ReaderBody, SealedBody
from proxy.backends.encrypted import SEALING, Encrypted
from proxy.backends.filesystem import FilesystemBackend
from proxy.backends.filesystem.reader import FileReader
from proxy.backends.memory import MemoryBackend
from proxy.backends.sealing.reader import SealedReader
from proxy.backends.seals import UNENCRYPTED
from proxy.backends.values import NewObject, ObjectInfo, PartRequest, Place, UploadInfo
from proxy.crypto.frames import sealed_size
from proxy.crypto.ring import MissingKey
from proxy.crypto.wraps import is_ahead
from proxy.errors import BadDigest, IncompleteBody, InternalError
from tests.bodies import Bytes, Failing, Pieces, content, noise
from tests.bucket_keys import HeldKeys
from tests.conftest import FakeClock
from tests.proxy.backends.conftest import PLACE, blobs, leftovers

MIB = 1024 * 1024


def put(backend: Encrypted | FilesystemBackend, key: str, data: bytes, **more: object) -> ObjectInfo:
    return backend.put(PLACE, NewObject(key, **more), Bytes(data))  # type: ignore[arg-type]


def multipart(backend: Encrypted, key: str, *parts: bytes, algorithm: str = "") -> ObjectInfo:
    """The last part may be small, the others may not."""
    kind = "COMPOSITE" if algorithm else ""
    upload = UploadInfo(f"u-{key}", key, 1, checksum_algorithm=algorithm, checksum_type=kind)
    backend.create_upload(PLACE, upload)
    sums = (algorithm.lower(),) if algorithm else ()
    done = [backend.put_part(PLACE, f"u-{key}", n, Bytes(data, *sums)) for n, data in enumerate(parts, 1)]
    asked = [PartRequest(part.number, part.etag) for part in done]
    return backend.complete_upload(PLACE, f"u-{key}", asked)


# -- a plain bucket -----------------------------------------------------------------------------
def test_what_is_plain_passes_untouched(unsealed: Encrypted, backend: FilesystemBackend) -> None:
    info = put(unsealed, "k", noise(50_000))
    assert (info.seal, info.encryption) == (None, UNENCRYPTED)
    with unsealed.open(PLACE, "k") as reader:
        assert isinstance(reader, FileReader)
        assert unsealed.can_link(reader) and backend.can_link(reader)


def test_a_plain_copy_still_moves_no_bytes(unsealed: Encrypted, folder: Path) -> None:
    put(unsealed, "k", noise(50_000))
    with unsealed.open(PLACE, "k") as reader:
        unsealed.put(PLACE, NewObject("copy"), ReaderBody(reader))
    assert len(blobs(folder)) == 1


# -- buckets that hold both ------------------------------------------------------------------------
def test_a_bucket_may_hold_plain_and_sealed_bodies_under_any_number_of_keys(
    sealed: Encrypted, unsealed: Encrypted, keys: HeldKeys
) -> None:
    put(unsealed, "plain", b"plain")
    put(sealed, "old", b"old")
    keys.rotate(PLACE)
    put(sealed, "new", noise(100_000))
    for backend in (sealed, unsealed):
        found = {info.key: content(backend.open(PLACE, info.key)) for info in backend.list(PLACE).objects}
        assert found == {"plain": b"plain", "old": b"old", "new": noise(100_000)}
    assert len(sealed.count_seals(PLACE)) == 2


def test_a_lost_key_is_named_and_takes_nothing_else_with_it(sealed: Encrypted, keys: HeldKeys) -> None:
    put(sealed, "old", b"old")
    lost = keys.newest(PLACE).id
    keys.rotate(PLACE)
    put(sealed, "new", b"new")
    keys.lose(PLACE)
    with pytest.raises(MissingKey, match=f"{lost}.* the ring has: {keys.newest(PLACE).id}"):
        sealed.open(PLACE, "old")
    assert content(sealed.open(PLACE, "new")) == b"new"
    assert sealed.head(PLACE, "old").size == 3
    (finding,) = sealed.check_store(deep=True)
    assert finding.key == "old" and lost in finding.problem


@pytest.mark.parametrize("size", [0, 10, 100_000])
def test_a_copy_gets_the_mode_of_its_target(sealed: Encrypted, unsealed: Encrypted, size: int) -> None:
    put(unsealed, "plain", noise(size))
    with unsealed.open(PLACE, "plain") as reader:
        assert sealed.put(PLACE, NewObject("sealed"), ReaderBody(reader)).seal is not None
        assert not sealed.can_link(reader)
    with sealed.open(PLACE, "sealed") as reader:
        copy = unsealed.put(PLACE, NewObject("opened"), ReaderBody(reader))
        assert not unsealed.can_link(reader)
    assert copy.seal is None and copy.encryption == UNENCRYPTED
    for key in ("plain", "sealed", "opened"):
        assert content(sealed.open(PLACE, key)) == noise(size)


# -- sealed bodies travel sealed -------------------------------------------------------------------
@pytest.fixture
def other(root: Path, clock: FakeClock) -> Iterator[Encrypted]:
    """Another backend on the same disk, with keys of its own."""
    made = FilesystemBackend("other", root.parent / "other", clock, keep=False)
    made.prepare(None)
    made.create_bucket(PLACE)
    yield Encrypted(made, HeldKeys(), SEALING)
    made.close()


def test_a_sealed_copy_in_a_bucket_shares_the_body_under_a_wrap_of_its_own(
    sealed: Encrypted, folder: Path
) -> None:
    info = put(sealed, "k", noise(100_000))
    with sealed.open(PLACE, "k") as reader:
        assert sealed.can_link(reader)
        copy = sealed.put(PLACE, NewObject("copy"), ReaderBody(reader))
    assert info.seal and copy.seal and copy.seal.segments == info.seal.segments
    assert copy.seal.wrap != info.seal.wrap and len(blobs(folder)) == 1
    assert content(sealed.open(PLACE, "copy")) == noise(100_000)


@pytest.mark.parametrize("size", [10, 100_000, 3 * MIB])
def test_a_sealed_copy_to_another_backend_is_linked_and_opens_with_its_keys_alone(
    sealed: Encrypted, other: Encrypted, keys: HeldKeys, root: Path, size: int
) -> None:
    info = put(sealed, "k", noise(size))
    with sealed.open(PLACE, "k") as reader:
        other.put(PLACE, NewObject.copy_of(info), ReaderBody(reader))
    keys.rotate(PLACE)
    keys.lose(PLACE)
    assert content(other.open(PLACE, "k")) == noise(size)
    links = [path.stat().st_nlink for path in (root.parent / "other").glob("*/blobs/*/*")]
    assert links == ([2] if size > 32 * 1024 else [])


def test_a_sealed_multipart_object_travels_whole_with_all_its_facts(
    sealed: Encrypted, other: Encrypted
) -> None:
    first, last = noise(5 * MIB, 1), noise(100, 2)
    info = multipart(sealed, "k", first, last, algorithm="SHA256")
    with sealed.open(PLACE, "k") as reader:
        assert other.can_link(reader)
        copy = other.put(PLACE, NewObject.copy_of(info), ReaderBody(reader))
    assert copy.seal and info.seal and copy.seal.segments == info.seal.segments and copy.parts == info.parts
    with other.open(PLACE, "k") as reader:
        assert b"".join(reader.read(5 * MIB - 10, 5 * MIB + 10)) == first[-10:] + last[:10]
        assert b"".join(reader.read(0, info.size)) == first + last


def test_a_multipart_object_that_is_copied_as_a_new_one_is_sealed_anew(sealed: Encrypted) -> None:
    first, last = noise(5 * MIB, 1), noise(100, 2)
    info = multipart(sealed, "k", first, last, algorithm="CRC32")
    with sealed.open(PLACE, "k") as reader:
        copy = sealed.put(PLACE, NewObject("copy", checksum_type="COMPOSITE"), ReaderBody(reader))
    assert copy.etag == hashlib.md5(first + last, usedforsecurity=False).hexdigest()
    assert copy.seal and len(copy.seal.segments) == 1 and copy.checksum_type == "FULL_OBJECT"
    assert copy.checksums != info.checksums and content(sealed.open(PLACE, "copy")) == first + last


def test_sealed_anew_gives_another_body(sealed: Encrypted, keys: HeldKeys) -> None:
    info = put(sealed, "k", noise(100_000))
    keys.rotate(PLACE)
    with sealed.open(PLACE, "k") as reader:
        again = replace(NewObject.copy_of(info), sealed_anew=True)
        new = sealed.put(PLACE, again, ReaderBody(reader))
    assert info.seal and new.seal and not {*info.seal.segments} & {*new.seal.segments}
    assert (new.etag, new.last_modified) == (info.etag, info.last_modified)
    keys.lose(PLACE)
    assert content(sealed.open(PLACE, "k")) == noise(100_000)


def test_a_part_of_a_sealed_object_is_sealed_anew_under_the_key_of_its_upload(sealed: Encrypted) -> None:
    data = noise(6 * MIB)
    put(sealed, "k", data)
    sealed.create_upload(PLACE, UploadInfo("u", "k2", 1, checksum_algorithm="CRC32"))
    with sealed.open(PLACE, "k") as reader:
        first = sealed.put_part(PLACE, "u", 1, ReaderBody(reader, 0, 5 * MIB))
        last = sealed.put_part(PLACE, "u", 2, ReaderBody(reader, 5 * MIB, 6 * MIB))
    assert "crc32" in first.checksums
    with sealed.open_part(PLACE, "u", 2) as reader:
        assert b"".join(reader.read(0, MIB)) == data[5 * MIB :]
    sealed.complete_upload(PLACE, "u", [PartRequest(1, first.etag), PartRequest(2, last.etag)])
    assert content(sealed.open(PLACE, "k2")) == data


def test_an_upload_that_began_plain_or_sealed_ends_so(sealed: Encrypted, unsealed: Encrypted) -> None:
    for name, begins, goes_on in (("plain", unsealed, sealed), ("sealed", sealed, unsealed)):
        begins.create_upload(PLACE, UploadInfo(name, name, 1))
        part = goes_on.put_part(PLACE, name, 1, Bytes(b"one"))
        info = goes_on.complete_upload(PLACE, name, [PartRequest(1, part.etag)])
        assert (info.seal is not None) == (name == "sealed")
        assert content(goes_on.open(PLACE, name)) == b"one"
        assert begins.complete_upload(PLACE, name, [PartRequest(1, part.etag)]) == info


# -- a body is what its sender announced, or is not there --------------------------------------------
@pytest.mark.parametrize("size", [100, 2 * MIB])
def test_the_last_bytes_of_a_wrong_body_are_never_handed_out(sealed: Encrypted, size: int) -> None:
    seen: list[int] = []

    class Watching(MemoryBackend):
        def put(self, place: Place, new: NewObject, body: object, when: object = None) -> ObjectInfo:  # type: ignore[override]
            assert isinstance(body, SealedBody)
            seen.append(body.length or 0)
            for piece in body:
                seen.append(len(piece))
            raise AssertionError("it ended as if it were right")

    watching = Encrypted(Watching("m", lambda: 0), HeldKeys(), SEALING)
    with pytest.raises(BadDigest):
        watching.put(PLACE, NewObject("k"), Failing([noise(size)], BadDigest(), size))
    assert seen[0] == sealed_size(size, 128 * 1024 if size > MIB else 64 * 1024)
    assert sum(seen[1:]) < size + 32


def test_a_wrong_body_leaves_nothing(sealed: Encrypted, folder: Path) -> None:
    put(sealed, "k", b"old")
    carried = replace(sealed.head(PLACE, "k"), key="k", size=4)
    for body, error in (
        (Failing([noise(100_000)], BadDigest(), 100_000), BadDigest),
        (Bytes(noise(100_000), length=100_001), IncompleteBody),
        (Bytes(noise(100_000), length=99_999), IncompleteBody),
    ):
        with pytest.raises(error):
            sealed.put(PLACE, NewObject("k"), body)
    with pytest.raises(BadDigest):
        sealed.put(PLACE, NewObject.copy_of(carried), Bytes(b"more"))
    assert content(sealed.open(PLACE, "k")) == b"old"
    assert blobs(folder) == set() and leftovers(folder) == []


def test_a_large_body_is_sealed_and_opened_in_little_memory(sealed: Encrypted) -> None:
    piece = noise(MIB)
    tracemalloc.start()
    try:
        sealed.put(PLACE, NewObject("k"), Pieces([piece] * 64, 64 * MIB))
        with sealed.open(PLACE, "k") as reader:
            at = 0
            for each in reader.read(0, 64 * MIB):
                assert each == piece[at % MIB : at % MIB + len(each)]
                at += len(each)
            assert at == 64 * MIB
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * MIB


# -- ranges -------------------------------------------------------------------------------------------
SIZES = [0, 1, 64 * 1024, 64 * 1024 + 1, 3 * MIB + 7]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_range_of_any_body_in_any_pieces_is_that_of_the_plaintext(
    sealed: Encrypted, data: st.DataObject
) -> None:
    size = data.draw(st.sampled_from(SIZES))
    piece = data.draw(st.sampled_from([1000, 64 * 1024, MIB]))
    plain = noise(size, size)
    known = data.draw(st.booleans())
    pieces = Pieces([plain[at : at + piece] for at in range(0, size, piece)], size if known else None)
    sealed.put(PLACE, NewObject("k"), pieces)
    start = data.draw(st.integers(0, size))
    end = data.draw(st.integers(start, size + 10))
    with sealed.open(PLACE, "k") as reader:
        found = list(reader.read(start, end))
        assert b"".join(found) == plain[start:end]
        assert all(0 < len(each) <= MIB for each in found)


def test_a_range_reads_only_the_frames_that_it_touches(sealed: Encrypted) -> None:
    put(sealed, "k", noise(64 * MIB))
    with sealed.open(PLACE, "k") as reader:
        assert isinstance(reader, SealedReader)
        read = reader.inner.read
        spans: list[int] = []
        reader.inner.read = lambda start, end: spans.append(end - start) or read(start, end)  # type: ignore
        assert len(b"".join(reader.read(30 * MIB, 30 * MIB + 5))) == 5
    assert spans == [256 * 1024 + 16]


# -- what a row says binds ------------------------------------------------------------------------------
def test_what_comes_before_its_facts_are_known_is_bound_to_its_key_alone(keys: HeldKeys) -> None:
    class Ahead(MemoryBackend):
        seals_ahead = True

        def put(self, place: Place, new: NewObject, body: object, when: object = None) -> ObjectInfo:  # type: ignore[override]
            assert isinstance(body, SealedBody)
            ahead = body.wrap_ahead
            info = super().put(place, new, body)
            assert info.seal is not None and info.seal.wrap == ahead and is_ahead(ahead)
            return info

    inner = Ahead("m", lambda: 5)
    inner.prepare(None)
    inner.create_bucket(PLACE)
    backend = Encrypted(inner, keys, SEALING)
    assert put(backend, "k", noise(10)).seal is not None
    multipart(backend, "parts", noise(5 * MIB), noise(10))
    for key, size in (("k", 10), ("parts", 5 * MIB + 10)):
        with backend.open(PLACE, key) as reader:
            assert reader.info.size == len(b"".join(reader.read(0, reader.info.size))) == size
            copy = backend.put(PLACE, NewObject.copy_of(reader.info), ReaderBody(reader))
            assert copy.seal is not None and is_ahead(copy.seal.wrap)
    with pytest.raises(InternalError, match="something else"):
        _moved(inner, "k", "other")
        backend.open(PLACE, "other")


def _moved(backend: MemoryBackend, key: str, to: str) -> None:
    versions = backend._at(PLACE).keys.pop(key)
    backend._at(PLACE).keys[to] = {
        name: (replace(info, key=to), data) for name, (info, data) in versions.items()
    }
