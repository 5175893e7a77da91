"""One job from its creation to its end, in one process."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.db import DataError, OperationalError
from pytest_django import Settings

from jobs import claims, clock, queue
from jobs.engine import work
from jobs.errors import BadToken
from jobs.failures import Trouble
from jobs.kinds.base import Issue, Item, Outcome, Page, Phase, Work
from jobs.models import Failure, Job
from jobs.progress import Progress
from proxy.errors import AccessDenied, InvalidArgument, NoSuchUpload, SlowDown
from proxy.models import Bucket
from tests.jobs.support import FAST, Walker, gate_is_open, make_bucket, make_job

pytestmark = pytest.mark.django_db(transaction=True)


def run(kind: Walker, job: Job) -> Job:
    work(job.pk, kinds={kind.name: kind}, limits=FAST)
    return Job.objects.get(pk=job.pk)


def test_a_job_goes_through_its_phases_and_ends(home: Path, tmp_path: Path) -> None:
    kind = Walker(log=tmp_path / "log")
    bucket = make_bucket()
    job = make_job(kind, bucket)
    assert not gate_is_open(bucket.name)
    assert queue.counts() == {"waiting": 1, "taken": 0}
    done = run(kind, job)
    assert done.status == "succeeded"
    assert done.processed == 10 and done.bytes_done == 100 and done.failed == 0
    assert done.turned and not done.holder
    assert gate_is_open(bucket.name)
    assert len(set(kind.deeds())) == len(kind.deeds()) == 21
    only = done.runs.get()
    assert only.status == "succeeded" and only.finished_at and only.objects_processed == 10
    assert not Failure.objects.exists()


def test_a_message_for_a_job_that_has_ended_does_nothing(home: Path, tmp_path: Path) -> None:
    kind = Walker(log=tmp_path / "log")
    job = make_job(kind)
    ended = run(kind, job)
    again = run(kind, job)
    assert (again.status, again.updated_at) == (ended.status, ended.updated_at)
    assert len(kind.deeds()) == 21
    work(job.pk + 1000, kinds={kind.name: kind})


def test_a_slice_that_is_over_goes_back_in_line_and_the_next_goes_on(
    home: Path, tmp_path: Path, settings: Settings
) -> None:
    settings.SLICE_SECONDS = 0
    kind = Walker(log=tmp_path / "log")
    job = make_job(kind)
    seen = []
    for _ in range(40):
        now = run(kind, job)
        seen.append((now.status, now.phase, now.token))
        if now.terminal:
            break
        assert not now.holder and now.runs.filter(finished_at=None).count() == 1
    assert ("queued", "copy", "3") in seen and ("queued", "flip", None) in seen
    assert seen[-1][0] == "succeeded"
    assert len(set(kind.deeds())) == len(kind.deeds()) == 21, "nothing was done twice"
    assert now.runs.count() == 1
    assert queue.counts()["waiting"] == len(seen), (
        "one message at the start and after each slice but the last"
    )


def test_a_page_that_asks_to_wait_sends_the_job_back_with_a_time(home: Path, settings: Settings) -> None:
    waits = iter([600.0])

    def wait(page: Page, phase: str, token: str | None) -> Page:
        return Page(token=token, wait_s=next(waits, 0.0)) if phase == "copy" and token == "3" else page

    kind = Walker(page_of=wait)
    job = run(kind, make_job(kind))
    assert (job.status, job.phase, job.token) == ("queued", "copy", "3")
    assert 590_000 < job.not_before_ms - clock.now_ms() <= 600_000
    assert run(kind, job).status == "queued", "not due"
    Job.objects.filter(pk=job.pk).update(not_before_ms=clock.now_ms() - 1)
    kind.page_of = lambda page, *_: page
    assert run(kind, job).status == "succeeded"


def test_a_short_wait_is_waited_for_in_the_slice(home: Path) -> None:
    waits = iter([0.05, 0.05])

    def wait(page: Page, phase: str, token: str | None) -> Page:
        return Page(token=token, wait_s=pause) if (pause := next(waits, 0.0)) else page

    kind = Walker(page_of=wait)
    assert run(kind, make_job(kind)).status == "succeeded"


def test_issues_make_a_success_amber(home: Path) -> None:
    def outcome(phase: str, item: Item) -> Outcome:
        issue = Issue(item.key, "ObjectChanged", "it changed", "v1")
        return Outcome(issues=(issue,) if phase == "cleanup" and item.key.endswith("7") else ())

    kind = Walker(outcome_of=outcome)
    job = run(kind, make_job(kind))
    assert (job.status, job.failed) == ("succeeded", 1)
    row = job.failures.get()
    assert (row.key, row.code, row.version_id, row.phase) == ("cleanup-7", "ObjectChanged", "v1", "cleanup")
    assert row.run is not None and row.run.errors == 1


def fails(*keys: str, error: Exception | None = None) -> Callable[[Work, str, Item], None]:
    def hook(work: Work, phase: str, item: Item) -> None:
        if item.key in keys:
            raise error or AccessDenied()

    return hook


def test_a_failure_before_the_turn_unwinds_and_fails(home: Path, tmp_path: Path) -> None:
    kind = Walker(log=tmp_path / "log", before_item=fails("copy-4"))
    bucket = make_bucket()
    job = run(kind, make_job(kind, bucket))
    assert (job.status, job.turned, job.failed) == ("failed", False, 1)
    assert job.last_error == "AccessDenied: Access Denied"
    assert gate_is_open(bucket.name)
    assert sum(deed.startswith("unwind") for deed in kind.deeds()) == 10
    assert job.runs.get().status == "failed"
    assert job.failures.get().key == "copy-4"


def test_a_failure_after_the_turn_cannot_fail_the_job(home: Path) -> None:
    kind = Walker(before_item=fails("cleanup-4", "cleanup-5"))
    job = run(kind, make_job(kind))
    assert (job.status, job.failed, job.turned) == ("succeeded", 2, True)
    assert {row.key for row in job.failures.all()} == {"cleanup-4", "cleanup-5"}


@pytest.mark.parametrize("phase", ["stage", "copy", "flip"])
def test_a_kind_with_a_bug_fails_its_job_with_the_reason(home: Path, phase: str) -> None:
    def bug(*given: Any) -> None:
        if phase in (*given[1:2], "flip"):
            raise ZeroDivisionError("a bug")

    kind = Walker(before_turn=bug) if phase == "flip" else Walker(before_page=bug)
    bucket = make_bucket()
    job = run(kind, make_job(kind, bucket))
    assert job.status == "failed" and not job.turned
    assert job.last_error == "InternalError: ZeroDivisionError: a bug"
    assert gate_is_open(bucket.name)


def test_a_bug_after_the_turn_ends_the_job_amber(home: Path) -> None:
    def bug(work: Work, phase: str, token: str | None) -> None:
        if phase == "cleanup" and token == "6":
            raise ZeroDivisionError("a bug")

    job = run(kind := Walker(before_page=bug), make_job(kind))
    assert (job.status, job.failed) == ("succeeded", 1)


def test_a_job_of_an_unknown_kind_fails_and_opens_its_gate(home: Path) -> None:
    kind, bucket = Walker(), make_bucket()
    job = make_job(kind, bucket)
    work(job.pk, kinds={})
    job.refresh_from_db()
    assert job.status == "failed" and "walker" in job.last_error
    assert gate_is_open(bucket.name)


def test_a_job_whose_bucket_is_gone_fails(home: Path) -> None:
    kind, bucket = Walker(), make_bucket()
    job = make_job(kind, bucket)
    Bucket.objects.all().delete()
    job = run(kind, job)
    assert job.status == "failed" and "does not exist" in job.last_error


def test_transient_errors_are_retried_and_do_not_reach_the_ring(home: Path, tmp_path: Path) -> None:
    burst = {"copy-1": 3, "copy-2": 2, "page": 3}

    def sometimes(name: str, error: Exception) -> None:
        if burst.get(name, 0):
            burst[name] -= 1
            raise error

    kind = Walker(
        before_item=lambda work, phase, item: sometimes(item.key, SlowDown()),
        before_page=lambda work, phase, token: sometimes("page", TimeoutError("slow")),
    )
    job = run(kind, make_job(kind))
    assert (job.status, job.failed) == ("succeeded", 0)
    assert not any(burst.values())


def test_spent_retries_are_a_failure_that_counts_its_attempts(home: Path) -> None:
    kind = Walker(before_item=fails("cleanup-1", error=SlowDown()))
    row = run(kind, make_job(kind)).failures.get()
    assert (row.code, row.attempt) == ("SlowDown", FAST.backoff.attempts)


def test_the_ring_keeps_the_newest_and_the_run_the_true_total(home: Path, settings: Settings) -> None:
    settings.FAILURE_RING = 5
    kind = Walker(objects=30, size=4, before_item=fails(*(f"cleanup-{n}" for n in range(30))))
    job = run(kind, make_job(kind))
    keys = [row.key for row in job.failures.order_by("pk")]
    assert keys == [f"cleanup-{n}" for n in range(25, 30)]
    assert job.failed == job.runs.get().errors == 30


def test_too_large_a_share_of_failed_objects_fails_the_job_early(home: Path) -> None:
    phases = (Phase("copy", counted=True, fatal=False),)
    kind = Walker(objects=100, phases=phases, before_item=fails(*(f"copy-{n}" for n in range(1, 100))))
    job = make_job(kind)
    work(job.pk, kinds={kind.name: kind}, limits=dataclasses.replace(FAST, failed_after=20))
    job.refresh_from_db()
    assert job.status == "failed" and "objects failed" in job.last_error
    assert 20 <= job.processed + job.failed - 1 < 25


def test_a_turn_whose_commit_was_not_answered_is_made_once(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns, real = [], claims.turning

    @contextlib.contextmanager
    def deaf(claim: claims.Claim, progress: Progress) -> Iterator[bool]:
        with real(claim, progress) as first:
            yield first
        if first:
            raise OperationalError("the server closed the connection")

    monkeypatch.setattr(claims, "turning", deaf)
    kind = Walker(before_turn=lambda work: turns.append(work.job_id))
    job = run(kind, make_job(kind))
    assert (job.status, job.failed, len(turns)) == ("succeeded", 0, 1)
    assert job.state["turned_by"] == os.getpid(), "what the turn noted is not lost"


def test_what_the_engine_cannot_save_fails_the_job_with_the_reason(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = claims.checkpoint

    def refuse(
        claim: claims.Claim, progress: Progress, troubles: Sequence[Trouble] = (), **options: Any
    ) -> None:
        if progress.token == "6":
            raise DataError("no such thing can be stored")
        real(claim, progress, troubles, **options)

    monkeypatch.setattr(claims, "checkpoint", refuse)
    kind, bucket = Walker(), make_bucket()
    job = run(kind, make_job(kind, bucket))
    assert job.status == "failed" and "no such thing" in job.last_error
    assert gate_is_open(bucket.name)


def test_messages_are_bounded_and_keys_may_hold_anything(home: Path) -> None:
    def outcome(phase: str, item: Item) -> Outcome:
        issue = Issue("a\0b", "Code", "long " * 1000)
        return Outcome(issues=(issue,) if item.key == "cleanup-1" else ())

    kind = Walker(outcome_of=outcome)
    row = run(kind, make_job(kind)).failures.get()
    assert row.key == "a\N{REPLACEMENT CHARACTER}b" and len(row.message) == 2000


# -- tokens ------------------------------------------------------------------------------


def test_a_bad_token_of_a_resumed_walk_is_dropped_once_and_the_walk_begins_again(
    home: Path, settings: Settings, tmp_path: Path
) -> None:
    settings.SLICE_SECONDS = 0
    refusals: list[str] = []

    def refuse(work: Work, phase: str, token: str | None) -> None:
        if phase == "copy" and token == "6" and not refusals:
            refusals.append(token)
            raise BadToken("expired")

    kind = Walker(before_page=refuse, log=tmp_path / "log")
    job = make_job(kind)
    for _ in range(50):
        job = run(kind, job)
        if job.terminal:
            break
    assert job.status == "succeeded" and refusals == ["6"]
    assert job.processed == 10, "the counts of the walk began again too"
    assert job.token_dropped_in == "copy"


@pytest.mark.parametrize("error", [BadToken("expired"), InvalidArgument(), NoSuchUpload()])
def test_a_second_refusal_fails_the_job(home: Path, settings: Settings, error: Exception) -> None:
    settings.SLICE_SECONDS = 0

    def refuse(work: Work, phase: str, token: str | None) -> None:
        if phase == "copy" and token == "6":
            raise error

    kind = Walker(before_page=refuse)
    job = make_job(kind)
    for _ in range(50):
        job = run(kind, job)
        if job.terminal:
            break
    assert job.status == "failed" and job.token_dropped_in == "copy"


def test_a_token_refused_in_the_slice_that_got_it_is_not_dropped(home: Path) -> None:
    def refuse(work: Work, phase: str, token: str | None) -> None:
        if token == "6":
            raise BadToken("expired")

    kind = Walker(before_page=refuse)
    job = run(kind, make_job(kind))
    assert job.status == "failed" and not job.token_dropped_in
    assert job.last_error == "BadToken: expired"


@pytest.mark.parametrize(
    ("page", "code"),
    [
        (Page(truncated=True), "CursorError"),
        (Page(truncated=True, token="3"), "CursorError"),
        (Page(items=[Item("x")], wait_s=1.0), "CursorError"),
    ],
)
def test_a_page_that_cannot_be_true_fails_the_job(home: Path, page: Page, code: str) -> None:
    kind = Walker(page_of=lambda real, phase, token: page if token == "3" else real)
    job = run(kind, make_job(kind))
    assert job.status == "failed" and job.last_error.startswith(code)


def test_a_walk_that_spends_its_pages_fails_and_never_turns(home: Path) -> None:
    kind = Walker(objects=100)
    job = make_job(kind)
    work(job.pk, kinds={kind.name: kind}, limits=dataclasses.replace(FAST, pages=5))
    job.refresh_from_db()
    assert job.status == "failed" and not job.turned and job.last_error.startswith("BudgetSpent")
