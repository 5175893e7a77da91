"""Re-encryption in memory and in a folder: every version as configured, and nothing else of it changed."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from jobs.kinds.pieces import Limits
from jobs.kinds.reencrypt import Reencrypt
from jobs.kinds.reencryption.planning import preview
from proxy.bucket_keys import forget_bucket
from proxy.crypto.ring import MissingKey
from proxy.records import find_bucket
from proxy.resealing import Resealing
from proxy.store import Store
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
    ring_keys,
)  # fmt: skip
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
)

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
