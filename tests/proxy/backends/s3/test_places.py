"""Which real bucket is whose, and what is left of a place when something goes wrong."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from proxy.backends.s3 import S3Backend
from proxy.backends.s3.claiming import ABANDONED_MS
from proxy.backends.s3.client import Client
from proxy.backends.s3.errors import Broken
from proxy.backends.s3.places import MARKER
from proxy.backends.s3.probing import SCRATCH
from proxy.backends.s3.tables import row, run
from proxy.backends.values import Deletion, FeedPosition, NewObject, Place, UploadInfo
from proxy.errors import (
    BackendUnavailable,
    BucketAlreadyExists,
    BucketNotEmpty,
    InvalidArgument,
    NoSuchBucket,
    NoSuchKey,
    NotImplementedByUs,
)
from tests.bodies import Bytes, content
from tests.conftest import FakeClock
from tests.proxy.backends.s3.conftest import MakeBackend, fresh
from tests.s3services import Service


@pytest.fixture
def client(s3_services: Any) -> Iterator[Client]:
    """The service as a stranger sees it."""
    service: Service = s3_services("sluicegate")
    made = service.client()
    yield made
    made.close()


def put(backend: S3Backend, place: Place, key: str = "k", data: bytes = b"x") -> None:
    backend.put(place, NewObject(key), Bytes(data))


def keys(client: Client, place: Place) -> list[str]:
    return [one.key for one in client.list(place.bucket).objects]


# -- making ------------------------------------------------------------------------------------
def test_an_empty_bucket_is_taken_over_and_a_full_one_is_not(s3: S3Backend, client: Client) -> None:
    empty, full = fresh(), fresh()
    for place in (empty, full):
        client.create_bucket(place.bucket)
    client.put(full.bucket, "theirs", b"x")
    s3.create_bucket(empty)
    assert s3.usage(empty).empty
    with pytest.raises(BucketNotEmpty):
        s3.create_bucket(full)
    assert keys(client, full) == ["theirs"]
    assert s3.places(full.bucket) == (Place("", full.bucket, ""),)
    with pytest.raises(NoSuchBucket):
        s3.head(full, "theirs")


def test_a_bucket_of_another_place_is_refused(s3: S3Backend, place: Place) -> None:
    put(s3, place)
    with pytest.raises(BucketAlreadyExists):
        s3.create_bucket(fresh(place.bucket))
    with pytest.raises(BucketAlreadyExists):
        s3.adopt(fresh(place.bucket))
    assert s3.places(place.bucket) == (place,) and content(s3.open(place, "k")) == b"x"


def test_the_marker_of_another_gateway_is_refused(s3: S3Backend, client: Client) -> None:
    place = fresh()
    client.create_bucket(place.bucket)
    client.put(place.bucket, MARKER, b'{"bucket_id": "theirs", "incarnation": "1"}')
    with pytest.raises(BucketAlreadyExists):
        s3.create_bucket(place)
    theirs = Place("theirs", place.bucket, "1")
    assert s3.places(place.bucket) == (theirs,)
    s3.usage(theirs)  # (a place that was asked for has a row)
    assert not s3.owns(theirs)


def test_what_a_crash_left_is_taken_over_once_it_is_old(make_s3: MakeBackend, clock: FakeClock) -> None:
    left = fresh()
    make_s3().create_bucket(left)  # and no bucket ever came to refer to it
    put(make_s3(), left)
    make_s3().mark(left, "job", "7")
    again = fresh(left.bucket)
    with pytest.raises(BucketAlreadyExists):
        make_s3().create_bucket(again)
    clock.advance(ms=ABANDONED_MS + 1)
    with pytest.raises(BucketNotEmpty):
        make_s3().create_bucket(again)
    backend = make_s3()
    backend.delete(left, [Deletion("k")])
    backend.create_bucket(again)
    assert backend.places(left.bucket) == (again,)
    with pytest.raises(NoSuchBucket):
        make_s3().head_seq(left)


@pytest.mark.parametrize("dies", [False, True], ids=["stays", "dies"])
def test_a_marker_whose_writing_was_not_answered_makes_no_bucket_nobodys(
    s3: S3Backend, client: Client, dies: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = fresh()
    client.create_bucket(place.bucket)
    client.put(place.bucket, "theirs", b"x")
    own = s3._client

    def away(*unused: object, **more: object) -> None:
        raise Broken("It is away.")

    def put_and_lose(bucket: str, key: str, data: bytes) -> None:
        client.put(bucket, key, data)
        if dies:
            patch.setattr(own, "get", away)
        away()

    with monkeypatch.context() as patch:
        patch.setattr(own, "put", put_and_lose)
        with pytest.raises(Broken):
            s3.adopt(place)
    assert s3.places(place.bucket) == ((place,) if dies else (Place("", place.bucket, ""),))
    again = place if dies else fresh(place.bucket)
    s3.adopt(again)
    assert s3.places(place.bucket) == (again,)
    assert [info.key for info in s3.list(again).objects] == ["theirs"]


# -- being there -------------------------------------------------------------------------------
def test_a_bucket_that_is_gone_or_shows_another_marker_is_unavailable_and_never_empty(
    make_s3: MakeBackend, client: Client, place: Place
) -> None:
    put(make_s3(), place)
    client.put(place.bucket, MARKER, b'{"bucket_id": "theirs", "incarnation": "1"}')
    for call in (lambda one: one.list(place), lambda one: one.head(place, "k"), lambda one: put(one, place)):
        with pytest.raises(BackendUnavailable):
            call(make_s3())
    backend = make_s3()
    client.delete(place.bucket, MARKER)
    client.delete(place.bucket, "k")
    client.delete_bucket(place.bucket)
    with pytest.raises(BackendUnavailable, match="not there"):
        backend.list(place)
    assert backend.places(place.bucket) == ()


def test_a_process_that_knows_a_place_notices_that_its_bucket_is_gone(
    make_s3: MakeBackend, client: Client, place: Place
) -> None:
    one, other = make_s3(), make_s3()
    assert one.list(place).objects == other.list(place).objects == ()
    client.delete(place.bucket, MARKER)
    client.delete_bucket(place.bucket)
    with pytest.raises(BackendUnavailable):
        one.list(place)
    other.delete_bucket(place, force=True)
    for backend in (one, other):
        with pytest.raises(NoSuchBucket):
            backend.list(place)


def test_a_lost_row_is_made_again_by_the_marker(make_s3: MakeBackend, place: Place) -> None:
    info = make_s3().put(place, NewObject("k", owner_id="o" * 64), Bytes(b"x"))
    run("DELETE FROM proxy_s3place")
    run("DELETE FROM proxy_objectfacts")
    backend = make_s3()
    (listed,) = backend.list(place).objects
    assert (listed.owner_id, listed.last_modified) == ("o" * 64, info.last_modified)


def test_what_is_the_gateways_own_is_neither_shown_nor_taken(s3: S3Backend, place: Place) -> None:
    s3.mark(place, "job", "7")
    assert s3.list(place).objects == s3.list_versions(place).versions == ()
    assert s3.list(place, delimiter="/").prefixes == () and s3.list(place, prefix=".sl").objects == ()
    assert s3.usage(place).empty
    for key in (MARKER, ".sluicegate/x"):
        with pytest.raises(InvalidArgument):
            put(s3, place, key)
        with pytest.raises(InvalidArgument):
            s3.create_upload(place, UploadInfo("u", key, 1))
        for read in (s3.head, s3.open):
            with pytest.raises(NoSuchKey):
                read(place, key)
    put(s3, place, ".sluicegate")
    assert [info.key for info in s3.list(place).objects] == [".sluicegate"]


def test_what_a_probe_makes_is_nobodys_bucket(s3: S3Backend, client: Client) -> None:
    scratch, like_it = f"{SCRATCH}{int(time.time()):08x}-0123456789ab", f"{SCRATCH}of-somebody-else"
    for name in (scratch, like_it):
        client.create_bucket(name)
    assert scratch not in s3.real_buckets() and like_it in s3.real_buckets()
    for name in (scratch, like_it):
        client.delete_bucket(name)


# -- going -------------------------------------------------------------------------------------
def test_a_removal_that_was_cut_short_is_done_again(
    make_s3: MakeBackend, client: Client, place: Place
) -> None:
    make_s3().mark(place, "job", "1")
    client.delete(place.bucket, MARKER)  # so far it came
    client.delete(place.bucket, ".sluicegate/marks/job")
    backend = make_s3()
    backend.delete_bucket(place)
    assert backend.places(place.bucket) == ()
    assert row("SELECT count(*) FROM proxy_s3place") == (0,)
    with pytest.raises(BackendUnavailable):
        client.head_bucket(place.bucket)


def test_a_bucket_that_a_stranger_made_anew_is_not_cleared(
    s3: S3Backend, client: Client, place: Place
) -> None:
    put(s3, place)
    for key in keys(client, place):
        client.delete(place.bucket, key)
    client.delete_bucket(place.bucket)
    client.create_bucket(place.bucket)
    client.put(place.bucket, "theirs", b"x")
    s3.delete_bucket(place, force=True)
    assert keys(client, place) == ["theirs"]


def test_a_place_whose_row_was_lost_takes_nothing_with_it_that_may_be_a_strangers(
    make_s3: MakeBackend, client: Client, place: Place
) -> None:
    run("DELETE FROM proxy_s3place")
    client.create_upload(place.bucket, "theirs")
    make_s3().delete_bucket(place, force=True, unserved=True)
    assert len(client.uploads(place.bucket).uploads) == 1


def test_a_bucket_that_was_there_before_is_left_when_nobody_was_ever_served(
    s3: S3Backend, client: Client
) -> None:
    place = fresh()
    client.create_bucket(place.bucket)
    s3.create_bucket(place)
    put(s3, place)
    s3.delete_bucket(place, force=True, unserved=True)
    assert keys(client, place) == [] and s3.places(place.bucket) == ()


def test_an_adopted_bucket_keeps_everything_and_goes_only_when_it_is_empty(
    s3: S3Backend, client: Client
) -> None:
    place = fresh()
    client.create_bucket(place.bucket)
    client.put_versioning(place.bucket, "Enabled")
    client.put(place.bucket, "theirs", b"old", {"x-amz-meta-a": "b", "x-amz-tagging": "t=1"})
    before = client.head(place.bucket, "theirs")
    client.create_upload(place.bucket, "theirs")
    assert s3.adopt(place) == s3.adopt(place) == "Enabled"
    assert client.head(place.bucket, "theirs").version_id == before.version_id
    info = s3.head(place, "theirs")
    assert (info.owner_id, dict(info.metadata), dict(info.tags)) == ("", {"a": "b"}, {"t": "1"})
    assert (info.etag, info.version_id) == (before.etag, before.version_id)
    with pytest.raises(BucketNotEmpty):
        s3.delete_bucket(place, uploads=True)
    assert len(client.uploads(place.bucket).uploads) == 1


def test_wrong_credentials_are_told_by_a_check(
    s3: S3Backend, s3_services: Any, place: Place, clock: FakeClock
) -> None:
    s3.check()
    options = {**s3_services("sluicegate").options, "secret_access_key": "of somebody else"}
    stranger = S3Backend("far", options, clock)
    stranger.prepare(None)
    with pytest.raises(BackendUnavailable, match="SignatureDoesNotMatch"):
        stranger.check()
    stranger.close()


def test_prepare_knows_a_service_by_its_address_and_asks_it_nothing(
    make_s3: MakeBackend, clock: FakeClock
) -> None:
    options = {"endpoint": "http://127.0.0.1:1", "encryption": {"mode": "none"}, "retry_budget": 0.1,
               "access_key_id": "a", "secret_access_key": "b"}  # fmt: skip
    down = S3Backend("down", options, clock)
    known = down.prepare(None)
    assert S3Backend("down", {**options, "endpoint": "http://127.0.0.1:1/"}, clock).prepare(known) == known
    with pytest.raises(BackendUnavailable):
        S3Backend("down", {**options, "endpoint": "http://127.0.0.1:2"}, clock).prepare(known)
    with pytest.raises(BackendUnavailable):
        down.check()


def test_a_service_does_not_tell_what_changes_and_says_so(s3: S3Backend, place: Place) -> None:
    assert not s3.feeds_changes
    position = FeedPosition(place.bucket_id, place.incarnation, s3.head_seq(place))
    with pytest.raises(NotImplementedByUs, match="does not tell what changes"):
        s3.changes(place, position)
