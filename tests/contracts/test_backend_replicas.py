"""Replicas: copies that carry their facts and become the newest version, as any other put does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from proxy.backends.base import Backend, ReaderBody
from proxy.backends.values import (
    ALWAYS,
    NULL_VERSION,
    UNLOCKED,
    Lock,
    NewObject,
    ObjectInfo,
    PartRequest,
    Place,
    Precondition,
    UploadInfo,
)
from proxy.errors import BadDigest, NoSuchKey, ObjectLocked, PreconditionFailed
from tests.bodies import Bytes, content, noise
from tests.conftest import FakeClock
from tests.contracts.conftest import MakeBackend, facts, new_place
from tests.contracts.test_backend_copies import FIVE, multipart
from tests.contracts.versioned import found, line, put

SENT = {"tags": {"t": "1"}, "metadata": {"m": "1"}, "owner_id": "o" * 64}


@pytest.fixture
def source(make_backend: MakeBackend, clock: FakeClock) -> tuple[Backend, Place]:
    """Another place of another backend, an hour in which nothing was written there."""
    backend = make_backend()
    place = new_place(backend)
    put(backend, place, "k", data=b"source", **SENT)
    clock.advance(seconds=3600)
    return backend, place


def replicate(
    source: tuple[Backend, Place],
    backend: Backend,
    place: Place,
    version: str = NULL_VERSION,
    when: Precondition = ALWAYS,
    **more: Any,
) -> ObjectInfo:
    with source[0].open(source[1], "k") as reader:
        new = replace(NewObject.copy_of(reader.info), version_id=version, newest=True, **more)
        return backend.put(place, new, ReaderBody(reader), when)


def common(info: ObjectInfo, target: Backend) -> dict[str, Any]:
    """What a replica has in common with its source."""
    own = ("version_id", "ordinal", "lock")
    return {name: value for name, value in facts(info, target).items() if name not in own}


@pytest.mark.parametrize("size", [0, 100, 100_000])
def test_a_replica_says_what_its_source_says(
    source: tuple[Backend, Place], backend: Backend, place: Place, size: int
) -> None:
    info = put(*source, "k", data=noise(size), **SENT)
    replicate(source, backend, place)
    replica = backend.head(place, "k")
    assert common(replica, backend) == common(source[0].head(source[1], "k"), backend)
    assert (replica.etag, replica.last_modified) == (info.etag, info.last_modified)
    assert content(backend.open(place, "k")) == (noise(size) or b"null")


@pytest.mark.handed_on
def test_a_replica_of_an_old_object_becomes_the_newest_version(
    source: tuple[Backend, Place], backend: Backend, place: Place
) -> None:
    put(backend, place, "k", "v1", b"there")
    replica = replicate(source, backend, place, "v2")
    assert (line(backend, place), found(backend, place)) == (["*v2", "v1"], "source")
    assert replica.latest
    put(backend, place, "k", "v3", b"later")
    assert (line(backend, place), found(backend, place)) == (["*v3", "v2", "v1"], "later")
    replicate(source, backend, place)
    assert line(backend, place) == ["*null", "v3", "v2", "v1"]


def test_a_replica_counts_as_a_change(source: tuple[Backend, Place], backend: Backend, place: Place) -> None:
    info = replicate(source, backend, place)
    if backend.counts_changes:
        assert info.seq == backend.head_seq(place) == 1
    assert backend.usage(place).keys == 1


def test_a_replica_is_made_only_if_its_condition_holds(
    source: tuple[Backend, Place], backend: Backend, place: Place
) -> None:
    with pytest.raises(NoSuchKey):
        replicate(source, backend, place, when=Precondition(etags=("0" * 32,)))
    replicate(source, backend, place, when=Precondition(absent=True))
    there = put(backend, place, "k", data=b"there")
    for when in (Precondition(absent=True), Precondition(etags=("0" * 32,))):
        with pytest.raises(PreconditionFailed):
            replicate(source, backend, place, when=when)
    assert found(backend, place) == "there"
    replicate(source, backend, place, when=Precondition(etags=(there.etag,)))
    assert found(backend, place) == "source"


def test_a_replica_of_other_bytes_is_refused(
    source: tuple[Backend, Place], backend: Backend, place: Place
) -> None:
    info = source[0].head(source[1], "k")
    with pytest.raises(BadDigest):
        backend.put(place, replace(NewObject.copy_of(info), newest=True), Bytes(b"secruo"))
    assert backend.usage(place).empty


@pytest.mark.asks("keeps_locks")
def test_a_replica_has_the_lock_it_is_given_and_none_of_its_source(
    make_backend: MakeBackend, backend: Backend, place: Place, clock: FakeClock
) -> None:
    other = make_backend()
    source = (other, new_place(other))
    put(*source, "k", data=b"source", lock=Lock(hold=True))
    kept = Lock("GOVERNANCE", clock() + 60_000)
    assert replicate(source, backend, place, "v1", lock=kept).lock == kept
    assert replicate(source, backend, place, "v2", lock=UNLOCKED).lock == UNLOCKED
    assert backend.head(place, "k", "v1").lock == kept


@pytest.mark.asks("keeps_locks")
def test_a_locked_version_is_not_replaced_by_a_replica_of_the_same_bytes(
    source: tuple[Backend, Place], backend: Backend, place: Place
) -> None:
    replicate(source, backend, place, lock=Lock(hold=True))
    with pytest.raises(ObjectLocked):
        replicate(source, backend, place, lock=Lock(hold=True))


# -- in parts --------------------------------------------------------------------------------------
def complete(
    backend: Backend,
    place: Place,
    info: ObjectInfo,
    parts: list[bytes],
    when: Precondition = ALWAYS,
    version: str = NULL_VERSION,
) -> ObjectInfo:
    upload = UploadInfo("u-replica", "k", 1, info.headers, info.metadata, info.tags, carried=info)
    backend.create_upload(place, upload)
    asked = []
    for number, data in enumerate(parts, 1):
        asked.append(PartRequest(number, backend.put_part(place, "u-replica", number, Bytes(data)).etag))
    return backend.complete_upload(
        place, "u-replica", asked, when, version_id=version, carried=info, newest=True
    )


@pytest.mark.handed_on
def test_a_replica_in_parts_says_what_its_source_says_and_becomes_the_newest_version(
    source: tuple[Backend, Place], backend: Backend, place: Place
) -> None:
    info = multipart(*source, "k", noise(FIVE, 1), noise(10, 2))
    put(backend, place, "k", "v1", b"there")
    put(backend, place, "k", "v2", b"there too")
    # Other parts than those of the source: a replica is cut as it suits whoever makes it.
    whole = noise(FIVE, 1) + noise(10, 2)
    done = complete(backend, place, info, [whole[: FIVE + 5], whole[FIVE + 5 :]], version="v3")
    replica = backend.head(place, "k")
    assert line(backend, place) == ["*v3", "v2", "v1"]
    assert (done.version_id, replica.version_id) == ("v3", "v3")
    assert common(replica, backend) == common(info, backend)
    assert content(backend.open(place, "k")) == whole


def test_a_replica_in_parts_is_finished_only_if_its_condition_holds(
    source: tuple[Backend, Place], backend: Backend, place: Place
) -> None:
    info = put(*source, "k", data=noise(1000))
    there = put(backend, place, "k", data=b"there")
    with pytest.raises(PreconditionFailed):
        complete(backend, place, info, [noise(1000)], Precondition(absent=True))
    assert found(backend, place) == "there"
    backend.abort_upload(place, "u-replica")
    complete(backend, place, info, [noise(1000)], Precondition(etags=(there.etag,)))
    assert backend.head(place, "k").etag == info.etag


@pytest.mark.asks("keeps_locks")
def test_a_replica_in_parts_has_the_lock_of_its_upload(
    make_backend: MakeBackend, backend: Backend, place: Place
) -> None:
    other = make_backend()
    elsewhere = new_place(other)
    info = put(other, elsewhere, "k", data=b"source", lock=Lock(hold=True))
    assert complete(backend, place, info, [b"source"], version="v1").lock == UNLOCKED
    assert line(backend, place) == ["*v1"]
