"""What every backend promises about versions and delete markers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from proxy.backends import BACKENDS
from proxy.backends.base import Backend, ReaderBody
from proxy.backends.values import (
    NULL_VERSION,
    Amendment,
    Deletion,
    Lock,
    NewObject,
    ObjectInfo,
    PartRequest,
    Place,
    Precondition,
    UploadInfo,
)
from proxy.errors import (
    BucketNotEmpty,
    MethodNotAllowed,
    NoSuchKey,
    NoSuchVersion,
    NotImplementedByUs,
    PreconditionFailed,
    S3Error,
)
from proxy.wire.dates import http_date
from tests.bodies import Bytes, content, noise
from tests.conftest import FakeClock
from tests.contracts.agreeing import agree
from tests.contracts.conftest import new_place
from tests.contracts.versioned import found, line, mark, put, remove

pytestmark = pytest.mark.handed_on


# -- putting -------------------------------------------------------------------------------
def test_a_fresh_id_keeps_what_was_there(backend: Backend, place: Place) -> None:
    first, second = put(backend, place, "k", "v1"), put(backend, place, "k", "v2", noise(50_000))
    assert line(backend, place) == ["*v2", "v1"]
    assert agree(backend, second, backend.head(place, "k"), backend.head(place, "k", "v2"))
    assert (first.latest, backend.head(place, "k", "v1").latest, second.latest) == (True, False, True)
    assert content(backend.open(place, "k", "v1")) == b"v1"
    assert content(backend.open(place, "k")) == noise(50_000)
    usage = backend.usage(place)
    assert (usage.keys, usage.size, usage.versions, usage.versions_size) == (1, 50_000, 1, 2)
    assert [info.version_id for info in backend.list(place).objects] == ["v2"]


def test_the_null_version_is_replaced_wherever_it_stands(backend: Backend, place: Place) -> None:
    put(backend, place, "k", data=b"old")
    put(backend, place, "k", "v1")
    put(backend, place, "k", "v2")
    put(backend, place, "k", data=b"new")
    assert line(backend, place) == ["*null", "v2", "v1"]
    assert found(backend, place) == "new"
    usage = backend.usage(place)
    assert (usage.keys, usage.size, usage.versions, usage.versions_size) == (1, 3, 2, 4)


def test_without_versions_a_put_replaces_and_nothing_is_kept(backend: Backend, place: Place) -> None:
    put(backend, place, "k", data=b"old")
    put(backend, place, "k", data=b"newer")
    usage = backend.usage(place)
    assert (usage.keys, usage.size, usage.versions) == (1, 5, 0)
    assert line(backend, place) == ["*null"]


def test_an_open_version_stays_whole_when_it_is_removed(backend: Backend, place: Place) -> None:
    put(backend, place, "k", "v1", noise(60_000, 1))
    put(backend, place, "k", "v2", noise(60_000, 2))
    with backend.open(place, "k", "v1") as reader:
        remove(backend, place, "k", "v1")
        assert b"".join(reader.read(0, 60_000)) == noise(60_000, 1)


@pytest.mark.parametrize("size", [10, 100_000])
def test_a_copy_of_an_old_version_shares_its_bytes_and_outlives_it(
    backend: Backend, place: Place, size: int
) -> None:
    put(backend, place, "k", "v1", noise(size))
    put(backend, place, "k", "v2")
    with backend.open(place, "k", "v1") as reader:
        backend.put(place, NewObject("k", version_id="v3"), ReaderBody(reader))
        backend.put(place, NewObject("other"), ReaderBody(reader))
    for version in ("v1", "v2"):
        remove(backend, place, "k", version)
    assert content(backend.open(place, "k")) == content(backend.open(place, "other")) == noise(size)
    assert list(backend.check_store(deep=True)) == []


def test_conditions_of_a_put_are_about_the_current_version(backend: Backend, place: Place) -> None:
    old = put(backend, place, "k", "v1").etag
    put(backend, place, "k", "v2")
    with pytest.raises(PreconditionFailed):
        backend.put(place, NewObject("k", version_id="v3"), Bytes(b""), Precondition(etags=(old,)))
    mark(backend, place, "k", "m")
    with pytest.raises(NoSuchKey):
        backend.put(place, NewObject("k", version_id="v3"), Bytes(b""), Precondition(etags=("*",)))
    backend.put(place, NewObject("k", version_id="v3"), Bytes(b""), Precondition(absent=True))
    assert line(backend, place) == ["*v3", "-m", "v2", "v1"]


def test_a_finished_upload_becomes_a_version(backend: Backend, place: Place) -> None:
    put(backend, place, "k", "v1")
    lock = Lock(hold=backend.keeps_locks)
    backend.create_upload(place, UploadInfo("u", "k", 1, lock=lock, acl="theirs"))
    assert backend.head_upload(place, "u").lock == lock
    part = backend.put_part(place, "u", 1, Bytes(noise(50_000)))
    done = backend.complete_upload(place, "u", [PartRequest(1, part.etag)], version_id="v2")
    assert (done.version_id, done.lock, done.acl, done.latest) == ("v2", lock, "theirs", True)
    assert line(backend, place) == ["*v2", "v1"]
    again = backend.complete_upload(place, "u", [PartRequest(1, part.etag)], version_id="v3")
    assert again == done and agree(backend, done, backend.head(place, "k"))
    assert backend.head_upload(place, "u").completed == done


# -- delete markers -------------------------------------------------------------------------
def test_a_marker_takes_a_key_from_sight_and_keeps_its_versions(
    backend: Backend, place: Place, clock: FakeClock
) -> None:
    put(backend, place, "k", "v1")
    marker = mark(backend, place, "k", "m1")
    assert (marker.marker, marker.size, marker.etag, marker.owner_id) == (True, 0, "", "o" * 64)
    assert (marker.version_id, marker.latest) == ("m1", True)
    assert marker.last_modified // 1000 == clock() // 1000
    assert line(backend, place) == ["*-m1", "v1"]
    assert backend.list(place).objects == ()
    assert content(backend.open(place, "k", "v1")) == b"v1"
    usage = backend.usage(place)
    assert (usage.keys, usage.size, usage.versions, usage.versions_size) == (0, 0, 2, 2)
    assert not usage.empty


def test_reads_of_a_marker_say_what_it_is(backend: Backend, place: Place) -> None:
    put(backend, place, "k", "v1")
    mark(backend, place, "k", "m1")
    written = http_date(backend.list_versions(place).versions[0].last_modified)
    said = {"x-amz-delete-marker": "true", "x-amz-version-id": "m1"}
    for read in (backend.head, backend.open):
        with pytest.raises(NoSuchKey) as current:
            read(place, "k")
        assert current.value.headers == said
        with pytest.raises(MethodNotAllowed) as named:
            read(place, "k", "m1")
        assert named.value.headers == {**said, "Allow": "DELETE", "Last-Modified": written}


def test_reads_of_what_never_was_say_nothing_of_markers(backend: Backend, place: Place) -> None:
    put(backend, place, "k", "v1")
    with pytest.raises(NoSuchKey) as missing:
        backend.head(place, "other")
    assert missing.value.headers == {}
    for key in ("k", "other"):
        with pytest.raises(NoSuchVersion) as no_version:
            backend.head(place, key, "v9")
        assert no_version.value.fields == {"Key": key, "VersionId": "v9"}


def test_a_marker_is_made_where_there_is_nothing_and_again_and_again(backend: Backend, place: Place) -> None:
    mark(backend, place, "k", "m1")
    mark(backend, place, "k", "m2")
    assert line(backend, place) == ["*-m2", "-m1"]


def test_the_null_marker_replaces_the_null_version(backend: Backend, place: Place) -> None:
    put(backend, place, "k", data=b"null")
    put(backend, place, "k", "v1")
    mark(backend, place, "k", NULL_VERSION)
    assert line(backend, place) == ["*-null", "v1"]
    mark(backend, place, "k", NULL_VERSION)
    assert line(backend, place) == ["*-null", "v1"]
    put(backend, place, "k", data=b"again")
    assert line(backend, place) == ["*null", "v1"]
    mark(backend, place, "k", NULL_VERSION)
    assert line(backend, place) == ["*-null", "v1"]
    assert backend.usage(place).versions_size == 2


def test_a_marker_is_made_only_if_its_condition_holds(backend: Backend, place: Place) -> None:
    put(backend, place, "k", "v1")
    for condition, error in ((("0" * 32,), PreconditionFailed), (("*",), None), (("*",), NoSuchKey)):
        when = Precondition(etags=condition)
        (done,) = backend.delete(place, [Deletion("k", "m", marker=True, when=when)])
        assert type(done) is (error or ObjectInfo)


# -- removing -------------------------------------------------------------------------------
def test_removing_the_current_version_brings_the_next_older_back(backend: Backend, place: Place) -> None:
    for version in ("v1", "v2", "v3"):
        put(backend, place, "k", version)
    gone = remove(backend, place, "k", "v3")
    assert gone is not None and (gone.version_id, gone.latest) == ("v3", True)
    assert (line(backend, place), found(backend, place)) == (["*v2", "v1"], "v2")
    gone = remove(backend, place, "k", "v1")
    assert gone is not None and (gone.version_id, gone.latest) == ("v1", False)
    assert (line(backend, place), found(backend, place)) == (["*v2"], "v2")
    remove(backend, place, "k", "v2")
    assert backend.usage(place).empty


def test_removing_a_marker_undoes_it_and_removing_down_to_one_shows_it(
    backend: Backend, place: Place
) -> None:
    put(backend, place, "k", "v1")
    mark(backend, place, "k", "m1")
    put(backend, place, "k", "v2")
    assert found(backend, place) == "v2"
    remove(backend, place, "k", "v2")
    assert (line(backend, place), found(backend, place)) == (["*-m1", "v1"], "-")
    gone = remove(backend, place, "k", "m1")
    assert gone is not None and (gone.marker, gone.latest) == (True, True)
    assert (line(backend, place), found(backend, place)) == (["*v1"], "v1")


def test_removing_an_old_marker_changes_nothing_that_is_seen(backend: Backend, place: Place) -> None:
    mark(backend, place, "k", "m1")
    put(backend, place, "k", "v1")
    remove(backend, place, "k", "m1")
    assert (line(backend, place), found(backend, place)) == (["*v1"], "v1")


def test_a_removal_of_what_is_superseded_leaves_what_became_the_newest(
    backend: Backend, place: Place
) -> None:
    put(backend, place, "k", "v1")
    mark(backend, place, "k", "m1")
    put(backend, place, "k", "v2")

    def superseded(version: str) -> ObjectInfo | S3Error | None:
        (done,) = backend.delete(place, [Deletion("k", version, superseded=True)])
        return done

    assert isinstance(superseded("v2"), PreconditionFailed)
    remove(backend, place, "k", "v2")
    assert isinstance(superseded("m1"), PreconditionFailed), "a key that is hidden stays hidden"
    assert line(backend, place) == ["*-m1", "v1"]
    assert isinstance(superseded("v1"), ObjectInfo)
    assert superseded("v1") is None
    assert (line(backend, place), found(backend, place)) == (["*-m1"], "-")


def test_removing_what_is_not_there_is_nothing(backend: Backend, place: Place) -> None:
    put(backend, place, "k", "v1")
    seq = backend.head_seq(place)
    assert backend.delete(place, [Deletion("k", "v9"), Deletion("k"), Deletion("l", "v1")]) == [None] * 3
    assert line(backend, place) == ["*v1"]
    assert backend.head_seq(place) == seq or not backend.counts_changes


def test_conditions_of_a_removal_are_about_the_version_that_is_named(backend: Backend, place: Place) -> None:
    old, new = put(backend, place, "k", "v1"), put(backend, place, "k", "v2")
    wrong, right = Precondition(etags=(new.etag,)), Precondition(etags=(old.etag,))
    done = backend.delete(place, [Deletion("k", "v1", when=wrong), Deletion("k", "v1", when=right)])
    assert type(done[0]) is PreconditionFailed
    assert isinstance(done[1], ObjectInfo) and done[1].version_id == "v1"


def test_many_deletions_are_each_on_their_own_in_order(backend: Backend, place: Place) -> None:
    put(backend, place, "a", "v1")
    put(backend, place, "b")
    done = backend.delete(
        place,
        [
            Deletion("a", "m1", marker=True),
            Deletion("b", when=Precondition(etags=("0" * 32,))),
            Deletion("a", "m1"),
            Deletion("a", "v1"),
            Deletion("c", when=Precondition(etags=("*",))),
            Deletion("a", "v1"),
            Deletion("b"),
        ],
    )
    said = [type(one) if isinstance(one, S3Error) else one and one.version_id for one in done]
    assert said == ["m1", PreconditionFailed, "m1", "v1", NoSuchKey, None, "null"]
    assert backend.usage(place).empty
    assert backend.delete(place, []) == []


@pytest.mark.asks("counts_changes")
def test_removing_a_version_does_not_change_the_seq_of_the_one_that_comes_back(
    backend: Backend, place: Place
) -> None:
    first = put(backend, place, "k", "v1")
    put(backend, place, "k", "v2")
    remove(backend, place, "k", "v2")
    assert backend.head(place, "k") == first
    assert backend.head_seq(place) > first.seq


# -- amending -------------------------------------------------------------------------------
@pytest.mark.asks("counts_changes")
@pytest.mark.parametrize("version", ["", "v1", "v2"])
def test_tags_and_access_list_change_in_place_with_a_new_seq(
    backend: Backend, place: Place, version: str
) -> None:
    put(backend, place, "k", "v1", tags={"old": "1"}, metadata={"m": "1"}, headers={"content-type": "a/b"})
    put(backend, place, "k", "v2", tags={"old": "1"}, metadata={"m": "1"}, headers={"content-type": "a/b"})
    before = backend.head(place, "k", version)
    after = backend.amend(place, "k", version, Amendment(tags={"new": "2"}, acl="theirs"))
    assert (dict(after.tags), after.acl) == ({"new": "2"}, "theirs")
    assert after == backend.head(place, "k", version)
    assert after.seq == backend.head_seq(place) > before.seq
    unchanged = [n for n in before.__dataclass_fields__ if n not in ("tags", "acl", "seq")]
    assert [getattr(before, n) for n in unchanged] == [getattr(after, n) for n in unchanged]
    assert not backend.amend(place, "k", version, Amendment(tags={})).tags
    assert backend.head(place, "k", version).acl == "theirs"
    assert line(backend, place) == ["*v2", "v1"]


def test_only_what_can_be_read_can_be_amended(backend: Backend, place: Place) -> None:
    mark(backend, place, "k", "m1")
    for key, version, error in (
        ("k", "", NoSuchKey),
        ("k", "m1", MethodNotAllowed),
        ("k", "v9", NoSuchVersion),
        ("l", "", NoSuchKey),
    ):
        with pytest.raises(error):
            backend.amend(place, key, version, Amendment(tags={"a": "b"}))


# -- the place ------------------------------------------------------------------------------
@pytest.mark.parametrize("what", ["versions", "a marker"])
def test_a_place_with_versions_or_markers_is_not_empty(backend: Backend, place: Place, what: str) -> None:
    put(backend, place, "k", "v1")
    mark(backend, place, "k", "m1")
    if what == "a marker":
        remove(backend, place, "k", "v1")
    with pytest.raises(BucketNotEmpty):
        backend.delete_bucket(place)
    with pytest.raises(BucketNotEmpty):
        backend.delete_bucket(place, uploads=True)
    backend.delete_bucket(place, force=True)
    assert backend.places(place.bucket) == ()


def test_open_uploads_keep_a_place_unless_they_may_go_with_it(backend: Backend, place: Place) -> None:
    backend.create_upload(place, UploadInfo("u", "k", 1))
    with pytest.raises(BucketNotEmpty):
        backend.delete_bucket(place)
    backend.delete_bucket(place, uploads=True)
    assert backend.places(place.bucket) == ()


def test_threads_that_write_versions_of_one_key_keep_them_all(backend: Backend, place: Place) -> None:
    with ThreadPoolExecutor(8) as pool:
        infos = list(pool.map(lambda n: put(backend, place, "k", f"v{n}"), range(64)))
    if not backend.counts_changes:  # in what order they came, only the service's line says
        infos = list(backend.list_versions(place).versions)
    assert len({info.ordinal for info in infos}) == 64
    newest = max(infos, key=lambda info: info.ordinal).version_id
    assert line(backend, place)[0] == f"*{newest}"
    assert sorted(line(backend, place)[1:]) == sorted(i.version_id for i in infos if i.version_id != newest)
    assert found(backend, place) == newest


# -- what cannot keep them -------------------------------------------------------------------
def test_a_backend_that_keeps_no_versions_refuses_them(clock: FakeClock) -> None:
    poor = BACKENDS["memory"]("poor", {"keeps_versions": False, "keeps_locks": False}, clock)
    poor.prepare(None)
    place = new_place(poor)
    assert not poor.keeps_versions and not poor.keeps_locks
    put(poor, place, "k")
    with pytest.raises(NotImplementedByUs):
        put(poor, place, "k", "v1")
    with pytest.raises(NotImplementedByUs):
        put(poor, place, "k", lock=Lock(hold=True))
    assert type(poor.delete(place, [Deletion("k", "m", marker=True)])[0]) is NotImplementedByUs
    with pytest.raises(NotImplementedByUs):
        poor.amend(place, "k", "", Amendment(hold=True))
    assert poor.delete(place, [Deletion("k")])[0] is not None
