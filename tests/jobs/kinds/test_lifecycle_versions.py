"""Lifecycle runs over versions, delete markers and locks, in memory and in a folder."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import pytest

from jobs.kinds.lifecycle_rules.ground import Steps
from proxy.backends.values import Deletion, Lock, ObjectInfo
from proxy.store import Store
from tests.jobs.kinds.driving import Drive, Killed
from tests.jobs.kinds.ruling import (
    aged,
    bucket_of,
    days,
    job,
    line,
    now_ms,
    preview,
    rule,
    run,
    shown,
    spec,
)
from tests.jobs.kinds.world import keys, mark, versions

pytestmark = pytest.mark.usefixtures("backends")


def test_in_a_versioned_bucket_a_delete_marker_hides_what_is_due() -> None:
    store = bucket_of(versioned=True)
    aged(store, "a", 11, version_id="v1")
    aged(store, "b", 9, version_id="v1")
    saved = run(spec(rule(action="delete", after_s=days(10))))
    assert [each.partition(" ")[0] for each in line(store)] == ["a", "a", "b"]
    assert keys(store) == ["b"] and saved.deleted == 1
    assert run(spec(rule(action="delete", after_s=days(10)))).deleted == 0


@pytest.mark.parametrize("entries", [1, 2, 3, 1000])
def test_versions_go_when_they_have_been_noncurrent_for_long_enough(entries: int) -> None:
    store = bucket_of(versioned=True)
    for number, age in enumerate((50, 40, 30, 20, 10)):
        aged(store, "a", age, version_id=f"v{number}")
        aged(store, "b", age, version_id=f"v{number}")
    asked = spec(rule(noncurrent_after_s=days(15)))
    told = preview(asked, limit=entries)
    saved = run(asked, steps=Steps(entries=entries, together=2, looks=2))
    assert line(store) == [f"{key} {version}" for key in "ab" for version in ("*v4", "v3")]
    assert saved.deleted == 6 and len(told["candidates"]) == 6
    assert told["candidates"][0]["reason"] == "It has been noncurrent for more than 15 days."


@pytest.mark.parametrize("entries", [1, 2, 5])
def test_so_many_noncurrent_versions_are_kept_however_old(entries: int) -> None:
    store = bucket_of(versioned=True)
    for number in range(9):
        aged(store, "a", 100 - number, version_id=f"v{number}")
        if number == 6:
            mark(store, "a", "m")
    asked = spec(rule(noncurrent_after_s=days(1), noncurrent_keep=3))
    run(asked, in_days=50, steps=Steps(entries=entries))
    assert line(store) == ["a *v8", "a v7", "a v6", "a v5"], "a marker is no version that is kept"


def test_what_a_replica_of_an_old_object_replaced_is_noncurrent_no_longer_than_it_is_there() -> None:
    store = bucket_of(versioned=True)
    aged(store, "a", 2, version_id="mine")
    aged(store, "a", 50, version_id="replica")
    asked = spec(rule(noncurrent_after_s=days(10)))
    assert shown(preview(asked)) == [] and run(asked).deleted == 0
    assert run(asked, in_days=9).deleted == 1
    assert line(store) == ["a *replica"]


def test_another_run_counts_anew_how_many_versions_of_a_key_are_newer() -> None:
    """The run before stopped inside the key, and those that it had passed are gone by now."""
    store = bucket_of(versioned=True)
    for number in range(8):
        aged(store, "a", 50 - number, version_id=f"v{number}")
    asked = spec(rule(noncurrent_after_s=days(10), noncurrent_keep=3))

    def stop(event: str) -> None:
        if event == "checkpoint":
            raise Killed

    first = job(asked, steps=Steps(entries=4), happens=stop)
    with pytest.raises(Killed):
        first.run()
    for number in (7, 6, 5):
        store.delete(Deletion("a", f"v{number}"))
    first.saved.run_id += 1000
    Drive(first.kind, first.saved).run()
    assert line(store) == ["a *v4", "a v3", "a v2", "a v1"]


@pytest.mark.parametrize("seed", range(10))
def test_whatever_clients_do_between_two_pages_as_many_as_are_kept_stay(seed: int) -> None:
    """A run stops anywhere, clients write and delete, and that run or another goes on."""
    dice, numbers, store = random.Random(seed), itertools.count(), bucket_of(versioned=True)
    asked = spec(rule(noncurrent_after_s=1, noncurrent_keep=dice.randrange(4)))
    for _ in range(8):
        for _ in range(dice.randrange(10)):
            _write(store, dice, next(numbers))
        first = job(asked, steps=Steps(entries=dice.randrange(1, 4), together=2), happens=_killed(dice))
        kept = _kept(store, asked)
        with suppress(Killed):
            first.run()
        assert kept <= _kept(store, asked)
        if not first.saved.ended:
            for _ in range(dice.randrange(6)):
                found = versions(store)
                if found and dice.random() < 0.6:
                    one = dice.choice(found)
                    store.delete(Deletion(one.key, one.version_id))
                else:
                    _write(store, dice, next(numbers))
            kept = _kept(store, asked)
            first.saved.run_id += dice.choice([0, 1000])
            Drive(first.kind, first.saved).run()
            assert kept <= _kept(store, asked)


def _write(store: Store, dice: random.Random, number: int) -> None:
    """A version, the null version, or a delete marker."""
    key, version = dice.choice("ab"), dice.choice([f"v{number}", "null"])
    if dice.random() < 0.25:
        mark(store, key, f"m{number}")
    else:
        aged(store, key, 500 - number, b"%d" % number, version_id=version)


def _killed(dice: random.Random) -> Callable[[str], None]:
    left = dice.randrange(1, 40)

    def happens(event: str) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise Killed

    return happens


def _kept(store: Store, asked: dict[str, Any]) -> set[tuple[str, str, str]]:
    """What no run may take: of each key the newest, and so many noncurrent versions before all others."""
    kept, keep = set(), asked["rules"][0]["noncurrent_keep"]
    for _, infos in itertools.groupby(versions(store), key=lambda info: info.key):
        newest, *rest = infos
        kept |= {(info.key, info.version_id, info.etag) for info in (newest, *_bodies(rest)[:keep])}
    return kept


def _bodies(infos: Iterable[ObjectInfo]) -> list[ObjectInfo]:
    return [info for info in infos if not info.marker]


def test_a_version_that_became_the_newest_meanwhile_stays() -> None:
    store = bucket_of(versioned=True)
    aged(store, "a", 50, version_id="v1")
    aged(store, "a", 40, version_id="v2")

    def undo(event: str) -> None:
        if event == "page":
            store.delete(Deletion("a", "v2"))

    saved = run(spec(rule(noncurrent_after_s=days(10))), happens=undo)
    assert line(store) == ["a *v1"] and saved.deleted == 0


@pytest.mark.parametrize("key", ["a", "b"])
def test_a_version_that_is_gone_between_two_pages_is_passed_over(key: str) -> None:
    """The walk stood at it: its key is listed from the top again, and nothing is decided wrongly."""
    store = bucket_of(versioned=True)
    for number in range(6):
        aged(store, key, 50 - number, version_id=f"v{number}")
    asked = spec(rule(noncurrent_after_s=days(10), noncurrent_keep=2))
    gone = False

    def remove(event: str) -> None:
        nonlocal gone
        if event == "checkpoint" and not gone:
            gone = True
            store.delete(Deletion(key, "v4"))

    saved = run(asked, happens=remove, steps=Steps(entries=2))
    assert line(store) == [f"{key} *v5", f"{key} v3", f"{key} v2"]
    assert saved.deleted == 2


@pytest.mark.parametrize(("entries", "pages"), [(1, 4), (2, 2), (4, 1)])
def test_a_null_version_that_is_written_anew_between_two_pages_costs_no_other(
    entries: int, pages: int
) -> None:
    """The walk stands at it, and it is the newest by now."""
    store = bucket_of(versioned=True)
    for number in range(8):
        version = "null" if number == 4 else f"v{number}"
        aged(store, "a", 50 - number, version_id=version)
    asked = spec(rule(noncurrent_after_s=days(10), noncurrent_keep=3))
    written = 0

    def write(event: str) -> None:
        nonlocal written
        written += event == "checkpoint"
        if event == "checkpoint" and written == pages:
            aged(store, "a", 0, b"anew", version_id="null")

    run(asked, happens=write, steps=Steps(entries=entries))
    assert {"a *null", "a v7", "a v6", "a v5"} <= set(line(store))
    run(asked, in_days=20)
    assert line(store) == ["a *null", "a v7", "a v6", "a v5"]


def test_a_delete_marker_goes_once_it_hides_nothing() -> None:
    store = bucket_of(versioned=True)
    mark(store, "alone", "m1")
    aged(store, "hidden", 50, version_id="v1")
    mark(store, "hidden", "m1")
    mark(store, "twice", "m1")
    mark(store, "twice", "m2")
    asked = spec(rule(expired_delete_markers=True))
    assert shown(preview(asked)) == [("alone", "delete-marker")]
    assert run(asked).deleted == 1
    assert line(store) == ["hidden *-m1", "hidden v1", "twice *-m2", "twice -m1"]


@pytest.mark.parametrize("entries", [1, 2, 1000])
def test_a_rule_that_deletes_by_age_takes_lone_markers_of_that_age(entries: int) -> None:
    store = bucket_of(versioned=True)
    aged(store, "a", 50, version_id="v1")
    asked = spec(rule(action="delete", after_s=days(10), noncurrent_after_s=days(5)))
    steps = Steps(entries=entries)
    run(asked, steps=steps)
    run(asked, in_days=6, steps=steps)
    assert len(line(store)) == 1, "the version is gone, its marker is young"
    run(asked, in_days=9, steps=steps)
    assert len(line(store)) == 1
    run(asked, in_days=11, steps=steps)
    assert line(store) == []


def test_locked_versions_are_kept_counted_and_shown_with_the_reason() -> None:
    store = bucket_of(locked=True)
    until = now_ms() + 1000 * days(100)
    aged(store, "a", 50, version_id="held", lock=Lock(hold=True))
    aged(store, "a", 45, version_id="retained", lock=Lock("GOVERNANCE", until))
    aged(store, "a", 40, version_id="free")
    aged(store, "a", 30, version_id="newest")
    asked = spec(rule(noncurrent_after_s=days(10)))
    told = preview(asked)
    assert [row["version_id"] for row in told["candidates"]] == ["free"]
    assert {row["version_id"]: row["reason"] for row in told["kept"]} == {
        "held": "A legal hold keeps it.",
        "retained": "A governance retention keeps it.",
    }
    assert told["kept_totals"] == {"locked": 2}
    saved = run(asked)
    assert line(store) == ["a *newest", "a retained", "a held"]
    assert (saved.deleted, saved.issues) == (1, []) and saved.skipped == 3


def test_a_key_with_more_locked_versions_than_a_page_is_gone_through_once() -> None:
    store = bucket_of(locked=True)
    for number in range(10):
        lock = Lock(hold=True) if number > 2 else Lock()
        aged(store, "a", 50 - number, version_id=f"v{number}", lock=lock)
    saved = run(spec(rule(noncurrent_after_s=days(10))))
    assert line(store) == ["a *v9", *(f"a v{number}" for number in range(8, 2, -1))]
    assert saved.deleted == 3


def test_the_current_version_of_a_locked_object_is_hidden_and_stays() -> None:
    store = bucket_of(locked=True)
    aged(store, "a", 50, version_id="held", lock=Lock(hold=True))
    run(spec(rule(action="delete", after_s=days(10))))
    assert keys(store) == [] and line(store)[1] == "a held"
