"""Runs of rules through the engine: what each end keeps, counts and tells."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from jobs import clock, queue, runs, standing
from jobs.errors import BadToken, Deferred, JobFailed
from jobs.kinds.base import EVENTS, Issue, Item, Outcome, Page, Phase, Work
from jobs.models import Job, Run
from proxy import gate
from proxy.errors import InvalidArgument, SlowDown
from proxy.models import Bucket
from tests.jobs.ruled import Ruled, make_rule
from tests.jobs.running import SCHEDULED, due_in_s, go_on, once, raising, rule, run
from tests.jobs.support import make_bucket

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def source(home: Path) -> str:
    return make_bucket("b").name


# -- whole runs ---------------------------------------------------------------------------


def test_a_run_is_queued_then_running_then_history_and_the_lifetime_adds_up(tmp_path: Path) -> None:
    seen: list[tuple[str, str]] = []

    def look(work: Work, phase: str, item: Item) -> None:
        seen.append((Job.objects.get().status, Run.objects.get(finished_at=None).status))

    kind = Ruled(objects=6, log=tmp_path / "log")
    job = rule(kind)
    assert (job.status, job.runs.count()) == ("idle", 0)
    asked = standing.enqueue(job, SCHEDULED, "tests")
    assert asked is not None and (asked.status, asked.mode) == ("queued", SCHEDULED)
    kind.before_item = look
    job = go_on(kind, job)
    assert set(seen) == {("running", "running")}
    assert (job.status, job.processed, job.lifetime_objects, job.lifetime_bytes) == ("succeeded", 6, 6, 60)
    done = job.runs.get()
    assert (done.pk, done.status, done.status_raw) == (asked.pk, "succeeded", "succeeded")
    assert done.objects_processed == 6 and done.finished_at is not None
    kind.before_item = lambda *_: None
    job = run(kind, job)
    assert (job.processed, job.lifetime_objects, job.runs.count()) == (6, 12, 2)
    assert job.kept == {} and not job.holder and 50 < due_in_s(job) <= 60, "the schedule is as it was"


def test_a_run_has_the_mode_and_the_keys_that_were_asked_for() -> None:
    seen: list[tuple[str, tuple[str, ...], str]] = []
    kind = Ruled(before_page=lambda work, phase, token: seen.append((work.mode, tuple(work.keys), phase)))
    job = run(kind, rule(kind), EVENTS, keys=["a", "b"])
    assert set(seen) == {(EVENTS, ("a", "b"), "follow")}
    assert (job.mode, job.keys, job.run_anyway) == (EVENTS, [], False)


def test_the_notes_of_a_rule_live_on_from_run_to_run() -> None:
    def count(work: Work, phase: str, token: str | None) -> None:
        work.state["pages"] = work.state.get("pages", 0) + 1

    kind = Ruled(objects=6, before_page=count)
    job = rule(kind)
    run(kind, job)
    assert run(kind, job).state["pages"] == 4


def test_failed_objects_make_it_amber_and_what_the_kind_reports_is_history() -> None:
    issue = Issue("k", "AccessDenied", "no")
    kind = Ruled(outcome_of=lambda phase, item: Outcome(issues=(issue,) if item.key.endswith("-1") else ()))
    kind.report_of = lambda state: {"seen": state["seen"]}
    job = run(kind, rule(kind))
    assert (job.status, job.failed) == ("succeeded", 1)
    assert job.runs.get().detail == {"seen": "reconcile 9", "unfinished": True}
    assert job.failures.get().run == job.runs.get()


def test_a_report_without_end_is_not_kept() -> None:
    kind = Ruled(objects=2)
    kind.report_of = lambda state: {"text": "x" * runs.DETAIL_BYTES}
    assert list(run(kind, rule(kind)).runs.get().detail) == ["left_out"]


@pytest.mark.parametrize("wrong", [lambda state: state["no such note"], lambda state: {"a": object()}])
def test_a_report_that_cannot_be_made_does_not_keep_a_run_from_its_end(wrong: Callable[..., Any]) -> None:
    kind = Ruled(objects=2, report_of=wrong)
    job = run(kind, rule(kind))
    assert (job.status, job.runs.get().detail) == ("succeeded", {"left_out": "The report cannot be made."})


def test_keys_in_a_report_may_hold_anything() -> None:
    kind = Ruled(objects=2, report_of=lambda state: {"a\0b": [{"key": "c\0", "size": 1}]})
    assert run(kind, rule(kind)).runs.get().detail == {"a\ufffdb": [{"key": "c\ufffd", "size": 1}]}


def test_a_rule_says_how_many_items_are_worked_on_side_by_side() -> None:
    threads: set[str] = set()

    def note(work: Work, phase: str, item: Item) -> None:
        threads.add(threading.current_thread().name)

    kind = Ruled(objects=3, before_item=note, concurrency=3)
    run(kind, rule(kind, concurrency=1))
    assert threads == {"ruled:mirror/0"}


# -- ends that keep the cursor ----------------------------------------------------------------


def test_a_walk_that_spends_its_pages_is_gone_on_with_in_the_next_run(tmp_path: Path) -> None:
    kind = Ruled(objects=12, log=tmp_path / "log")
    job = run(kind, rule(kind))
    assert (job.status, job.kept) == ("succeeded", {SCHEDULED: ["reconcile", "9"]})
    assert job.runs.get().detail["unfinished"] is True and due_in_s(job) <= 0
    job = run(kind, job)
    assert (job.status, job.kept, job.processed) == ("succeeded", {}, 3)
    assert len(kind.deeds()) == len(set(kind.deeds())) == 12, "nothing twice"


def test_a_walk_that_must_be_whole_fails_when_its_pages_are_spent_and_begins_anew() -> None:
    kind = Ruled(objects=12, phases=(Phase("reconcile", counted=True), Phase("follow", counted=True)))
    job = run(kind, rule(kind))
    assert (job.status, job.kept) == ("failed", {}) and job.last_error.startswith("BudgetSpent")
    assert 50 < due_in_s(job) <= 60


@pytest.mark.parametrize("mode", [SCHEDULED, EVENTS])
def test_a_deferred_run_ends_idle_says_why_rests_and_goes_on_exactly(mode: str, tmp_path: Path) -> None:
    later = Deferred("Bucket x takes no writes now: maintenance:7 has it.", wait_s=30)
    kind = Ruled(objects=8, log=tmp_path / "log", before_page=once(raising(later), token="3"))
    job = run(kind, rule(kind), mode)
    assert (job.status, job.last_error) == ("idle", str(later))
    phase = kind.modes[mode][0]
    assert job.kept == {mode: [phase, "3"]}
    only = job.runs.get()
    assert (only.status, only.status_raw, only.objects_processed) == ("idle", "deferred", 3)
    assert 25_000 < job.not_before_ms - clock.now_ms() <= 30_000
    assert not Job.objects.filter(standing.startable()).exists()
    assert (due_in_s(job) <= 30) is (mode == SCHEDULED), "what follows a feed is not a matter of time"
    job = run(kind, job, mode)
    assert (job.status, job.last_error, job.not_before_ms) == ("succeeded", "", 0)
    assert len(kind.deeds()) == len(set(kind.deeds())) == 8


def test_a_run_of_another_mode_leaves_the_kept_cursor_alone() -> None:
    kind = Ruled(objects=8, before_page=once(raising(Deferred("later")), token="3"))
    job = run(kind, rule(kind))
    assert run(kind, job, EVENTS).kept == {SCHEDULED: ["reconcile", "3"]}


def test_a_run_over_given_keys_keeps_no_cursor() -> None:
    kind = Ruled(objects=8, before_page=once(raising(Deferred("later")), token="3"))
    assert run(kind, rule(kind), keys=["a"]).kept == {}


def test_notes_that_were_made_after_the_checkpoint_go_with_a_run_that_does_not_end_well() -> None:
    def note(work: Work, phase: str, token: str | None) -> None:
        work.state.setdefault("tokens", []).append(token)

    def fail(work: Work, phase: str, item: Item) -> None:
        if item.key == "reconcile-4" and armed:
            armed.clear()
            raise Deferred("later")

    armed = [True]
    kind = Ruled(objects=8, before_page=note, before_item=fail)
    job = run(kind, rule(kind))
    assert job.state["tokens"] == [None], "the cursor is at 3, and so are the notes"
    assert run(kind, job).state["tokens"] == [None, "3", "6"]


def test_an_error_of_a_backend_that_lasts_fails_the_run_and_keeps_the_cursor(tmp_path: Path) -> None:
    away = [True]

    def hook(work: Work, phase: str, token: str | None) -> None:
        if token == "3" and away:
            raise SlowDown()

    kind = Ruled(objects=8, log=tmp_path / "log", before_page=hook)
    job = run(kind, rule(kind))
    assert (job.status, job.kept) == ("failed", {SCHEDULED: ["reconcile", "3"]})
    assert job.runs.get().status_raw == "failed" and 50 < due_in_s(job) <= 60
    assert run(kind, job).kept == {SCHEDULED: ["reconcile", "3"]}, "and keeps it as long as it lasts"
    away.clear()
    assert run(kind, job).status == "succeeded"
    assert len(kind.deeds()) == len(set(kind.deeds())) == 8


def test_a_page_that_can_never_be_had_does_not_hold_up_the_keys_before_it(tmp_path: Path) -> None:
    def bug(work: Work, phase: str, token: str | None) -> None:
        if token == "3":
            raise ZeroDivisionError("a bug")

    kind = Ruled(objects=8, log=tmp_path / "log", before_page=bug)
    job = run(kind, rule(kind))
    assert job.kept == {SCHEDULED: ["reconcile", "3"]}
    assert run(kind, job).kept == {}
    run(kind, job)
    assert kind.deeds().count("reconcile-0") == 2


def test_a_kept_phase_that_the_kind_no_longer_has_fails_one_run_and_is_forgotten() -> None:
    kind = Ruled(objects=3)
    job = rule(kind)
    Job.objects.filter(pk=job.pk).update(kept={SCHEDULED: ["of an older version", "t"]})
    assert run(kind, job).status == "failed"
    assert run(kind, job).status == "succeeded"


@pytest.mark.parametrize("error", [BadToken("expired"), InvalidArgument()])
def test_a_kept_token_that_is_refused_is_dropped_and_the_walk_begins_again(
    error: Exception, tmp_path: Path
) -> None:
    kind = Ruled(objects=6, log=tmp_path / "log", before_page=once(raising(Deferred("later")), token="3"))
    job = run(kind, rule(kind))
    kind.before_page = once(raising(error), token="3")
    job = run(kind, job)
    assert (job.status, job.processed, job.token_dropped_in) == ("succeeded", 6, "reconcile")


# -- runs after a feed ------------------------------------------------------------------------


def follow(kind: Ruled, job: Job, objects: int) -> None:
    kind.objects = objects
    kind.page_of = lambda page, *_: page if objects else Page()
    assert run(kind, job, EVENTS, runs.EVENT).status == "succeeded"


def test_a_run_after_a_feed_that_found_nothing_is_no_history() -> None:
    kind = Ruled()
    job = rule(kind)
    follow(kind, job, 0)
    assert not job.runs.exists()


def test_runs_after_a_feed_become_one_within_the_hour() -> None:
    kind = Ruled()
    job = rule(kind)
    for objects in (2, 3, 0, 4):
        follow(kind, job, objects)
    only = job.runs.get()
    assert (only.mode, only.objects_processed, only.bytes_done) == (EVENTS, 9, 90)
    assert Job.objects.get().lifetime_objects == 9
    Run.objects.update(started_at=timezone.now() - runs.MERGED_WITHIN)
    follow(kind, job, 1)
    assert [each.objects_processed for each in job.runs.order_by("pk")] == [9, 1]


@pytest.mark.parametrize("between", ["failed objects", "another mode", "a failed run"])
def test_what_came_between_is_not_buried(between: str) -> None:
    kind = Ruled()
    job = rule(kind)
    follow(kind, job, 2)
    if between == "another mode":
        run(kind, job)
    elif between == "a failed run":
        kind.before_page = once(raising(ZeroDivisionError("a bug")), token="3")
        kind.objects = 5
        run(kind, job, EVENTS)
    else:
        kind.outcome_of = lambda phase, item: Outcome(issues=(Issue(item.key, "Code", "no"),))
        follow(kind, job, 2)
        kind.outcome_of = lambda *_: Outcome(size=10)
    follow(kind, job, 5)
    assert job.runs.count() == 3


# -- runs that wait -----------------------------------------------------------------------------


@pytest.mark.parametrize(("by", "told"), [(runs.SCHEDULE, 1), ("tests", 3)])
def test_of_runs_that_waited_for_the_same_one_is_history_unless_somebody_asked_for_them(
    by: str, told: int
) -> None:
    kind = Ruled(before_page=lambda work, phase, token: raising(Deferred("later"))())
    job = rule(kind)
    ends = []
    for _ in range(3):
        run(kind, job, SCHEDULED, by)
        ends.append(job.runs.latest("pk").finished_at)
    assert [each.status_raw for each in job.runs.all()] == ["deferred"] * told
    assert ends == sorted(ends) and len(set(ends)) == 3, "it goes on until now"


def test_runs_that_wait_in_several_modes_by_turns_are_one_but_for_those_that_were_asked_for() -> None:
    kind = Ruled(before_page=lambda work, phase, token: raising(Deferred("later"))())
    job = rule(kind)
    for _ in range(3):
        run(kind, job, SCHEDULED, runs.SCHEDULE)
        run(kind, job, EVENTS, runs.EVENT)
    assert job.runs.get().mode == SCHEDULED
    run(kind, job, SCHEDULED, "tests")
    run(kind, job, EVENTS, runs.EVENT)
    assert [each.mode for each in job.runs.order_by("pk")] == [SCHEDULED, SCHEDULED, EVENTS]


def test_of_runs_that_fail_for_one_reason_again_and_again_one_is_history() -> None:
    """Else a bucket that is not there fills the history and the failures within hours."""
    text = ["There is no bucket."]
    kind = Ruled(before_page=lambda work, phase, token: raising(JobFailed(text[0], "NoSuchBucket"))())
    job = rule(kind)
    for _ in range(3):
        run(kind, job, SCHEDULED, runs.SCHEDULE)
        run(kind, job, EVENTS, runs.EVENT)
    only, now = job.runs.get(), Job.objects.get()
    assert (only.status, only.errors, only.finished_at) == ("failed", 1, now.finished_at)
    assert job.failures.get().run == only and now.last_error == "NoSuchBucket: There is no bucket."
    text[0] = "Another reason."
    run(kind, job, EVENTS, runs.EVENT)
    run(kind, job, SCHEDULED, "tests")
    run(kind, job, SCHEDULED, runs.SCHEDULE)
    assert job.runs.count() == job.failures.count() == 4, "also whatever somebody asked for"


def test_a_run_that_did_something_before_it_waited_is_history() -> None:
    kind = Ruled(objects=9, before_page=once(raising(Deferred("later")), token="3"))
    job = rule(kind)
    run(kind, job, SCHEDULED, runs.SCHEDULE)
    kind.before_page = once(raising(Deferred("later")), token="6")
    run(kind, job, SCHEDULED, runs.SCHEDULE)
    assert [each.objects_processed for each in job.runs.order_by("pk")] == [3, 3]


# -- lanes ------------------------------------------------------------------------------------


def test_in_its_lane_a_slice_is_short_while_others_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.engine.pacing.SHORT_S", 0.0)
    kind = Ruled(objects=8)
    job = rule(kind)
    assert run(kind, job).status == "succeeded", "nobody waits"
    other = make_rule("other", kind)
    assert standing.enqueue(other, SCHEDULED, "tests") is not None
    messages = queue.counts(EVENTS)["waiting"]
    now = run(kind, job)
    assert (now.status, now.token) == ("queued", "3")
    assert queue.counts(EVENTS)["waiting"] == messages + 2, "one to begin, one to go on, both in its lane"


def test_what_follows_a_feed_comes_before_the_walks_of_its_lane_but_not_for_ever(tmp_path: Path) -> None:
    """Else a write would wait for a slice of each rule that walks."""
    kind = Ruled(objects=3, log=tmp_path / "log")
    walk = make_rule("walk", kind)
    assert standing.enqueue(walk, SCHEDULED, "tests") is not None
    for number in range(queue.MOST_BEFORE + 1):
        assert standing.enqueue(make_rule(f"mirror-{number}", kind), EVENTS, "tests") is not None
    assert go_on(kind, walk).status == "succeeded"
    phases = [deed.partition("-")[0] for deed in kind.deeds()]
    assert phases == ["follow"] * 3 * queue.MOST_BEFORE + ["reconcile"] * 3
    last = Job.objects.get(status="queued")
    assert (last.rule, queue.before(last.pk)) == (f"mirror-{queue.MOST_BEFORE}", [])


def test_a_closed_gate_of_its_source_is_no_matter_to_a_rule() -> None:
    kind = Ruled()
    bucket = Bucket.objects.get()
    gate.close(bucket.pk, "maintenance:1")
    assert run(kind, rule(kind)).status == "succeeded"
