"""How a re-encryption ends: what stays, what fails alone, what a crash or a cancel leaves; no plaintext."""

from __future__ import annotations

from typing import Any

import pytest

from proxy import routes
from proxy.backends.filesystem.copies import copy_out
from proxy.backends.values import Route
from proxy.bucket_keys import BucketKeys
from proxy.crypto.ring import MissingKey
from proxy.store import Store
from tests.jobs.kinds.driving import Killed
from tests.jobs.kinds.encrypting import (
    PLAIN,
    SEALED,
    House,
    bucket_keys,
    entries,
    filled,
    found,
    modes,
    reencryption,
)  # fmt: skip
from tests.jobs.kinds.world import (
    KIB,
    closed,
    contents,
    make_bucket,
    noise,
    open_upload,
    put,
)

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
    """Nor in copies of the index; also if a job before this one was cancelled when all was written."""
    marker = b"a marker of the plaintext"
    bucket = make_bucket()
    store = Store.at(bucket.route)
    put(store, "a row", marker * 10)
    put(store, "a file", marker * 10_000)
    put(store, "in pieces", marker * 20_000)
    put(store, "older", marker * 3, version_id="v-1")
    put(store, "older", marker * 4, version_id="v-2")
    closed(bucket)
    copy_out(house.folder, house.folder / "copies" / "index.db")
    house.set(SEALED, "ring-1")
    assert len(house.files_with(marker)) >= 4
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


@pytest.mark.parametrize(("mode", "asked"), [(SEALED, "rewrite"), ("none", "")])
def test_only_where_plaintext_was_replaced_is_its_end_waited_for(house: House, mode: str, asked: str) -> None:
    route = filled()
    house.set(SEALED, "ring-1")
    reencryption().run()
    house.set(mode, "ring-1")
    drive = reencryption(mode=asked)
    drive.run(until="settle")
    assert routes.backend("here").marked(route.place, "unscrubbed") is None
    drive.run()
    assert set(modes(route)) == {mode}
