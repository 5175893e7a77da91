"""Bodies that a customer's key seals (SSE-C): it is needed for every read and never kept."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.backends.base import ReaderBody
from proxy.backends.encrypted import SEALING, Encrypted
from proxy.backends.filesystem import FilesystemBackend
from proxy.backends.seals import Encryption
from proxy.backends.values import NewObject, ObjectInfo, PartRequest, UploadInfo
from proxy.errors import AccessDenied, InvalidRequest
from tests.bodies import Bytes, content, noise
from tests.bucket_keys import HeldKeys
from tests.conftest import FakeClock
from tests.proxy.backends.conftest import PLACE

KEY, OTHER = b"k" * 32, b"o" * 32
MD5 = base64.b64encode(hashlib.md5(KEY).digest()).decode()
TOLD = Encryption("customer", MD5)
FIVE = 5 * 1024 * 1024


def put(backend: Encrypted, key: str, data: bytes) -> ObjectInfo:
    return backend.put(PLACE, NewObject(key, customer_key=KEY), Bytes(data))


def upload(backend: Encrypted, *parts: bytes) -> list[PartRequest]:
    backend.create_upload(PLACE, UploadInfo("u", "k", 1, customer_key=KEY))
    done = [
        backend.put_part(PLACE, "u", number, Bytes(data), customer_key=KEY)
        for number, data in enumerate(parts, 1)
    ]
    return [PartRequest(part.number, part.etag) for part in done]


@pytest.fixture(params=["sealed", "unsealed"])
def mode(request: pytest.FixtureRequest) -> Encrypted:
    """A customer's key seals whatever the mode of the backend is."""
    found: Encrypted = request.getfixturevalue(request.param)
    return found


def test_only_the_customers_key_opens_it(mode: Encrypted) -> None:
    info = put(mode, "k", noise(100_000))
    assert info.encryption == mode.head(PLACE, "k").encryption == TOLD
    with mode.open(PLACE, "k") as reader:
        assert reader.info == info
        with pytest.raises(InvalidRequest, match="correct parameters must be provided"):
            list(reader.read(0, 10))
        with pytest.raises(AccessDenied):
            reader.unlock(OTHER)
        reader.unlock(KEY)
        assert b"".join(reader.read(0, info.size)) == noise(100_000)


def test_the_key_of_a_customer_is_not_kept(mode: Encrypted, backend: FilesystemBackend, folder: Path) -> None:
    put(mode, "small", noise(10))
    upload(mode, noise(FIVE), noise(10))
    shown = backend.head_upload(PLACE, "u")
    assert shown.customer_key is None and repr(KEY) not in repr(NewObject("k", customer_key=KEY))
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files and not any(KEY in path.read_bytes() for path in files)


def test_each_part_needs_the_key_of_its_upload_and_the_end_needs_none(mode: Encrypted) -> None:
    asked = upload(mode, noise(FIVE), noise(10))
    assert mode.head_upload(PLACE, "u").encryption == TOLD
    for given, error in ((None, InvalidRequest), (OTHER, AccessDenied)):
        with pytest.raises(error):
            mode.put_part(PLACE, "u", 3, Bytes(b"x"), customer_key=given)
    with mode.open_part(PLACE, "u", 2) as reader:
        reader.unlock(KEY)
        assert b"".join(reader.read(0, 10)) == noise(10)
    assert mode.complete_upload(PLACE, "u", asked).encryption == TOLD
    with mode.open(PLACE, "k") as reader:
        reader.unlock(KEY)
        assert b"".join(reader.read(FIVE - 5, FIVE + 5)) == noise(FIVE)[-5:] + noise(10)[:5]


def test_a_key_is_refused_where_the_upload_has_none(mode: Encrypted) -> None:
    mode.create_upload(PLACE, UploadInfo("u", "k", 1))
    with pytest.raises(InvalidRequest, match="did not request encryption"):
        mode.put_part(PLACE, "u", 1, Bytes(b"x"), customer_key=KEY)


def test_a_copy_is_made_with_the_key_of_the_source_and_gets_one_of_its_own(mode: Encrypted) -> None:
    put(mode, "k", noise(100_000))
    with mode.open(PLACE, "k") as reader:
        with pytest.raises(InvalidRequest):
            mode.put(PLACE, NewObject("locked"), ReaderBody(reader))
        reader.unlock(KEY)
        mode.put(PLACE, NewObject("open"), ReaderBody(reader))
        mode.put(PLACE, NewObject("other", customer_key=OTHER), ReaderBody(reader))
    assert content(mode.open(PLACE, "open")) == noise(100_000)
    with mode.open(PLACE, "other") as reader:
        reader.unlock(OTHER)
        assert b"".join(reader.read(0, 100_000)) == noise(100_000)


@pytest.fixture
def there(root: Path, clock: FakeClock) -> Iterator[Encrypted]:
    made = FilesystemBackend("there", root.parent / "there", clock, keep=False)
    made.prepare(None)
    made.create_bucket(PLACE)
    yield Encrypted(made, HeldKeys(), SEALING)
    made.close()


def test_it_is_carried_to_another_backend_although_nobody_here_can_open_it(
    mode: Encrypted, there: Encrypted
) -> None:
    asked = upload(mode, noise(FIVE), noise(10))
    info = mode.complete_upload(PLACE, "u", asked)
    with mode.open(PLACE, "k") as reader:
        copy = there.put(PLACE, NewObject.copy_of(info), ReaderBody(reader))
    assert copy.encryption == TOLD
    with there.open(PLACE, "k") as reader:
        reader.unlock(KEY)
        assert b"".join(reader.read(0, info.size)) == noise(FIVE) + noise(10)


def test_an_open_upload_is_carried_with_its_parts_and_finished_there(
    mode: Encrypted, there: Encrypted
) -> None:
    upload(mode, noise(FIVE), noise(10))
    there.create_upload(PLACE, mode.head_upload(PLACE, "u"))
    parts, _ = mode.list_parts(PLACE, "u")
    for part in parts:
        with mode.open_part(PLACE, "u", part.number) as reader:
            assert there.put_part(PLACE, "u", part.number, ReaderBody(reader), part) == part
    there.complete_upload(PLACE, "u", [PartRequest(part.number, part.etag) for part in parts])
    with there.open(PLACE, "k") as reader:
        reader.unlock(KEY)
        assert b"".join(reader.read(0, FIVE + 10)) == noise(FIVE) + noise(10)


def test_it_is_no_finding_that_its_bytes_cannot_be_checked(mode: Encrypted) -> None:
    put(mode, "k", noise(100_000))
    assert list(mode.check_store(deep=True)) == []
