"""Re-encryption in memory and in a folder: every version as configured, and nothing else of it changed."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from jobs.kinds.pieces import Limits
from jobs.kinds.reencrypt import Reencrypt
from jobs.kinds.reencryption.planning import preview
from proxy import routes
from proxy.backends import BACKENDS
from proxy.backends.memory import MemoryBackend
from proxy.backends.values import Lock, Route
from proxy.bucket_keys import BucketKeys, forget_bucket
from proxy.crypto.ring import MissingKey
from proxy.records import find_bucket
from proxy.resealing import Resealing
from proxy.rings import ring_of
from proxy.store import Store
from tests.jobs.kinds.driving import Drive, Killed
from tests.jobs.kinds.encrypting import PLAIN, SEALED, House, entries, modes, reencryption
from tests.jobs.kinds.world import (
    KIB,
    closed,
    contents,
    fill,
    fill_versions,
    make_bucket,
    mark,
    noise,
    open_upload,
    put,
    put_in_parts,
)


@pytest.fixture(params=["memory", "filesystem"])
def house(
    request: pytest.FixtureRequest, settings: Any, tmp_path: Path, db: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[House]:
    settings.CLEANUP_GRACE_SECONDS = 0
    if request.param == "memory":
        one = MemoryBackend("here", lambda: 1_750_000_000_000)
        monkeypatch.setitem(BACKENDS, "memory", lambda *_: one)
    made = House(settings, request.param, tmp_path)
    made.set(PLAIN)
    yield made
    made.close()


def filled() -> Route:
    """Objects, versions, markers and locks of every kind, no open upload; the gate is closed."""
    bucket = make_bucket()
    store = Store.at(bucket.route)
    put(store, "empty", b"")
    put(store, "in a file", noise(31, 70 * KIB), headers={"content-type": "image/png"}, tags={"a": "b"})
    put(store, "large", noise(32, 300 * KIB + 17))
    put_in_parts(store, "of a part", noise(33, 40 * KIB))
    put(store, "kept", b"first", version_id="v-1", tags={"a": "1"})
    put(store, "kept", b"without an id")
    mark(store, "kept", "m-1")
    put(store, "kept", noise(34, 270 * KIB), version_id="v-2", metadata={"camera": "two"}, acl="an acl")
    put(store, "kept", noise(35, 40 * KIB), version_id="v-3")
    put(store, "hidden", b"hidden", version_id="h-1")
    mark(store, "hidden", "m-2")
    put(store, "locked", noise(40, 300 * KIB), version_id="l-1", lock=Lock(hold=True))
    put(store, "locked", noise(41, 10), version_id="l-2", lock=Lock("COMPLIANCE", 4_000_000_000_000))
    closed(bucket)
    return bucket.route


def ring_keys(route: Route) -> set[str]:
    """The ids of the ring's keys that the bucket's keys need."""
    backend = routes.backend(route.backend)
    keys = BucketKeys(route.backend, ring_of(route.backend), backend, lambda: 0)
    return {record.ring_key_id for record in keys.records(route.place.bucket_id)}


def found(drive: Drive) -> Mapping[str, Any]:
    """What the job tells operators."""
    return drive.kind.report(json.loads(drive.saved.state))


def bucket_keys(route: Route) -> set[str]:
    return Resealing.at(route).needed()


# -- modes ----------------------------------------------------------------------------------------


def test_a_plain_bucket_is_sealed_and_nothing_else_of_it_changes(house: House) -> None:
    route = filled()
    before = contents(route)
    house.set(SEALED, "ring-1")
    saved = reencryption().run()
    number = len(entries(route))
    assert saved.ended and saved.issues == []
    assert modes(route) == {SEALED: number}
    assert contents(route) == before
    assert (saved.processed, saved.skipped) == (number, 0)
    assert saved.bytes_done == sum(entry.size for entry in entries(route))


def test_a_sealed_bucket_is_opened_again_and_its_keys_go(house: House) -> None:
    house.set(SEALED, "ring-1")
    route = filled()
    before = contents(route)
    house.set(PLAIN, "ring-1")
    saved = reencryption().run()
    assert modes(route) == {PLAIN: len(entries(route))}
    assert contents(route) == before and saved.issues == []
    assert ring_keys(route) == set()
    house.set(PLAIN)
    assert contents(route) == before


def test_what_is_right_already_is_passed_over(house: House) -> None:
    house.set(SEALED, "ring-1")
    route = filled()
    wraps = [entry.wrap for entry in entries(route)]
    saved = reencryption().run()
    assert [entry.wrap for entry in entries(route)] == wraps
    assert saved.skipped and saved.bytes_done == 0 and saved.processed == len(wraps)


def test_a_mixed_bucket_comes_to_one_mode(house: House) -> None:
    route = filled()
    house.set(SEALED, "ring-1")
    store = Store.at(route)
    put(store, "sealed before", noise(50, 70 * KIB))
    reencryption("rewrap").run()
    put(store, "under another key", noise(51, 100))
    house.set(SEALED, "ring-1", "ring-2")
    before = contents(route)
    assert set(modes(route)) == {PLAIN, SEALED}
    saved = reencryption().run()
    assert set(modes(route)) == {SEALED} and contents(route) == before
    assert 0 < saved.bytes_done < sum(entry.size for entry in entries(route))


def test_everything_that_a_bucket_can_hold_is_sealed(house: House) -> None:
    bucket = make_bucket()
    fill(Store.at(bucket.route))
    fill_versions(Store.at(bucket.route))
    closed(bucket)
    before = contents(bucket.route)
    house.set(SEALED, "ring-1")
    saved = reencryption().run()
    assert modes(bucket.route) == {SEALED: saved.processed} and contents(bucket.route) == before
    assert {issue.code for issue in saved.issues} == {"OpenUpload"}


# -- keys -----------------------------------------------------------------------------------------


def test_rotating_a_key_of_the_ring_touches_no_object_and_frees_the_old_one(house: House) -> None:
    house.set(SEALED, "ring-1")
    route = filled()
    before, wraps = contents(route), [entry.wrap for entry in entries(route)]
    for old, new in (("ring-1", "ring-2"), ("ring-2", "ring-3")):
        house.set(SEALED, old, new)
        assert ring_keys(route) == {old}
        reencryption().run()
        assert ring_keys(route) == {new}
    assert [entry.wrap for entry in entries(route)] == wraps
    house.set(SEALED, "ring-3")
    assert contents(route) == before


def test_a_key_of_the_ring_can_be_retired_once_the_buckets_are_encrypted_anew(house: House) -> None:
    house.set(SEALED, "ring-1")
    route = filled()
    before = contents(route)
    house.set(SEALED, "ring-1", "ring-2")
    with pytest.raises(CommandError, match="photos"):
        call_command("keys", "retire", "ring-1")
    reencryption().run()
    told = io.StringIO()
    call_command("keys", "retire", "ring-1", stdout=told, stderr=io.StringIO())
    assert "nothing needs ring-1" in told.getvalue()
    house.set(SEALED, "ring-2")
    call_command("keys", "check", stdout=told)
    assert contents(route) == before


def test_a_bucket_without_markers_is_found_right_by_counts_alone(house: House) -> None:
    house.set(SEALED, "ring-1")
    bucket = make_bucket()
    store = Store.at(bucket.route)
    put(store, "kept", b"first", version_id="v-1")
    put(store, "kept", b"newest", version_id="v-2")
    open_upload(store, "u-1", "to come", {1: b"part"})
    closed(bucket)
    pages = 0

    def count(event: str) -> None:
        nonlocal pages
        pages += event == "page"

    drive = reencryption(happens=count, limits=Limits(page_entries=1))
    saved = drive.run()
    assert (saved.processed, saved.skipped > 0, pages) == (2, True, 8)
    assert found(drive)["survey"]["ways"] == {"right": {"objects": 2, "bytes": 11}}
    mark(store, "kept", "m-1")
    assert reencryption(happens=count, limits=Limits(page_entries=1)).run().processed == 2
    assert pages > 8 + 8


@pytest.mark.parametrize("mode", ["rewrap", "rewrite"])
def test_a_fresh_bucket_key_takes_over_twice_in_a_row(house: House, mode: str) -> None:
    house.set(SEALED, "ring-1")
    route = filled()
    before = contents(route)
    for _ in range(2):
        old, wraps = bucket_keys(route), {entry.wrap for entry in entries(route)}
        saved = reencryption(mode).run()
        new = bucket_keys(route)
        assert len(new) == 1 and new.isdisjoint(old) and saved.issues == []
        assert wraps.isdisjoint({entry.wrap for entry in entries(route)})
        assert ring_keys(route) == {"ring-1"}
        assert (saved.bytes_done > 0) is (mode == "rewrite")
        assert contents(route) == before


def test_a_rewrap_moves_no_body_and_a_rewrite_all(house: House) -> None:
    house.set(SEALED, "ring-1")
    route = filled()
    bodies = {each.body_id for entry in entries(route) for each in entry.segments}
    reencryption("rewrap").run()
    assert {each.body_id for entry in entries(route) for each in entry.segments} == bodies
    reencryption("rewrite").run()
    assert bodies.isdisjoint({each.body_id for entry in entries(route) for each in entry.segments})


def test_a_rewrap_leaves_what_is_in_another_mode(house: House) -> None:
    route = filled()
    house.set(SEALED, "ring-1")
    put(Store.at(route), "sealed", b"body")
    saved = reencryption("rewrap").run()
    assert modes(route) == {PLAIN: len(entries(route)) - 1, SEALED: 1}
    assert saved.skipped and saved.bytes_done == 0


def test_a_key_that_the_ring_lacks_is_named_and_nothing_is_changed(house: House) -> None:
    house.set(SEALED, "ring-1")
    route = filled()
    wraps = [entry.wrap for entry in entries(route)]
    house.set(SEALED, "ring-2")
    with pytest.raises(MissingKey, match="ring-1"):
        reencryption().run()
    assert [entry.wrap for entry in entries(route)] == wraps


def test_records_that_the_control_database_has_lost_come_from_their_copy(house: House) -> None:
    house.set(SEALED, "ring-1")
    route = filled()
    before = contents(route)
    forget_bucket(route.place.bucket_id, "here")
    house.set(SEALED, "ring-1", "ring-2")
    reencryption().run()
    assert ring_keys(route) == {"ring-2"}
    house.set(SEALED, "ring-2")
    assert contents(route) == before


def test_the_end_tells_what_each_key_seals(house: House) -> None:
    house.set(SEALED, "ring-1")
    route = filled()
    drive = reencryption("rewrap")
    saved = drive.run()
    report = found(drive)
    assert report["seals"] == {f"v1.b.{next(iter(bucket_keys(route)))}": saved.processed}
    assert report["survey"]["ways"]["rewrap"]["objects"] == saved.processed


# -- what cannot be, and what fails ----------------------------------------------------------------


def test_what_a_clients_key_seals_stays_and_is_counted(house: House) -> None:
    house.set(SEALED, "ring-1")
    route = filled()
    wanted = len(entries(route))
    put(Store.at(route), "theirs", b"secret", customer_key=b"k" * 32)
    (theirs,) = [entry.wrap for entry in entries(route) if entry.key == "theirs"]
    drive = reencryption("rewrite")
    saved = drive.run()
    assert [entry.wrap for entry in entries(route) if entry.key == "theirs"] == [theirs]
    assert saved.processed == wanted + 1 and saved.issues == []
    assert found(drive)["survey"]["ways"]["customer"]["objects"] == 1


def test_a_wrap_that_does_not_open_fails_alone(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.set(SEALED, "ring-1")
    route = filled()
    good = entries(route)
    bad = good[3]

    class Forgetful(BucketKeys):
        def of(self, place: Any, key_id: str) -> Any:
            key = super().of(place, key_id)
            self.calls = getattr(self, "calls", 0) + 1
            if self.calls == 4:
                raise MissingKey("gone", [])
            return key

    monkeypatch.setattr("proxy.resealing.BucketKeys", Forgetful)
    saved = reencryption("rewrap").run()
    (issue,) = saved.issues
    assert (issue.key, issue.version_id, issue.code) == (bad.key, bad.version_id, "InternalError")
    assert saved.processed == len(good) - 1
    after = {(entry.key, entry.version_id): entry.wrap for entry in entries(route)}
    assert [each.key for each in good if after[each.key, each.version_id] == each.wrap] == [bad.key]


def test_open_uploads_get_another_wrap_and_can_be_completed(house: House) -> None:
    house.set(SEALED, "ring-1")
    bucket = make_bucket()
    store = Store.at(bucket.route)
    open_upload(store, "u-1", "to come", {1: noise(1, 5 * KIB)})
    closed(bucket)
    before = contents(bucket.route)
    for mode in ("rewrap", "rewrite"):
        old = bucket_keys(bucket.route)
        assert reencryption(mode).run().issues == []
        assert bucket_keys(bucket.route).isdisjoint(old)
        assert contents(bucket.route) == before


@pytest.mark.parametrize(("then", "now"), [(PLAIN, SEALED), (SEALED, PLAIN)])
def test_an_open_upload_in_another_mode_is_named_and_stays(house: House, then: str, now: str) -> None:
    house.set(then, "ring-1")
    bucket = make_bucket()
    open_upload(Store.at(bucket.route), "u-1", "to come", {1: noise(1, 5 * KIB)})
    closed(bucket)
    before = contents(bucket.route)
    house.set(now, "ring-1")
    saved = reencryption().run()
    assert [(issue.key, issue.code) for issue in saved.issues] == [("to come", "OpenUpload")]
    assert "u-1" in saved.issues[0].message
    assert contents(bucket.route) == before


# -- large bodies, crashes, cancels ------------------------------------------------------------------


def large_bucket() -> Route:
    bucket = make_bucket()
    put(Store.at(bucket.route), "large", noise(60, 700 * KIB + 17), metadata={"a": "b"}, tags={"c": "d"})
    put(Store.at(bucket.route), "small", b"small")
    closed(bucket)
    return bucket.route


def test_a_large_body_can_be_read_while_its_pieces_are_written(house: House) -> None:
    route = large_bucket()
    before = contents(route)
    house.set(SEALED, "ring-1")
    seen = []

    def read(event: str) -> None:
        if event == "effect ended":
            seen.append(contents(route)["objects"] == before["objects"])

    reencryption(happens=read).run()
    assert len(seen) > 10 and all(seen)
    assert modes(route) == {SEALED: 2} and contents(route)["objects"] == before["objects"]


def test_a_cancel_inside_a_large_body_leaves_no_upload(house: House) -> None:
    route = large_bucket()
    before = contents(route)
    house.set(SEALED, "ring-1")
    parts = 0

    def stop(event: str) -> None:
        nonlocal parts
        parts += event == "checkpoint"
        if parts == 6:
            raise Killed

    drive = reencryption(happens=stop)
    with pytest.raises(Killed):
        drive.run()
    uploads = Store.at(route).list_uploads().uploads
    assert [upload.upload_id.startswith("reseal-") for upload in uploads] == [True]
    parts = -100
    drive.unwind()
    assert Store.at(route).list_uploads().uploads == ()
    assert contents(route)["objects"] == before["objects"]


def test_killed_at_any_boundary_it_comes_to_the_same_end(house: House) -> None:
    route = filled()
    before = contents(route)
    house.set(SEALED, "ring-1")
    count, kill_at = 0, 0

    def die(event: str) -> None:
        nonlocal count, kill_at
        if event == "pulse":
            return
        count += 1
        if count > kill_at:
            kill_at, count = kill_at + 7, 0
            raise Killed

    saved, kills = reencryption().saved, 0
    while not saved.ended:
        drive = reencryption(happens=die)
        drive.saved = saved
        try:
            drive.run()
        except Killed:
            kills += 1
    assert kills > 5 and saved.issues == []
    assert modes(route) == {SEALED: len(entries(route))}
    assert contents(route)["objects"] == before["objects"]
    assert contents(route)["history"] == before["history"]


def test_what_was_replaced_behind_the_gate_is_left_as_it_is_now(house: House) -> None:
    route = large_bucket()
    house.set(SEALED, "ring-1")
    replaced = False

    def replace(event: str) -> None:
        nonlocal replaced
        if event == "effect begins" and drive.saved.phase == "objects" and not replaced:
            replaced = True
            put(Store.at(route), "large", noise(61, 300 * KIB))

    drive = reencryption(happens=replace)
    with pytest.raises(Exception, match="replaced behind the gate"):
        drive.run()
    with Store.at(route).open("large") as reader:
        assert b"".join(reader.read(0, 300 * KIB)) == noise(61, 300 * KIB)


# -- plaintext ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("house", ["filesystem"], indirect=True)
@pytest.mark.parametrize("cancelled", [False, True])
def test_nothing_of_the_plaintext_stays_on_the_disk(house: House, cancelled: bool) -> None:
    """Also if a job before this one was cancelled when all was written."""
    marker = b"a marker of the plaintext"
    bucket = make_bucket()
    store = Store.at(bucket.route)
    put(store, "a row", marker * 10)
    put(store, "a file", marker * 10_000)
    put(store, "in pieces", marker * 20_000)
    put(store, "older", marker * 3, version_id="v-1")
    put(store, "older", marker * 4, version_id="v-2")
    closed(bucket)
    house.set(SEALED, "ring-1")
    assert house.files_with(marker)
    if cancelled:
        first = reencryption()
        first.run(until="settle")
        first.unwind()
        assert house.files_with(marker)
    reencryption().run()
    assert house.files_with(marker) == []
    assert set(modes(bucket.route)) == {SEALED}


def test_the_note_that_something_must_be_scrubbed_goes_with_it(house: House) -> None:
    route = large_bucket()
    house.set(SEALED, "ring-1")
    drive = reencryption()
    drive.run(until="settle")
    backend = routes.backend("here")
    assert backend.marked(route.place, "unscrubbed") is not None
    drive.run()
    assert backend.marked(route.place, "unscrubbed") is None


# -- the plan -------------------------------------------------------------------------------------------


def test_a_preview_tells_each_way_and_changes_nothing(house: House) -> None:
    route = filled()
    house.set(SEALED, "ring-1")
    put(Store.at(route), "sealed", b"x" * 7)
    before = contents(route)
    number = len(entries(route))
    told = _preview("")
    assert told["ways"]["right"] == {"objects": 1, "bytes": 7}
    assert told["ways"]["rewrite"]["objects"] == number - 1 and told["objects"] == number and told["exact"]
    assert told["modes"][SEALED] == {"objects": 1, "bytes": 7}
    assert set(_preview("rewrap")["ways"]) == {"rewrap", "other"}
    assert contents(route) == before


def test_a_preview_that_has_no_more_patience_says_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    route = filled()
    monkeypatch.setattr("jobs.kinds.reencryption.planning.ENTRIES", 5)
    ticks = iter(range(100))
    bucket = find_bucket("photos")
    told = preview(bucket, Resealing.at(route), "", patience_s=1.5, clock=lambda: float(next(ticks)))
    assert (told["objects"], told["exact"]) == (10, False)


def _preview(mode: str) -> Mapping[str, Any]:
    return Reencrypt().plan(find_bucket("photos"), {"mode": mode}).looked_at().preview
