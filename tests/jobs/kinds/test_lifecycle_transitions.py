"""Transitions: nothing leaves its bucket before its copy is there, whole, and verified."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings

from jobs.errors import Deferred
from jobs.kinds.lifecycle import Lifecycle
from jobs.kinds.lifecycle_rules import transitions
from jobs.kinds.lifecycle_rules.ground import Steps
from jobs.kinds.outages import PATIENCE_MS
from jobs.kinds.pieces import Limits
from proxy import routes
from proxy.backends.memory.bodies import MemoryReader
from proxy.backends.values import NewObject
from proxy.errors import StorageFull
from proxy.store import Store
from tests.jobs.kinds.conftest import every_pair
from tests.jobs.kinds.driving import InTestWork, Killed, Saved, nothing
from tests.jobs.kinds.ruling import (
    aged,
    bucket,
    bucket_of,
    days,
    line,
    now_ms,
    preview,
    rule,
    run,
    shown,
    spec,
)
from tests.jobs.kinds.world import MIB, Bytes, closed, contents, keys, noise, put_in_parts

pytestmark = pytest.mark.usefixtures("backends")


def moving(**said: Any) -> dict[str, Any]:
    destination = {"bucket": "cold", "prefix": "archive/"}
    return spec(
        rule(action="transition", prefix="p/", destination=destination, **{"after_s": days(10), **said})
    )


def cold() -> Store:
    """The destination, on the other backend, and somebody else's."""
    settings.STORAGE["buckets"]["cold"] = {"backend": "there"}
    return Store.at(routes.create_bucket("cold", "b" * 64, 1).route)


def objects(store: Store) -> dict[str, tuple[Any, ...]]:
    """What is to be the same of an object and its copy, by the key without its prefix."""
    facts = ("size", "etag", "last_modified", "sha256", "metadata", "headers", "tags")
    return {
        key.partition("/")[2]: tuple(each[name] for name in facts)
        for key, each in contents(store.route)["objects"].items()
    }


def fill(store: Store) -> None:
    aged(store, "p/a", 11, metadata={"a": "b"}, headers={"content-type": "text/x"}, tags={"c": "d"})
    aged(store, "p/large", 11, noise(1, 3 * MIB))
    aged(store, "p/empty", 11, b"")
    put_in_parts(store, "p/of parts", noise(2, 5 * MIB), noise(3, 100))
    aged(store, "p/", 11, b"")
    aged(store, "q/other", 11)


@every_pair
def test_what_is_due_goes_with_all_that_is_said_about_it() -> None:
    store, there = bucket_of(), cold()
    fill(store)
    before = objects(store)
    told = preview(moving(), in_days=20)
    saved = run(moving(), in_days=20)
    assert keys(store) == ["p/", "q/other"]
    gone = {name: before[name] for name in ("a", "large", "empty", "of parts")}
    assert objects(there) == gone
    assert keys(there) == ["archive/a", "archive/empty", "archive/large", "archive/of parts"]
    assert {each.owner_id for each in (there.head("archive/a"),)} == {"b" * 64}
    assert shown(told) == [(key, "transition") for key in ("p/a", "p/empty", "p/large", "p/of parts")]
    assert (saved.deleted, saved.issues) == (4, [])


IN_PIECES = Steps(limits=Limits(large_bytes=MIB, part_bytes=MIB))


@pytest.mark.parametrize("backends", [("memory", "memory"), ("filesystem", "memory")], indirect=True)
def test_a_large_object_goes_in_pieces_and_is_the_same() -> None:
    store, there = bucket_of(), cold()
    fill(store)
    before = objects(store)
    saved = run(moving(), in_days=20, steps=IN_PIECES)
    assert objects(there) == {name: before[name] for name in ("a", "large", "empty", "of parts")}
    assert keys(store) == ["p/", "q/other"] and saved.issues == []
    assert there.list_uploads().uploads == ()


@pytest.mark.parametrize("backends", [("memory", "memory")], indirect=True)
@pytest.mark.parametrize("piece", range(1, 6))
def test_killed_between_two_pieces_the_next_run_leaves_nothing_behind(piece: int) -> None:
    store, there = bucket_of(), cold()
    aged(store, "p/large", 11, noise(1, 3 * MIB))
    before = objects(store)
    effects = 0

    def die(event: str) -> None:
        nonlocal effects
        effects += event == "effect ended" and bool(there.list_uploads().uploads)
        if effects == piece:
            raise Killed

    if piece < 5:
        with pytest.raises(Killed):
            run(moving(), happens=die, steps=IN_PIECES)
        assert len(there.list_uploads().uploads) == 1 and keys(store) == ["p/large"]
    assert run(moving(), steps=IN_PIECES).deleted == 1
    assert objects(there) == before and there.list_uploads().uploads == ()


def test_young_ones_stay() -> None:
    store, there = bucket_of(), cold()
    aged(store, "p/young", 9)
    run(moving())
    assert keys(store) == ["p/young"] and keys(there) == []


def test_a_rule_that_keeps_the_source_copies_once() -> None:
    store, there = bucket_of(), cold()
    fill(store)
    first = run(moving(delete_source=False), in_days=20)
    seq = there.backend.head_seq(there.place)
    second = run(moving(delete_source=False), in_days=20)
    assert len(keys(store)) == 6 and len(keys(there)) == 4
    assert (first.skipped, second.skipped, second.bytes_done) == (1, 5, 0)
    assert there.backend.head_seq(there.place) == seq


def test_killed_between_copy_and_delete_the_next_run_deletes_without_copying() -> None:
    store, there = bucket_of(), cold()
    aged(store, "p/a", 11)

    def die(event: str) -> None:
        if event == "effect begins" and keys(there):
            raise Killed

    with pytest.raises(Killed):
        run(moving(), happens=die)
    assert keys(store) == ["p/a"] and keys(there) == ["archive/a"]
    seq = there.backend.head_seq(there.place)
    assert run(moving()).deleted == 1
    assert keys(store) == [] and there.backend.head_seq(there.place) == seq


def test_a_copy_that_does_not_have_the_bytes_keeps_the_original(monkeypatch: pytest.MonkeyPatch) -> None:
    store = bucket_of()
    cold()
    aged(store, "p/a", 11)
    monkeypatch.setattr(transitions, "same_bytes", lambda *_: False)
    saved = run(moving())
    assert keys(store) == ["p/a"]
    assert [(issue.key, issue.code) for issue in saved.issues] == [("p/a", "BadDigest")]


@pytest.mark.parametrize("backends", [("filesystem", "memory")], indirect=True)
def test_a_copy_is_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that rotted where they went do not cost the original."""
    store, there = bucket_of(), cold()
    aged(store, "p/a", 11, b"the body")
    real = MemoryReader.read

    def rotten(self: MemoryReader, start: int, end: int) -> Iterator[bytes]:
        if self.info.key == "archive/a":
            return iter([b"the bODy"])
        return real(self, start, end)

    monkeypatch.setattr(MemoryReader, "read", rotten)
    saved = run(moving())
    assert keys(store) == ["p/a"] and keys(there) == ["archive/a"]
    assert [issue.code for issue in saved.issues] == ["BadDigest"]


def test_an_original_that_is_overwritten_while_it_is_copied_stays() -> None:
    store, there = bucket_of(), cold()
    aged(store, "p/a", 11, b"old")

    def overwrite(event: str) -> None:
        if event == "effect ended" and keys(there):
            aged(store, "p/a", 0, b"new")

    run(moving(), happens=overwrite)
    assert keys(store) == ["p/a"] and store.head("p/a").size == 3
    assert objects(store)["a"] != objects(there)["a"]


def test_an_original_that_is_overwritten_after_it_was_listed_is_left() -> None:
    store, there = bucket_of(), cold()
    aged(store, "p/a", 11, b"old")

    def overwrite(event: str) -> None:
        if event == "page":
            aged(store, "p/a", 0, b"new")

    saved = run(moving(), happens=overwrite)
    assert keys(store) == ["p/a"] and keys(there) == []
    assert (saved.skipped, saved.issues) == (1, [])


def test_something_newer_at_the_destination_stays_and_so_does_the_original() -> None:
    store, there = bucket_of(), cold()
    aged(store, "p/a", 11, b"old")
    aged(there, "archive/a", 1, b"newer")
    saved = run(moving())
    assert keys(store) == ["p/a"] and there.head("archive/a").size == 5
    assert [issue.code for issue in saved.issues] == ["DestinationNewer"]


@pytest.mark.parametrize("keeps", [False, True])
def test_the_same_bytes_with_other_tags_are_replaced_before_the_original_goes(keeps: bool) -> None:
    store, there = bucket_of(), cold()
    made = aged(store, "p/a", 20, tags={"team": "blue"})
    older = replace(made, key="archive/a", tags={})
    there.put(NewObject("archive/a", carried=older, newest=True), Bytes(b"body"))
    saved = run(moving(delete_source=not keeps))
    assert (keys(store), saved.issues) == (["p/a"] if keeps else [], [])
    assert there.head("archive/a").tags == ({} if keeps else {"team": "blue"})


def test_something_older_at_the_destination_is_replaced() -> None:
    store, there = bucket_of(), cold()
    aged(store, "p/a", 11, b"the body")
    aged(there, "archive/a", 12, b"older")
    run(moving())
    assert keys(store) == [] and there.head("archive/a").size == 8


@pytest.mark.parametrize("name", ["photos", "cold"])
def test_a_gate_that_is_closed_on_either_side_defers(name: str) -> None:
    store = bucket_of()
    cold()
    aged(store, "p/a", 11)
    closed(bucket(name))
    with pytest.raises(Deferred, match=name):
        run(moving())
    assert keys(store) == ["p/a"]


def test_in_a_versioned_bucket_a_marker_stands_for_what_went() -> None:
    store, there = bucket_of(versioned=True), cold()
    aged(store, "p/a", 11, version_id="v1")
    run(moving())
    assert keys(store) == [] and "p/a v1" in line(store) and keys(there) == ["archive/a"]


def test_a_retry_of_one_key_moves_it_alone() -> None:
    store, there = bucket_of(), cold()
    fill(store)
    run(moving(), in_days=20, mode="retry", keys=("p/large",))
    assert keys(there) == ["archive/large"] and "p/large" not in keys(store)


def test_tags_decide_about_transitions_too() -> None:
    store, there = bucket_of(), cold()
    aged(store, "p/a", 11, tags={"move": "yes"})
    aged(store, "p/b", 11, tags={"move": "no"})
    saved = run(moving(tags={"move": "yes"}))
    assert keys(store) == ["p/b"] and keys(there) == ["archive/a"]
    assert (saved.processed, saved.skipped, saved.deleted) == (2, 1, 1)


def test_within_one_bucket_objects_go_to_another_prefix() -> None:
    store = bucket_of()
    aged(store, "p/a", 11)
    asked = spec(
        rule(
            action="transition",
            prefix="p/",
            after_s=1,
            destination={"bucket": "photos", "prefix": "old/"},
        )
    )
    run(asked)
    assert keys(store) == ["old/a"]
    assert run(asked).deleted == 0


def test_a_destination_that_stays_full_defers_the_run_and_fails_no_object(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, there = bucket_of(), cold()
    aged(store, "p/a", 11)
    work = InTestWork(Saved("photos", "", moving(), now_ms(), mode="run"), nothing)
    (item,) = (each for each in Lifecycle().page(work, "sweep", None).items if each.key == "p/a")

    def full(*_: Any, **__: Any) -> Any:
        raise StorageFull()

    for name in ("put", "link"):
        monkeypatch.setattr(type(there.backend), name, full, raising=False)
    with pytest.raises(StorageFull):
        Lifecycle().apply(work, "sweep", item)
    work.clock_ms += PATIENCE_MS
    with pytest.raises(Deferred, match="full"):
        Lifecycle().apply(work, "sweep", item)
    monkeypatch.undo()
    assert Lifecycle().apply(work, "sweep", item).deleted == 1
    assert keys(store) == [] and keys(there) == ["archive/a"]
