"""Lifecycle runs in memory and in a folder: what the rules let go goes, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jobs.errors import BadToken, Deferred, JobFailed
from jobs.kinds.lifecycle import Lifecycle
from jobs.kinds.lifecycle_rules import removing
from jobs.kinds.lifecycle_rules.ground import Steps
from proxy import gate
from proxy.errors import SlowDown
from proxy.store import Store
from tests.jobs.kinds.driving import InTestWork, nothing
from tests.jobs.kinds.ruling import (
    FEW,
    aged,
    bucket,
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
from tests.jobs.kinds.world import closed, keys, mark, open_upload, put, put_in_parts

pytestmark = pytest.mark.usefixtures("backends")

OLD = rule(action="delete", after_s=days(10), prefix="logs/")


def fill(store: Store) -> None:
    for number in range(8):
        aged(store, f"logs/old-{number}", 11)
    for number in range(4):
        aged(store, f"logs/young-{number}", 9)
    aged(store, "other", 100)
    aged(store, "logs/", 100, b"")


# -- deleting -----------------------------------------------------------------------------------


def test_what_is_old_enough_is_deleted_and_nothing_else() -> None:
    store = bucket_of()
    fill(store)
    saved = run(spec(OLD))
    assert keys(store) == ["logs/", *(f"logs/young-{number}" for number in range(4)), "other"]
    assert (saved.deleted, saved.processed, saved.skipped, saved.issues) == (8, 13, 5, [])
    tally = json.loads(saved.state)["tally"]
    assert tally["decided"] == {"delete": {"objects": 8, "bytes": 32}}
    assert tally["kept"] == {"directory-marker": 1} and tally["looked_at"] == 13


def test_a_second_run_finds_nothing() -> None:
    store = bucket_of()
    fill(store)
    run(spec(OLD))
    before = store.backend.head_seq(store.place)
    assert run(spec(OLD)).deleted == 0
    assert store.backend.head_seq(store.place) == before


def test_a_run_does_what_the_preview_has_shown() -> None:
    store = bucket_of()
    fill(store)
    told, before = preview(spec(OLD)), store.backend.head_seq(store.place)
    assert store.backend.head_seq(store.place) == before, "a preview changes nothing"
    there = set(keys(store))
    saved = run(spec(OLD))
    assert {key for key, _ in shown(told)} == there - set(keys(store))
    assert told["exact"] and told["totals"] == json.loads(saved.state)["tally"]["decided"]
    assert told["candidates"][0] == {
        "key": "logs/old-0", "version_id": "null", "size": 4, "age_s": days(11), "rule": "the rule",
        "action": "delete", "reason": "It is older than 10 days.",
    }  # fmt: skip
    assert [(row["key"], row["reason"]) for row in told["kept"]] == [("logs/", "It stands for a directory.")]


def test_what_was_overwritten_after_it_was_listed_stays() -> None:
    store = bucket_of()
    aged(store, "a", 11, b"old")
    aged(store, "b", 11, b"old")

    def overwrite(event: str) -> None:
        if event == "page":
            aged(store, "a", 11, b"new")  # as old as it was, and of the same size

    saved = run(spec(rule(action="delete", after_s=days(10))), happens=overwrite)
    assert keys(store) == ["a"]
    assert (saved.deleted, saved.skipped, saved.issues) == (1, 1, [])


def test_what_was_deleted_by_somebody_else_gets_no_second_marker() -> None:
    store = bucket_of(versioned=True)
    aged(store, "a", 11, version_id="v1")

    def remove(event: str) -> None:
        if event == "page" and len(line(store)) == 1:
            mark(store, "a", "m1")

    run(spec(rule(action="delete", after_s=days(10))), happens=remove)
    assert line(store) == ["a *-m1", "a v1"]


def test_filters_by_prefix_globs_and_size_all_have_to_match() -> None:
    store = bucket_of()
    for key, size in (("p/a.log", 10), ("p/b.log", 11), ("p/c.txt", 11), ("p/no.log", 11), ("q/a.log", 11)):
        aged(store, key, 1, b"x" * size)
    aged(store, "p/deep/a.log", 1, b"x" * 20)
    only = rule(
        action="delete", after_s=1, prefix="p/", include_globs=["*.log"], exclude_globs=["no*"],
        min_size=10, max_size=12,
    )  # fmt: skip
    run(spec(only))
    assert keys(store) == ["p/a.log", "p/c.txt", "p/deep/a.log", "p/no.log", "q/a.log"]


def test_tags_are_looked_up_where_a_rule_asks_for_some() -> None:
    store = bucket_of()
    for number in range(5):
        aged(store, f"tagged-{number}", 1, tags={"keep": "no", "n": str(number)})
        aged(store, f"untagged-{number}", 1)
    aged(store, "other value", 1, tags={"keep": "yes"})
    asked = spec(rule(action="delete", after_s=1, tags={"keep": "no"}))
    told = preview(asked)
    saved = run(asked)
    assert keys(store) == ["other value", *(f"untagged-{number}" for number in range(5))]
    assert {key for key, _ in shown(told)} == {f"tagged-{number}" for number in range(5)}
    assert (saved.deleted, saved.processed, saved.skipped) == (5, 11, 6)


def test_what_is_tagged_anew_after_it_was_listed_is_decided_by_its_new_tags() -> None:
    store = bucket_of()
    aged(store, "a", 1, tags={"keep": "no"})

    def retag(event: str) -> None:
        if event == "page":
            aged(store, "a", 1, tags={"keep": "yes"})

    run(spec(rule(action="delete", after_s=1, tags={"keep": "no"})), happens=retag)
    assert keys(store) == ["a"]


def test_on_a_date_everything_is_due_however_young_it_is() -> None:
    store = bucket_of()
    aged(store, "a", 0)
    asked = spec(rule(action="delete", on_date_ms=now_ms() + 1000 * days(2)))
    run(asked, in_days=1)
    assert keys(store) == ["a"]
    run(asked, in_days=3)
    assert keys(store) == []


# -- uploads ----------------------------------------------------------------------------------


def test_uploads_that_nobody_completed_are_aborted() -> None:
    store = bucket_of()
    for number in range(5):
        open_upload(store, f"u{number}", f"up/{number}", {1: b"part"})
    open_upload(store, "elsewhere", "other", {1: b"part"})
    put_in_parts(store, "up/done", b"whole")
    asked = spec(rule(abort_multipart_after_s=days(7), prefix="up/"))
    told = preview(asked, in_days=4000)
    saved = run(asked, in_days=4000)
    assert [upload.upload_id for upload in store.list_uploads().uploads] == ["elsewhere"]
    assert keys(store) == ["up/done"] and saved.deleted == 5
    assert shown(told) == [(f"up/{number}", "abort-upload") for number in range(5)]


def test_an_upload_that_a_job_collects_in_is_as_old_as_its_last_piece() -> None:
    store = bucket_of()
    open_upload(store, "replica-7-abc", "a", {1: b"part"})
    open_upload(store, "replica-7-none", "a", {})
    open_upload(store, "a client's", "a", {1: b"part"})
    assert now_ms() - store.head_upload("replica-7-abc").initiated > 1000 * days(7)
    asked = spec(rule(abort_multipart_after_s=days(7)))
    assert shown(preview(asked)) == [("a", "abort-upload")] * 2
    assert run(asked).deleted == 2
    assert [upload.upload_id for upload in store.list_uploads().uploads] == ["replica-7-abc"]
    assert run(asked, in_days=8).deleted == 1


def test_young_uploads_stay() -> None:
    store = bucket_of()
    open_upload(store, "u", "a", {1: b"part"})
    began = store.head_upload("u").initiated
    asked = spec(rule(abort_multipart_after_s=days(7)))
    drive = job(asked)
    drive.saved.clock_ms = began + 1000 * days(7) - 1
    drive.run()
    assert len(store.list_uploads().uploads) == 1
    drive = job(asked)
    drive.saved.clock_ms = began + 1000 * days(7)
    assert drive.run().deleted == 1


# -- gates, errors, single keys ------------------------------------------------------------------


def test_a_closed_gate_defers_the_run_and_it_goes_on_where_it_was() -> None:
    store = bucket_of()
    fill(store)
    pages = 0

    def close(event: str) -> None:
        nonlocal pages
        pages += event == "checkpoint"
        if pages == 2 and event == "checkpoint":
            closed(bucket())

    drive = job(spec(OLD), happens=close)
    with pytest.raises(Deferred, match="photos"):
        drive.run()
    assert 0 < len(keys(store)) < 14
    token = drive.saved.token
    assert gate.open(bucket().id, bucket().gate.holder or "")
    again = job(spec(OLD))
    again.saved.phase, again.saved.token, again.saved.state = "sweep", token, drive.saved.state
    again.run()
    assert not any(key.startswith("logs/old") for key in keys(store))
    assert again.saved.processed + drive.saved.processed == 13


def test_a_token_that_is_none_of_ours_is_refused() -> None:
    bucket_of()
    drive = job(spec(OLD))
    work = InTestWork(drive.saved, nothing)
    for token in ("nonsense", '{"section":"attic"}', '{"section":"current","after":7}', "[]"):
        with pytest.raises(BadToken):
            Lifecycle(FEW).page(work, "sweep", token)


def test_what_a_backend_cannot_remove_now_is_tried_again_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    store = bucket_of()
    fill(store)
    real, refused = Store.delete_all, []

    def busy(self: Store, deletions: Any) -> Any:
        if len(deletions) > 1:
            refused.append(deletions[0].key)
            return [SlowDown(), *real(self, deletions[1:])]
        return real(self, deletions)

    monkeypatch.setattr(Store, "delete_all", busy)
    saved = run(spec(OLD))
    assert refused and saved.deleted == 8 and saved.issues == []
    assert not any(key.startswith("logs/old") for key in keys(store))


def test_a_run_over_single_keys_decides_about_all_that_they_have() -> None:
    store = bucket_of(versioned=True)
    for key in ("a", "ab", "b"):
        aged(store, key, 50, version_id="v1")
        aged(store, key, 40, version_id="v2")
        open_upload(store, f"upload-of-{key}", key, {1: b"part"})
    asked = spec(
        rule("versions", noncurrent_after_s=days(10)),
        rule("uploads", abort_multipart_after_s=days(1)),
        rule("current", action="delete", after_s=days(45), prefix="b"),
    )
    saved = run(asked, in_days=4000, mode="retry", keys=("a", "gone"), steps=Steps(entries=1))
    assert [each for each in line(store) if each.startswith("a ")] == ["a *v2"]
    assert len(line(store)) == 5
    assert [upload.key for upload in store.list_uploads().uploads] == ["ab", "b"]
    assert (saved.deleted, saved.issues) == (2, [])


def test_rules_that_are_about_nothing_here_end_at_once() -> None:
    store = bucket_of()
    put(store, "a")
    assert run(spec(rule(expired_delete_markers=True))).ended
    assert run(spec()).ended


def test_a_destination_that_is_not_there_fails_the_run_with_its_name() -> None:
    bucket_of()
    asked = spec(rule(action="transition", after_s=1, destination={"bucket": "nowhere", "prefix": ""}))
    with pytest.raises(JobFailed, match="nowhere") as failed:
        run(asked)
    assert failed.value.code == "NoSuchBucket"
    assert "the destination nowhere does not exist" in " ".join(preview(asked)["notes"])


def test_all_removals_have_a_maker() -> None:
    assert set(removing.MAKES) == {"delete", "delete-version", "delete-marker"}
