"""The backend over every kind of service that there is for the tests: what clients do all day."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from proxy.backends.base import ReaderBody
from proxy.backends.encrypted import SEALING, Encrypted
from proxy.backends.s3 import S3Backend
from proxy.backends.seals import Encryption
from proxy.backends.values import (
    Amendment,
    Deletion,
    NewObject,
    ObjectInfo,
    PartRequest,
    Place,
    Precondition,
    UploadInfo,
)
from proxy.errors import (
    BackendUnavailable,
    BucketAlreadyExists,
    BucketNotEmpty,
    NoSuchBucket,
    NoSuchKey,
    NotImplementedByUs,
    PreconditionFailed,
)
from tests.bodies import Bytes, content, noise
from tests.bucket_keys import HeldKeys
from tests.conftest import FakeClock
from tests.contracts.agreeing import agree
from tests.proxy.backends.s3.conftest import fresh
from tests.s3services import Service

FIVE = 5 * 1024 * 1024
NEW = NewObject(
    "dir/é key",
    headers={"content-type": "text/plain", "cache-control": "no-store"},
    metadata={"a": "1", "b-c": "zwei"},
    tags={"t": "v w"},
    owner_id="o" * 64,
)


@pytest.fixture
def far(transactional_db: None, s3_service: Service, clock: FakeClock) -> Iterator[S3Backend]:
    backend = S3Backend("far", s3_service.options, clock)
    backend.prepare(None)
    yield backend
    backend.close()


@pytest.fixture
def here(far: S3Backend) -> Place:
    place = fresh()
    far.create_bucket(place)
    return place


@pytest.mark.parametrize("size", [0, 700, 3 * 1024 * 1024 + 7])
@pytest.mark.parametrize("sealed", [False, True])
def test_an_object_is_read_ranged_listed_and_removed(
    far: S3Backend, here: Place, size: int, sealed: bool
) -> None:
    backend = Encrypted(far, HeldKeys(), SEALING) if sealed else far
    data = noise(size)
    info = backend.put(here, NEW, Bytes(data, "crc32"))
    head = backend.head(here, NEW.key)
    assert agree(far, info, head) and (head.size, dict(head.tags)) == (size, {"t": "v w"})
    assert (dict(head.headers), dict(head.metadata), head.owner_id) == (NEW.headers, NEW.metadata, "o" * 64)
    with backend.open(here, NEW.key) as reader:
        assert b"".join(reader.read(0, size)) == data and b"".join(reader.read(5, 60)) == data[5:60]
    (listed,) = backend.list(here).objects
    assert (listed.size, listed.etag, listed.last_modified) == (size, info.etag, info.last_modified)
    assert (listed.checksums, listed.owner_id) == (info.checksums, info.owner_id)
    (gone,) = backend.delete(here, [Deletion(NEW.key)])
    assert isinstance(gone, ObjectInfo) and backend.list(here).objects == ()
    with pytest.raises(NoSuchKey):
        backend.open(here, NEW.key)


def test_pages_and_common_prefixes_come_in_byte_order(far: S3Backend, here: Place) -> None:
    keys = ["a", "a-b", "b/1", "b/2", "b/c/3", "c", "d/", "é"]
    for key in keys:
        far.put(here, NewObject(key), Bytes(b"x"))
    shown = ["a", "a-b", "b/", "c", "d/", "é"]
    for delimiter, expected in (("", keys), ("/", shown)):
        got, after = [], ""
        while True:
            page = far.list(here, delimiter=delimiter, after=after, limit=2)
            got += sorted([info.key for info in page.objects] + list(page.prefixes), key=str.encode)
            if page.last is None:
                break
            after = page.last
        assert got == expected
    assert [info.key for info in far.list(here, prefix="b/", after="b/1").objects] == ["b/2", "b/c/3"]
    done = far.delete(here, [Deletion(key) for key in keys] + [Deletion("missing")])
    assert [isinstance(one, ObjectInfo) for one in done] == [True] * len(keys) + [False]


def test_parts_become_an_object_and_a_copy_of_it_another(far: S3Backend, here: Place) -> None:
    data = noise(FIVE + 10)
    far.create_upload(here, UploadInfo("u", "k", 1, metadata={"m": "1"}))
    parts = {1: data[:FIVE], 3: data[FIVE:]}
    asked = [PartRequest(n, far.put_part(here, "u", n, Bytes(part)).etag) for n, part in parts.items()]
    done = far.complete_upload(here, "u", asked)
    assert agree(far, done, far.head(here, "k")) and content(far.open(here, "k")) == data
    assert [part.size for part in done.parts] == [FIVE, 10] and done.etag.endswith("-2")
    assert far.complete_upload(here, "u", asked) == done
    with far.open(here, "k") as reader:
        new = NewObject("copy", carried=done, metadata={"m": "2"})
        copy = far.put(here, new, ReaderBody(reader))
    assert (copy.etag, copy.parts, dict(copy.metadata)) == (done.etag, done.parts, {"m": "2"})
    assert agree(far, copy, far.head(here, "copy")) and content(far.open(here, "copy")) == data
    far.create_upload(here, UploadInfo("v", "k", 1))
    far.put_part(here, "v", 1, Bytes(b"x"))
    far.abort_upload(here, "v")
    assert far.list_uploads(here).uploads == ()


def test_versions_and_markers_keep_their_line(far: S3Backend, here: Place) -> None:
    far.set_versioning(here, "Enabled")
    first, second = [far.put(here, NewObject("k", version_id="new"), Bytes(data)) for data in (b"1", b"22")]
    (marker,) = far.delete(here, [Deletion("k", "new", marker=True, owner_id="o" * 64)])
    assert isinstance(marker, ObjectInfo) and marker.marker and far.list(here).objects == ()
    line = far.list_versions(here).versions
    assert [info.version_id for info in line] == [marker.version_id, second.version_id, first.version_id]
    assert [info.latest for info in line] == [True, False, False]
    ordinals = [info.ordinal for info in line]
    assert ordinals == sorted(set(ordinals), reverse=True)
    assert content(far.open(here, "k", first.version_id)) == b"1"
    far.delete(here, [Deletion("k", marker.version_id)])
    assert content(far.open(here, "k")) == b"22"
    with pytest.raises(BucketNotEmpty):
        far.delete_bucket(here)
    far.delete_bucket(here, force=True)
    assert far.places(here.bucket) == ()
    with pytest.raises(NoSuchBucket):
        far.list(here)


def test_tags_and_access_lists_change(far: S3Backend, here: Place) -> None:
    far.put(here, NEW, Bytes(b"x"))
    far.amend(here, NEW.key, "", Amendment(tags={"n": "2"}, acl="theirs"))
    found = far.head(here, NEW.key)
    assert (dict(found.tags), found.acl, found.owner_id) == ({"n": "2"}, "theirs", "o" * 64)
    assert dict(found.metadata) == NEW.metadata


def test_a_condition_is_held_or_refused_and_never_passed_over(far: S3Backend, here: Place) -> None:
    old = far.put(here, NewObject("k"), Bytes(b"old"))
    for when in (Precondition(absent=True), Precondition(etags=("0" * 32,))):
        with pytest.raises((PreconditionFailed, NotImplementedByUs)):
            far.put(here, NewObject("k"), Bytes(b"new"), when)
    assert content(far.open(here, "k")) == b"old"
    able = far.capabilities()
    if able.conditional_replace:
        assert far.put(here, NewObject("k"), Bytes(b"newer"), Precondition(etags=(old.etag,))).size == 5


def test_a_bucket_of_another_is_refused_and_a_marked_one_is_found(far: S3Backend, here: Place) -> None:
    far.mark(here, "job", "7 é")
    assert far.marked(here, "job") == "7 é" and far.usage(here).empty
    assert far.places(here.bucket) == (here,)
    with pytest.raises((BucketAlreadyExists, BackendUnavailable)):
        far.create_bucket(fresh(here.bucket))
    far.mark(here, "job", None)
    assert far.marked(here, "job") is None


def test_a_service_that_encrypts_is_asked_to_and_says_so(
    far: S3Backend, here: Place, s3_service: Service, clock: FakeClock
) -> None:
    if not far.capabilities().encryption:
        return
    options = {**s3_service.options, "encryption": {"mode": "sse-s3", "keys": []}}
    asking = S3Backend("far", options, clock)
    told = asking.put(here, NewObject("k"), Bytes(b"x")).encryption
    assert told == asking.head(here, "k").encryption == Encryption("AES256")
    asking.create_upload(here, UploadInfo("u", "k", 1))
    assert asking.head_upload(here, "u").encryption == Encryption("AES256")
    part = asking.put_part(here, "u", 1, Bytes(b"y"))
    assert asking.complete_upload(here, "u", [PartRequest(1, part.etag)]).encryption == Encryption("AES256")
    asking.close()
