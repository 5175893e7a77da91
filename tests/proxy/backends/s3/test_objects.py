"""One object by GET, HEAD and LIST, whoever wrote it and whatever was forgotten of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from proxy.backends.base import ReaderBody
from proxy.backends.encrypted import SEALING, Encrypted
from proxy.backends.s3 import S3Backend
from proxy.backends.s3.capabilities import Capabilities
from proxy.backends.s3.client import Client
from proxy.backends.s3.reader import AHEAD_BYTES, Replaced, S3Reader
from proxy.backends.s3.tables import rows, run
from proxy.backends.seals import Reseal
from proxy.backends.values import (
    NULL_VERSION,
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
    BadDigest,
    InvalidArgument,
    MetadataTooLarge,
    NotImplementedByUs,
    PreconditionFailed,
    S3Error,
)
from tests.bodies import Bytes, Failing, content, noise
from tests.bucket_keys import HeldKeys
from tests.contracts.agreeing import agree
from tests.s3services import Service

MIB = 1024 * 1024
OWNER = "o" * 64


@pytest.fixture
def client(s3_services: Any) -> Iterator[Client]:
    """The service as a stranger sees it."""
    service: Service = s3_services("sluicegate")
    made = service.client()
    yield made
    made.close()


def forget_rows() -> None:
    """As after the control database was lost."""
    run("DELETE FROM proxy_objectfacts")


def looks(backend: Any, place: Place, key: str = "k") -> list[ObjectInfo]:
    """What HEAD, GET and the listings say, as far as listings tell."""
    with backend.open(place, key) as reader:
        opened = reader.info
    (listed,) = backend.list(place, prefix=key).objects
    version = backend.list_versions(place, prefix=key).versions[0]
    return [backend.head(place, key), opened, listed, version]


def told(info: ObjectInfo) -> tuple[object, ...]:
    return (
        info.size, info.etag, info.last_modified, info.owner_id, dict(info.checksums), info.version_id,
        info.ordinal, info.seq, info.latest,
    )  # fmt: skip


def all_alike(infos: list[ObjectInfo]) -> bool:
    return len({repr(told(info)) for info in infos}) == 1


# -- the same by every way -----------------------------------------------------------------------
@pytest.mark.parametrize("size", [0, 5, AHEAD_BYTES, AHEAD_BYTES + 1])
@pytest.mark.parametrize("versioned", [False, True])
def test_what_we_wrote_is_told_alike_with_rows_and_without(
    s3: S3Backend, place: Place, size: int, versioned: bool
) -> None:
    if versioned:
        s3.set_versioning(place, "Enabled")
    new = NewObject("k", owner_id=OWNER, acl="theirs", version_id="new" if versioned else NULL_VERSION)
    info = s3.put(place, new, Bytes(noise(size), "crc32"))
    before = looks(s3, place)
    assert all_alike(before) and agree(s3, before[0], before[1], info)
    forget_rows()
    after = looks(s3, place)
    assert all_alike(after) and agree(s3, after[0], before[0])


def test_what_a_stranger_writes_over_it_is_told_alike(s3: S3Backend, client: Client, place: Place) -> None:
    s3.put(place, NewObject("k", owner_id=OWNER), Bytes(b"ours", "crc32"))
    client.put(place.bucket, "k", b"theirs", {"content-type": "a/b"})
    found = looks(s3, place)
    assert all_alike(found)
    assert (found[0].size, found[0].owner_id, dict(found[0].checksums)) == (6, "", {})


def test_the_same_bytes_written_by_a_stranger_are_not_taken_for_ours(
    s3: S3Backend, client: Client, place: Place
) -> None:
    info = s3.put(place, NewObject("k", owner_id=OWNER), Bytes(b"same"))
    run("UPDATE proxy_objectfacts SET written_ms = written_ms - 60000")
    client.put(place.bucket, "k", b"same")
    found = looks(s3, place)
    assert all_alike(found) and found[0].etag == info.etag and found[0].owner_id == ""


def test_what_a_stranger_removes_is_gone(s3: S3Backend, client: Client, place: Place) -> None:
    s3.put(place, NewObject("k"), Bytes(b"x"))
    client.delete(place.bucket, "k")
    assert s3.list(place).objects == () and s3.delete(place, [Deletion("k")]) == [None]


def test_a_check_finds_what_is_not_whole_and_drops_rows_of_what_is_gone(
    s3: S3Backend, client: Client, place: Place
) -> None:
    for key in ("a", "b", "c/d", "e"):
        s3.put(place, NewObject(key), Bytes(key.encode()))
    sealed = Encrypted(s3, HeldKeys(), SEALING)
    sealed.put(place, NewObject("sealed"), Bytes(noise(700)))
    for key in ("b", "e"):
        client.delete(place.bucket, key)
    assert list(sealed.check_store(deep=True)) == []
    assert rows("SELECT key FROM proxy_objectfacts ORDER BY key") == [(b"a",), (b"c/d",), (b"sealed",)]
    stored, head = b"".join(client.get(place.bucket, "sealed")), client.head(place.bucket, "sealed")
    said = {name: value for name, value in head.headers.items() if name.startswith("x-amz-meta-")}
    client.put(place.bucket, "sealed", stored[:50] + b"?" + stored[51:], said)
    (finding,) = sealed.check_store(deep=True)
    assert finding.key == "sealed" and "cannot be read" in finding.problem


def test_versions_of_one_second_keep_their_line_when_rows_are_lost(s3: S3Backend, place: Place) -> None:
    s3.set_versioning(place, "Enabled")
    infos = [s3.put(place, NewObject("k", version_id="new"), Bytes(b"%d" % n)) for n in range(7)]
    line = [info.version_id for info in s3.list_versions(place).versions]
    assert line == [info.version_id for info in reversed(infos)]
    forget_rows()
    alone = [s3.head(place, "k", version_id).ordinal for version_id in line[3:]]
    paged = []
    after: tuple[str, str] | None = ("", "")
    while after is not None:
        page = s3.list_versions(place, after=after, limit=2)
        paged += [info.ordinal for info in page.versions]
        after = page.last
    assert paged == sorted(set(paged), reverse=True) and paged[3:] == alone
    assert [info.ordinal for info in s3.list_versions(place).versions] == paged


# -- writing -------------------------------------------------------------------------------------
@pytest.mark.parametrize(("size", "length"), [(3 * MIB, 3 * MIB), (20 * MIB + 1, None), (9 * MIB, None)])
def test_streams_of_known_and_unknown_length_arrive(
    s3: S3Backend, place: Place, size: int, length: int | None
) -> None:
    data = noise(size)
    info = s3.put(place, NewObject("k", owner_id=OWNER), Bytes(data, "crc32", length=length))
    assert agree(s3, info, s3.head(place, "k")) and content(s3.open(place, "k")) == data
    forget_rows()
    again = s3.head(place, "k")
    assert (again.size, again.owner_id, again.last_modified) == (size, OWNER, info.last_modified)


def test_a_stream_that_fails_leaves_neither_object_nor_upload(
    s3: S3Backend, client: Client, place: Place
) -> None:
    for length in (None, 30 * MIB):
        with pytest.raises(BadDigest):
            s3.put(place, NewObject("k"), Failing([noise(MIB)] * 18, BadDigest(), length))
    assert s3.usage(place).empty and client.uploads(place.bucket).uploads == ()


def test_metadata_has_less_room_and_reserved_names_have_none(s3: S3Backend, place: Place) -> None:
    with pytest.raises(MetadataTooLarge, match="bytes are left for yours"):
        s3.put(place, NewObject("k", metadata={"a": "x" * 2040}, owner_id=OWNER), Bytes(b"x"))
    with pytest.raises(InvalidArgument):
        s3.put(place, NewObject("k", metadata={"sluicegate-facts": "{}"}), Bytes(b"x"))
    assert s3.usage(place).empty
    info = s3.put(place, NewObject("k", metadata={"a": "x" * 1800}, owner_id=OWNER), Bytes(b"x"))
    assert agree(s3, info, s3.head(place, "k"))


def test_a_condition_that_only_we_can_judge_holds_against_a_stranger(
    s3: S3Backend, client: Client, place: Place
) -> None:
    info = s3.put(place, NewObject("k"), Bytes(b"seen"))
    when = Precondition(size=4, modified=info.last_modified)

    class Slow(Bytes):
        """While it is sent, somebody else writes."""

        def __iter__(self) -> Iterator[bytes]:
            client.put(place.bucket, "k", b"theirs")
            return super().__iter__()

    with pytest.raises(S3Error) as refused:
        s3.put(place, NewObject("k"), Slow(b"ours"), when)
    assert refused.value.status in (409, 412)
    assert content(s3.open(place, "k")) == b"theirs"
    (done,) = s3.delete(place, [Deletion("k", when=Precondition(etags=(info.etag,)))])
    assert isinstance(done, PreconditionFailed)


def test_a_copy_on_the_service_moves_no_bytes(s3: S3Backend, place: Place) -> None:
    data = noise(3 * MIB)
    s3.put(place, NewObject("from", metadata={"a": "1"}), Bytes(data, "crc32"))
    moved = 0

    def count() -> None:
        nonlocal moved
        moved += 1

    with s3.open(place, "from") as reader:
        assert s3.can_link(reader)
        copy = s3.put(place, NewObject("to", metadata={"b": "2"}), ReaderBody(reader, pulse=count))
    assert moved == 0 and content(s3.open(place, "to")) == data
    assert agree(s3, copy, s3.head(place, "to")) and dict(copy.metadata) == {"b": "2"}
    assert "crc32" in copy.checksums


# -- reading -------------------------------------------------------------------------------------
def test_pieces_of_two_objects_are_never_put_together(s3: S3Backend, place: Place) -> None:
    old = noise(4 * MIB, 1)
    s3.put(place, NewObject("k"), Bytes(old))
    with s3.open(place, "k") as reader:
        begun = reader.read(0, 4 * MIB)
        first = next(begun)
        s3.put(place, NewObject("k"), Bytes(noise(4 * MIB, 2)))
        with pytest.raises(Replaced):
            for piece in begun:
                first += piece
    assert old.startswith(first)


def test_a_version_that_is_open_stays_readable_when_another_comes(s3: S3Backend, place: Place) -> None:
    s3.set_versioning(place, "Enabled")
    old = noise(2 * MIB, 1)
    s3.put(place, NewObject("k", version_id="new"), Bytes(old))
    with s3.open(place, "k") as reader:
        s3.put(place, NewObject("k", version_id="new"), Bytes(b"other"))
        assert b"".join(reader.read(0, 2 * MIB)) == old


def test_a_small_object_takes_one_question(s3: S3Backend, place: Place, client: Client) -> None:
    s3.put(place, NewObject("k"), Bytes(b"small"))
    reader = s3.open(place, "k")
    assert isinstance(reader, S3Reader)
    client.delete(place.bucket, "k")
    assert content(reader) == b"small"


# -- changing what is said -----------------------------------------------------------------------
def test_tags_change_in_place_and_access_lists_by_a_copy(s3: S3Backend, place: Place) -> None:
    before = s3.put(
        place, NewObject("k", tags={"a": "1"}, metadata={"m": "1"}, owner_id=OWNER), Bytes(b"x", "crc32")
    )
    after = s3.amend(place, "k", "", Amendment(tags={"b": "2"}, acl="theirs"))
    found = s3.head(place, "k")
    assert (dict(found.tags), found.acl, dict(found.metadata)) == ({"b": "2"}, "theirs", {"m": "1"})
    assert agree(s3, after, found) and told(found)[:5] == told(before)[:5]
    s3.amend(place, "k", "", Amendment(tags={}))
    assert not s3.head(place, "k").tags and all_alike(looks(s3, place))
    s3.set_versioning(place, "Enabled")
    with pytest.raises(NotImplementedByUs):
        s3.amend(place, "k", "", Amendment(acl="others"))
    assert dict(s3.amend(place, "k", "", Amendment(tags={"c": "3"})).tags) == {"c": "3"}


# -- sealed bodies -------------------------------------------------------------------------------
def test_a_sealed_object_tells_everything_again_when_rows_are_lost(
    s3: S3Backend, client: Client, place: Place
) -> None:
    sealed = Encrypted(s3, HeldKeys(), SEALING)
    for size in (0, 700, 3 * MIB):
        data = noise(size)
        sealed.put(place, NewObject("k", owner_id=OWNER), Bytes(data, "crc32"))
        assert client.head(place.bucket, "k").size > size
        before = looks(sealed, place)
        forget_rows()
        after = looks(sealed, place)
        assert all_alike(before) and agree(s3, after[0], before[0]) and all_alike(after)
        assert content(sealed.open(place, "k")) == data


def test_a_sealed_multipart_object_tells_its_parts_again_when_rows_are_lost(
    s3: S3Backend, place: Place
) -> None:
    sealed = Encrypted(s3, HeldKeys(), SEALING)
    data = noise(6 * MIB)
    sealed.create_upload(place, UploadInfo("u", "k", 1, owner_id=OWNER))
    asked = [
        PartRequest(n, sealed.put_part(place, "u", n, Bytes(part)).etag)
        for n, part in ((1, data[: 5 * MIB]), (4, data[5 * MIB :]))
    ]
    done = sealed.complete_upload(place, "u", asked)
    forget_rows()
    (listed,) = sealed.list(place).objects
    again = sealed.head(place, "k")
    assert (again.etag, again.size, again.owner_id) == (done.etag, 6 * MIB, OWNER)
    assert (listed.etag, listed.size) == (done.etag, 6 * MIB)
    assert [(part.number, part.size, part.etag) for part in again.parts] == [
        (part.number, part.size, part.etag) for part in done.parts
    ]
    assert content(sealed.open(place, "k")) == data


def test_another_wrap_moves_no_body_and_counts_only_while_the_old_one_is_there(
    s3: S3Backend, client: Client, place: Place
) -> None:
    keys = HeldKeys()
    sealed = Encrypted(s3, keys, SEALING)
    sealed.put(place, NewObject("k", metadata={"m": "1"}), Bytes(noise(5000)))
    before, stored = sealed.head(place, "k"), b"".join(client.get(place.bucket, "k"))
    (entry,) = s3.list_seals(place).entries
    change = Reseal("k", entry.version_id, entry.wrap, f"{entry.wrap}x")
    assert s3.count_seals(place) == {entry.wrap.rpartition(".")[0]: 1}
    assert s3.reseal(place, [change, change, Reseal("gone", NULL_VERSION, "a", "b")]) == [True, False, False]
    after = sealed.head(place, "k")
    assert after.seal is not None and after.seal.wrap == change.new
    assert told(after)[:5] == told(before)[:5] and dict(after.metadata) == {"m": "1"}
    assert b"".join(client.get(place.bucket, "k")) == stored
    s3.set_versioning(place, "Enabled")
    back = Reseal("k", entry.version_id, change.new, entry.wrap)
    assert s3.reseal(place, [back]) == [False]


# -- what was done and not answered, and what cannot be done ----------------------------------------
def test_a_completion_that_is_asked_for_again_is_not_kept_by_its_own_object(
    s3: S3Backend, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.create_upload(place, UploadInfo("u", "k", 1))
    part = s3.put_part(place, "u", 1, Bytes(b"x"))
    parts, new = [PartRequest(1, part.etag)], Precondition(absent=True)

    def crash(*unused: object) -> ObjectInfo:
        raise ConnectionAbortedError

    with monkeypatch.context() as patch:
        patch.setattr(s3._uploads, "_finished", crash)
        with pytest.raises(ConnectionAbortedError):
            s3.complete_upload(place, "u", parts, new)
    done = s3.complete_upload(place, "u", parts, new)
    assert done.etag == s3.head(place, "k").etag
    s3.create_upload(place, UploadInfo("v", "k", 1))
    s3.put_part(place, "v", 1, Bytes(b"x"))
    with pytest.raises(PreconditionFailed):
        s3.complete_upload(place, "v", parts, new)


@pytest.mark.parametrize("key", ["a//b", "/a", "a/../b", "./a", "a\\b", "a//"])
def test_a_key_that_would_become_another_is_refused(
    s3: S3Backend, place: Place, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.put(place, NewObject(key), Bytes(b"x"))
    folds = Capabilities(exact_keys=False)
    monkeypatch.setattr("proxy.backends.s3.abilities.known", lambda client: folds)
    for write in (
        lambda: s3.put(place, NewObject(key), Bytes(b"y")),
        lambda: s3.create_upload(place, UploadInfo("u", key, 1)),
    ):
        with pytest.raises(NotImplementedByUs, match="'far' would keep the key"):
            write()
    s3.put(place, NewObject("a/b/"), Bytes(b""))
