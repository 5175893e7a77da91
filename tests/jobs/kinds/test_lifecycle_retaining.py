"""Retaining the newest: all or nothing, whatever happens between the listing and the deletes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jobs.errors import BadToken, JobFailed
from jobs.kinds.lifecycle import Lifecycle
from jobs.kinds.lifecycle_rules.ground import Steps
from proxy.backends.values import Deletion, Listing
from proxy.errors import BackendUnavailable
from proxy.store import Store
from tests.jobs.kinds import ruling
from tests.jobs.kinds.driving import InTestWork, Killed, nothing
from tests.jobs.kinds.ruling import FEW, aged, bucket_of, days, job, preview, rule, run, shown, spec
from tests.jobs.kinds.world import KIB, keys

pytestmark = pytest.mark.usefixtures("backends")

NEWEST_3 = spec(rule(action="retain-newest", count=3, prefix="dumps/"))


def fill(number: int = 10) -> Store:
    """Keys in another order than their ages: dumps/0 is the youngest."""
    store = bucket_of()
    for age in range(number):
        aged(store, f"dumps/{age}", age + 1)
    aged(store, "other", 100)
    aged(store, "dumps/", 200, b"")
    return store


def left(store: Store) -> list[str]:
    return [key.removeprefix("dumps/") for key in keys(store) if key[-1].isdigit()]


def test_all_but_the_newest_go() -> None:
    store = fill()
    told = preview(NEWEST_3)
    saved = run(NEWEST_3)
    assert left(store) == ["0", "1", "2"] and {"other", "dumps/"} <= set(keys(store))
    assert shown(told) == [(f"dumps/{age}", "delete") for age in range(3, 10)]
    assert told["candidates"][0]["reason"] == "3 newer ones are kept."
    assert told["kept_totals"] == {"among-the-newest": 3, "directory-marker": 1} and told["exact"]
    assert saved.deleted == 7
    assert Lifecycle().report(json.loads(saved.state))["retained"] == {"the rule": {"counted": 10, "kept": 3}}
    assert run(NEWEST_3).deleted == 0


@pytest.mark.parametrize("number", [0, 2, 3])
def test_no_more_than_are_retained_all_stay(number: int) -> None:
    store = fill(number)
    assert run(NEWEST_3).deleted == 0 and len(left(store)) == number


def test_of_one_moment_the_greater_keys_are_the_newer_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    store = bucket_of()
    monkeypatch.setattr(ruling, "now_ms", lambda: 1_750_000_000_000)
    for key in "badc":
        aged(store, key, 1)
    run(spec(rule(action="retain-newest", count=2)))
    assert keys(store) == ["c", "d"]


def test_what_does_not_qualify_is_neither_counted_nor_deleted() -> None:
    store = fill(4)
    aged(store, "dumps/99", 0.5, b"x" * KIB)
    for age in range(10, 14):
        aged(store, f"dumps/{age}", age, b"x" * KIB)
    asked = rule(
        action="retain-newest", count=2, prefix="dumps/", qualify={"min_size": KIB, "min_age_s": days(1)}
    )
    run(spec(asked))
    assert left(store) == ["0", "1", "10", "11", "2", "3", "99"]


def test_what_is_protected_by_its_age_stays_though_newer_ones_are_kept() -> None:
    store = fill(6)
    run(spec(rule(action="retain-newest", count=1, prefix="dumps/", protect_younger_than_s=days(4.5))))
    assert left(store) == ["0", "1", "2", "3"]


def test_a_listing_that_ends_with_an_error_deletes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    store = fill()
    real = Store.list

    def cut_short(self: Store, **asked: Any) -> Listing:
        if asked["after"] > "dumps/5":
            raise BackendUnavailable("gone")
        return real(self, **asked)

    monkeypatch.setattr(Store, "list", cut_short)
    with pytest.raises(BackendUnavailable):
        run(NEWEST_3)
    monkeypatch.undo()
    assert len(left(store)) == 10


@pytest.mark.parametrize("at", ["ranking", "deleting"])
def test_a_run_that_was_cut_short_is_ranked_anew_by_the_next(at: str) -> None:
    store = fill()
    checkpoints = 0

    def die(event: str) -> None:
        nonlocal checkpoints
        checkpoints += event == "checkpoint"
        if checkpoints == {"ranking": 2, "deleting": 6}[at]:
            raise Killed

    first = job(NEWEST_3, happens=die)
    with pytest.raises(Killed):
        first.run()
    assert (len(left(store)) == 10) is (at == "ranking")
    for age in (0, 1, 2):
        store.delete(Deletion(f"dumps/{age}"))
    there = left(store)
    again = job(NEWEST_3)
    again.saved.phase, again.saved.token, again.saved.state = "sweep", first.saved.token, first.saved.state
    with pytest.raises(BadToken):
        Lifecycle(FEW).page(InTestWork(again.saved, nothing), "sweep", again.saved.token)
    again.run()
    assert left(store) == sorted(there, key=int)[:3]


def test_slices_of_one_run_share_a_ranking() -> None:
    store = fill()
    drive = job(NEWEST_3)
    seen: list[str] = []
    while not drive.saved.ended and len(seen) < 30:
        work = InTestWork(drive.saved, nothing)
        page = drive.kind.page(work, "sweep", drive.saved.token)
        for item in page.items:
            drive.kind.apply(work, "sweep", item)
        drive.saved.state, drive.saved.token = json.dumps(dict(work.state)), page.token
        drive.saved.ended = not page.truncated
        seen.append(page.token or "")
    assert left(store) == ["0", "1", "2"] and len(set(seen)) == len(seen)


def test_if_one_that_was_to_be_kept_is_gone_all_is_ranked_again() -> None:
    store = fill()

    def remove(event: str) -> None:
        if event == "page" and len(left(store)) == 10:
            store.delete(Deletion("dumps/1"))

    run(NEWEST_3, happens=remove, steps=Steps(entries=1000))
    assert left(store) == ["0", "2", "3"]


def test_one_that_was_overwritten_meanwhile_counts_as_it_did() -> None:
    store = fill()
    done = False

    def overwrite(event: str) -> None:
        nonlocal done
        if event == "page" and not done:
            done = True
            aged(store, "dumps/1", 0, b"newer")

    saved = run(NEWEST_3, happens=overwrite, steps=Steps(entries=1000))
    assert left(store) == ["0", "1", "2"]
    assert "ranked" not in json.loads(saved.state)


def test_one_that_was_overwritten_by_what_does_not_qualify_counts_no_more() -> None:
    store = bucket_of()
    for age in range(6):
        aged(store, f"dumps/{age}", age + 1, b"x" * KIB)
    done = False

    def overwrite(event: str) -> None:
        nonlocal done
        if event == "page" and not done:
            done = True
            aged(store, "dumps/1", 0, b"small")

    qualify = {"min_size": KIB, "min_age_s": None}
    asked = spec(rule(action="retain-newest", count=3, qualify=qualify))
    run(asked, happens=overwrite, steps=Steps(entries=1000))
    assert left(store) == ["0", "1", "2", "3"]


def test_if_they_go_away_again_and_again_nothing_is_deleted() -> None:
    store = fill()
    removed = 0

    def remove(event: str) -> None:
        nonlocal removed
        if event == "before checkpoint":
            store.delete(Deletion(f"dumps/{removed}"))
            removed += 1

    with pytest.raises(JobFailed) as failed:
        run(NEWEST_3, happens=remove, steps=Steps(entries=1000))
    assert failed.value.code == "RetainedWentAway"
    assert len(left(store)) == 10 - removed


def test_a_preview_that_cannot_list_everything_shows_no_candidate() -> None:
    fill()
    clock = iter(range(100))
    told = preview(NEWEST_3, clock=lambda: float(next(clock)), patience_s=2.0)
    assert told["candidates"] == [] and not told["exact"]
    assert "what it would retain is not known" in told["notes"][0]


def test_a_retry_of_single_keys_ranks_first() -> None:
    store = fill()
    run(NEWEST_3, mode="retry", keys=("dumps/1", "dumps/7", "other"))
    assert left(store) == ["0", "1", "2", "3", "4", "5", "6", "8", "9"]


def test_only_tagged_objects_are_counted_where_a_rule_asks_for_tags() -> None:
    store = bucket_of()
    for age in range(6):
        aged(store, f"dumps/{age}", age + 1, tags={"kind": "full" if age % 2 else "part"})
    asked = spec(rule(action="retain-newest", count=1, tags={"kind": "full"}))
    told = preview(asked)
    run(asked)
    assert left(store) == ["0", "1", "2", "4"]
    assert shown(told) == [("dumps/3", "delete"), ("dumps/5", "delete")]
