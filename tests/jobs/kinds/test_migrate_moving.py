"""A migration from one end to the other, on every pair of backends, and what stops it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jobs.errors import JobFailed
from proxy import gate, routes
from proxy.backends.base import ReaderBody
from proxy.backends.values import Deletion, NewObject, PartRequest, Place
from proxy.errors import BadDigest, NoSuchKey, S3Error
from proxy.models import Bucket
from proxy.records import find_bucket
from proxy.store import Store
from tests.jobs.kinds.conftest import every_pair
from tests.jobs.kinds.migrating import BIG_STEPS, SMALL_STEPS, filled_bucket, job, staged
from tests.jobs.kinds.world import (
    Bytes,
    closed,
    complete,
    contents,
    keys,
    make_bucket,
    noise,
    open_upload,
    put,
)

pytestmark = pytest.mark.usefixtures("backends")


@every_pair
@pytest.mark.parametrize("limits", [SMALL_STEPS, BIG_STEPS], ids=["small steps", "big steps"])
def test_everything_arrives_as_it_was(limits: Any) -> None:
    source = filled_bucket()
    before = contents(source)
    drive = job(limits=limits)
    drive.run()
    bucket = find_bucket("photos")
    assert bucket.route.backend == "there"
    assert contents(bucket.route) == before
    assert contents(source) == before
    assert not bucket.gate.closed
    assert drive.saved.issues == []


def test_progress_counts_each_object_once_and_all_bytes() -> None:
    source = filled_bucket()
    usage = Store.at(source).usage()
    saved = job().run(until="verify")
    assert saved.processed == usage.keys
    assert saved.bytes_done == usage.size


def test_open_uploads_go_on_after_the_flip_under_the_same_id() -> None:
    filled_bucket()
    job().run()
    store = Store.at(find_bucket("photos").route)
    store.put_part("open-with-parts", 7, Bytes(b"the end"))
    parts, _ = store.list_parts("open-with-parts")
    done = store.complete_upload(
        "open-with-parts", [PartRequest(p.number, p.etag) for p in parts if p.number != 2]
    )
    assert done.metadata == {"who": "me"}
    with store.open("to come") as reader:
        assert b"".join(reader.read(0, done.size)) == noise(9, 5 * 1024 * 1024) + b"the end"


def test_a_complete_that_is_repeated_after_the_flip_gets_the_first_answer() -> None:
    source = filled_bucket()
    asked = [PartRequest(part.number, part.etag) for part in Store.at(source).head("of parts").parts]
    job().run()
    store = Store.at(find_bucket("photos").route)
    again = store.complete_upload("upload-of-of parts", asked)
    assert again.etag == Store.at(source).head("of parts").etag


def test_what_collects_a_large_object_is_no_upload_that_clients_see() -> None:
    filled_bucket()
    job().run()
    store = Store.at(find_bucket("photos").route)
    open_ones = [upload.upload_id for upload in store.list_uploads().uploads]
    assert sorted(open_ones) == ["open-twin", "open-with-parts", "open-without-parts"]


def test_an_object_can_be_overwritten_after_the_flip() -> None:
    filled_bucket()
    job().run()
    store = Store.at(find_bucket("photos").route)
    put(store, "large", b"new")
    assert store.head("large").size == 3


def test_a_bucket_moves_back_to_where_it_was_and_the_old_place_is_replaced() -> None:
    source = filled_bucket()
    before = contents(source)
    job().run()
    put(Store.at(find_bucket("photos").route), "later", b"later")
    assert gate.close(find_bucket("photos").id, "maintenance:1")
    with pytest.raises(Exception, match="already holds"):
        job(target_backend="here")
    job(target_backend="here", replace_target=True).run()
    route = find_bucket("photos").route
    assert route.backend == "here"
    assert route.place.incarnation != source.place.incarnation
    moved = contents(route)["objects"]
    del moved["later"]
    assert moved == before["objects"]
    assert source.place not in routes.backend("here").places("photos")


# -- what verification finds -------------------------------------------------------------------


def _verify_fails_after(change: Any, match: str) -> None:
    filled_bucket()
    drive = job()
    drive.run(until="verify")
    change(Store.at(staged(drive)))
    with pytest.raises(JobFailed, match=match):
        drive.run(until="flip")
    assert find_bucket("photos").route.backend == "here"


def _rewrite(store: Store, key: str, **changes: Any) -> None:
    """The same object with other facts."""
    with store.open(key) as reader:
        new = NewObject.copy_of(reader.info)
        for name, value in changes.items():
            object.__setattr__(new, name, value)
        store.put(new, ReaderBody(reader))


def test_one_key_too_many_fails_the_job() -> None:
    _verify_fails_after(lambda target: put(target, "b", b"x"), r"^b: the source has no such object")


def test_one_key_too_many_after_the_last_fails_the_job() -> None:
    _verify_fails_after(
        lambda target: put(target, "\U0010ffff", b"x"), "^\U0010ffff: the source has no such object"
    )


@pytest.mark.parametrize("key", ["a", "plain", "\U0001f600"])
def test_one_key_too_few_fails_the_job(key: str) -> None:
    _verify_fails_after(lambda target: target.delete(Deletion(key)), f"^{key}: the target has no such object")


def test_other_bytes_of_the_same_length_fail_the_job() -> None:
    _verify_fails_after(lambda target: put(target, "plain", noise(99, 3000)), r"^plain: (etag|last_modified)")


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("metadata", {"camera": "two"}),
        ("headers", {"content-type": "image/gif"}),
        ("tags", {}),
        ("owner_id", "b" * 64),
    ],
)
def test_another_fact_fails_the_job(fact: str, value: Any) -> None:
    _verify_fails_after(lambda target: _rewrite(target, "facts", **{fact: value}), f"^facts: {fact}")


def test_an_upload_too_few_fails_the_job() -> None:
    _verify_fails_after(lambda target: target.abort_upload("open-twin"), "open-twin.*no such upload")


def test_an_upload_too_many_fails_the_job() -> None:
    _verify_fails_after(
        lambda target: open_upload(target, "alien", "k", {}), "alien.*source has no such upload"
    )


def test_a_part_too_few_or_too_many_fails_the_job() -> None:
    _verify_fails_after(lambda target: target.put_part("open-twin", 4, Bytes(b"x")), "open-twin.*part 4")


def test_other_bytes_in_a_part_fail_the_job() -> None:
    _verify_fails_after(
        lambda target: target.put_part("open-twin", 3, Bytes(noise(1, 50))), "open-twin.*part 3"
    )


def test_a_body_that_differs_where_the_etag_says_nothing_is_found_by_comparing() -> None:
    """A multipart ETag does not tell the bytes of the object as a whole: the parts do."""

    def swap(target: Store) -> None:
        info = target.head("of one part")
        target.put(NewObject.copy_of(info), Bytes(noise(55, info.size)))

    _verify_fails_after(swap, r"^of one part: the bytes 0 to \d+ have the MD5")


def test_a_source_that_vanishes_behind_our_back_after_its_copy_fails_the_job() -> None:
    source = filled_bucket()
    drive = job()
    drive.run(until="verify")
    Store.at(source).delete(Deletion("facts"))
    with pytest.raises(JobFailed, match=r"^facts: the source has no such object"):
        drive.run()


def test_a_source_that_changes_while_it_is_verified_is_not_flipped() -> None:
    source = filled_bucket()
    drive = job()
    drive.run(until="flip")
    put(Store.at(source), "a", b"behind our back")
    with pytest.raises(JobFailed, match="changed behind the gate"):
        drive.run()
    assert find_bucket("photos").route == source
    assert find_bucket("photos").gate.closed


def test_a_source_object_that_vanishes_before_its_copy_is_passed_over() -> None:
    source = filled_bucket()
    gone = []

    def delete_one(event: str) -> None:
        if event == "effect begins" and not gone and drive.saved.phase == "copy":
            gone.append(Store.at(source).delete(Deletion("a/b")))

    drive = job(happens=delete_one)
    drive.run()
    assert gone
    assert contents(find_bucket("photos").route)["objects"] == contents(source)["objects"]


@pytest.mark.parametrize("backends", [("filesystem", "memory")], indirect=True)
@pytest.mark.parametrize("inside", ['"offset":', '"inside":"large"'], ids=["between pieces", "at the end"])
def test_a_large_source_that_is_replaced_inside_its_copy_fails_the_job(inside: str) -> None:
    source = filled_bucket()
    replaced = []

    def replace(event: str) -> None:
        if event == "before checkpoint" and inside in (drive.saved.token or "") and not replaced:
            replaced.append(put(Store.at(source), "large", noise(77, 700 * 1024 + 17)))

    drive = job(happens=replace)
    with pytest.raises(JobFailed, match=r"^large: the object was replaced while it was copied"):
        drive.run()
    assert replaced


def test_a_target_that_refuses_a_body_stops_the_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    filled_bucket()
    drive = job()
    drive.run(until="copy")

    def refuse(*_: Any, **__: Any) -> None:
        raise BadDigest()

    monkeypatch.setattr(routes.backend("there"), "put", refuse)
    with pytest.raises(S3Error):
        drive.run()


def test_a_target_that_confirms_its_copies_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    filled_bucket()
    drive = job()
    drive.run(until="verify")
    monkeypatch.setattr(type(routes.backend("there")), "confirms_copies", True, raising=False)
    info = Store.at(staged(drive)).head("of one part")
    Store.at(staged(drive)).put(NewObject.copy_of(info), Bytes(noise(55, info.size)))
    drive.run()
    assert find_bucket("photos").route.backend == "there"


# -- stage ---------------------------------------------------------------------------------------


def test_the_route_of_the_staged_place_is_saved_before_the_place_is_made() -> None:
    filled_bucket()
    seen: list[tuple[bool, int]] = []

    def look(event: str) -> None:
        if event == "effect begins" and drive.saved.phase == "stage":
            known = "target" in json.loads(drive.saved.state)
            seen.append((known, len(routes.backend("there").places("photos"))))

    drive = job(happens=look)
    drive.run(until="copy")
    assert seen == [(True, 0)]
    assert staged(drive).place in routes.backend("there").places("photos")


def test_staging_leaves_no_mark() -> None:
    source = filled_bucket()
    drive = job()
    drive.run(until="copy")
    target = staged(drive)
    assert routes.backend("there").marked(target.place, "migration") is None
    assert routes.backend("here").marked(source.place, "migration") is None


def test_a_target_that_fills_up_between_plan_and_stage_fails_the_job() -> None:
    filled_bucket()
    drive = job()
    place = Place("f" * 32, "photos", "old")
    routes.backend("there").create_bucket(place)
    routes.backend("there").put(place, NewObject(key="k"), Bytes(b"x"))
    with pytest.raises(JobFailed, match="already holds 1 keys") as caught:
        drive.run()
    assert caught.value.code == "TargetNotEmpty"


def test_a_target_that_is_the_source_under_another_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    filled_bucket()
    drive = job()
    notes: dict[str, str | None] = {}
    for name in ("here", "there"):
        backend = routes.backend(name)
        monkeypatch.setattr(backend, "mark", lambda place, name, text: notes.__setitem__(name, text))
        monkeypatch.setattr(backend, "marked", lambda place, name: notes.get(name))
    with pytest.raises(JobFailed, match="two names of one place"):
        drive.run()
    drive.unwind()
    assert drive.saved.issues[0].code == "SamePlace"
    assert staged(drive).place in routes.backend("there").places("photos")
    assert notes == {"migration": None}


def test_a_bucket_that_has_moved_meanwhile_is_not_flipped() -> None:
    filled_bucket()
    drive = job()
    drive.run(until="flip")
    Bucket.objects.filter(name="photos").update(incarnation="another")
    with pytest.raises(JobFailed, match="not where it was"):
        drive.run()


def test_without_the_gate_nothing_is_flipped() -> None:
    filled_bucket()
    drive = job()
    drive.run(until="flip")
    Bucket.objects.filter(name="photos").update(gate_holder="maintenance:2")
    with pytest.raises(JobFailed, match="does not hold the gate"):
        drive.run()
    assert find_bucket("photos").gate.holder == "maintenance:2"
    assert find_bucket("photos").route.backend == "here"


def test_an_empty_bucket_moves() -> None:
    closed(make_bucket("bare"))
    job("bare").run()
    assert find_bucket("bare").route.backend == "there"
    assert keys(Store.at(find_bucket("bare").route)) == []


def test_a_migration_into_a_bucket_that_has_finished_uploads_knows_them_later() -> None:
    source = filled_bucket()
    complete(Store.at(source), "open-twin")
    job().run()
    store = Store.at(find_bucket("photos").route)
    assert store.head_upload("open-twin").completed is not None
    with pytest.raises(NoSuchKey):
        store.head("never")
