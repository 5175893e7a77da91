"""Runs of rules that are stopped, paused, replaced, or lose their worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from jobs import queue, recovery, standing, transitions
from jobs.engine import work
from jobs.engine.claiming import take
from jobs.kinds.base import EVENTS
from jobs.models import Job
from proxy.models import Bucket
from tests.jobs.ruled import Ruled, make_rule
from tests.jobs.running import SCHEDULED, due_in_s, go_on, once, rule, run
from tests.jobs.support import FAST, lapse, make_bucket

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def source(home: Path) -> str:
    return make_bucket("b").name


# -- stopped, paused, replaced --------------------------------------------------------------


@pytest.mark.parametrize("how", ["withdraw", "disable"])
def test_a_rule_that_goes_away_in_mid_run_stops_at_the_next_proof(how: str, tmp_path: Path) -> None:
    kind = Ruled(objects=8, log=tmp_path / "log")
    job = rule(kind)

    def go_away() -> None:
        if how == "withdraw":
            standing.withdraw(job)
        else:
            make_disabled(kind)

    kind.before_page = once(go_away, token="3")
    stopped = run(kind, job)
    assert (stopped.status, stopped.enabled, stopped.declared) == ("idle", False, how == "disable")
    assert (stopped.runs.get().status, stopped.runs.get().status_raw) == ("idle", "stopped")
    assert len(kind.deeds()) == 3 and stopped.kept == {SCHEDULED: ["reconcile", "3"]}
    assert standing.enqueue(stopped, SCHEDULED, "tests") is None
    back = make_rule("mirror", kind)
    assert due_in_s(back) <= 0, "declared anew it is due"
    assert run(kind, back).status == "succeeded"
    assert len(kind.deeds()) == 8


def make_disabled(kind: Ruled) -> Job:
    job = Job.objects.get()
    declared = standing.Declared(job.rule, job.name, job.bucket_name, job.spec, job.revision, enabled=False)
    return standing.declare(kind, declared)


def test_a_slice_that_ends_as_its_rule_goes_away_leaves_no_run_that_nobody_may_take(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker's last proof is older than the withdrawal."""
    settings.SLICE_SECONDS = 0
    kind = Ruled(objects=8)
    job = rule(kind)

    def withdrawn_now(self: Any) -> bool:
        standing.withdraw(job)
        return True

    monkeypatch.setattr("jobs.engine.pacing.Pace.over", withdrawn_now)
    stopped = run(kind, job)
    assert (stopped.status, stopped.runs.get().status_raw) == ("idle", "stopped")


def test_a_paused_run_waits_and_goes_on_when_it_is_resumed(tmp_path: Path) -> None:
    kind = Ruled(objects=8, log=tmp_path / "log")
    job = rule(kind)
    kind.before_page = once(lambda: bool(standing.pause(job)) and None, token="3")
    paused = run(kind, job)
    assert (paused.status, paused.paused, paused.token) == ("queued", True, "6")
    assert paused.runs.get().status == "running"
    assert go_on(kind, job).status == "queued", "nobody may take it"
    messages = queue.counts(EVENTS)["waiting"]
    assert standing.resume(paused) and not standing.resume(paused)
    assert queue.counts(EVENTS)["waiting"] == messages + 1
    assert go_on(kind, job).status == "succeeded"
    assert len(kind.deeds()) == 8 and job.runs.count() == 1


def test_a_run_that_was_asked_for_by_name_ignores_that_the_rule_is_paused_and_disabled() -> None:
    kind = Ruled(objects=8)
    job = rule(kind)
    standing.pause(job)
    job = make_disabled(kind)
    assert standing.enqueue(job, SCHEDULED, "tests") is None
    job = run(kind, job, anyway=True)
    assert (job.status, job.paused, job.enabled, job.run_anyway) == ("succeeded", True, False, False)


def test_a_run_that_was_asked_for_by_name_of_a_rule_that_is_awake_can_be_paused() -> None:
    kind = Ruled(objects=8)
    job = rule(kind)
    kind.before_page = once(lambda: bool(standing.pause(job)) and None, token="3")
    assert run(kind, job, anyway=True).status == "queued"


def test_a_run_that_follows_a_feed_gives_way_and_its_worker_changes_nothing_more(tmp_path: Path) -> None:
    kind = Ruled(objects=8, log=tmp_path / "log")
    job = rule(kind)

    def ask() -> None:
        free = standing.make_way(job)
        assert standing.enqueue(free, SCHEDULED, "tests") is not None

    kind.before_page = once(ask, token="3")
    after = run(kind, job, EVENTS, by="event")
    assert (after.status, after.mode, after.kept) == ("queued", SCHEDULED, {EVENTS: ["follow", "3"]})
    ended, asked = after.runs.order_by("pk")
    assert (ended.status_raw, ended.objects_processed, asked.status) == ("stopped", 3, "queued")
    assert (after.lifetime_objects, after.processed) == (3, 0)
    assert go_on(kind, job).status == "succeeded"
    assert run(kind, job, EVENTS).status == "succeeded"
    followed = [deed for deed in kind.deeds() if deed.startswith("follow")]
    assert len(followed) == len(set(followed)) == 8, "it went on where it had stopped"


def test_a_run_that_follows_a_feed_and_gives_way_before_it_did_anything_is_no_history() -> None:
    job = rule(Ruled())
    assert standing.enqueue(job, EVENTS, "event") is not None
    assert standing.make_way(job).status == "idle"
    assert not job.runs.exists()


@pytest.mark.parametrize("paused", [True, False])
def test_only_what_a_pause_holds_up_gives_way_else(paused: bool) -> None:
    job = rule(Ruled())
    assert standing.enqueue(job, SCHEDULED, "scheduler") is not None
    if paused:
        standing.pause(job)
    free = standing.make_way(job)
    assert (standing.enqueue(free, SCHEDULED, "tests", anyway=True) is not None) is paused
    assert Job.objects.get().runs.count() == 1 + paused


def test_another_definition_takes_the_job_from_its_worker(tmp_path: Path) -> None:
    kind = Ruled(objects=8, log=tmp_path / "log")
    job = rule(kind)
    kept: list[Job] = []

    def replace() -> None:
        declared = standing.Declared("mirror", "mirror", "b", {"interval_s": 60, "new": True}, "2")
        kept.append(standing.declare(kind, declared))

    kind.before_page = once(replace, token="6")
    after = run(kind, job)
    assert (after.status, after.revision, after.spec["new"]) == ("idle", "2", True)
    assert (after.kept, after.state, after.phase, after.holder) == ({}, {}, "", "")
    assert after.updated_at == kept[0].updated_at, "the worker wrote nothing any more"
    only = after.runs.get()
    assert (only.status_raw, only.objects_processed) == ("replaced", 6)
    assert after.lifetime_objects == 6 and due_in_s(after) <= 0
    assert run(kind, job).status == "succeeded"
    assert kind.deeds().count("reconcile-0") == 2, "from the top"


def test_what_is_no_part_of_the_revision_is_taken_up_without_losing_the_run() -> None:
    kind = Ruled(objects=8)
    job = rule(kind)
    before = job.epoch

    def change() -> None:
        declared = standing.Declared("mirror", "mirror", "b", {"interval_s": 30}, job.revision)
        standing.declare(kind, declared)

    kind.before_page = once(change, token="3")
    after = run(kind, job)
    assert (after.status, after.epoch, after.spec) == ("succeeded", before + 1, {"interval_s": 30})
    assert due_in_s(after) <= 30, "a shorter interval counts at once"


def test_a_rule_whose_bucket_is_gone_fails_with_the_reason() -> None:
    kind = Ruled()
    job = rule(kind)
    Bucket.objects.all().delete()
    job = run(kind, job)
    assert (job.status, job.failures.get().code) == ("failed", "NoSuchBucket")
    make_bucket("b")
    assert run(kind, job).status == "succeeded", "and takes whichever has the name"


def test_a_rule_of_an_unknown_kind_fails() -> None:
    job = rule(Ruled())
    assert standing.enqueue(job, SCHEDULED, "tests") is not None
    work(job.pk, kinds={})
    job.refresh_from_db()
    assert (job.status, job.runs.get().status) == ("failed", "failed")


# -- lost workers ---------------------------------------------------------------------------


def lose(kind: Ruled, job: Job) -> Job:
    """A worker claims the job and is never heard of again."""
    assert take(job.pk, {kind.name: kind}, FAST) is not None
    lapse(job.pk)
    return Job.objects.get(pk=job.pk)


def test_a_rule_fails_with_its_worker_and_the_next_run_goes_on_where_it_stopped() -> None:
    kind = Ruled(objects=8)
    job = rule(kind)
    kept = {"kept": {SCHEDULED: ["reconcile", "6"]}}
    Job.objects.filter(pk=job.pk).update(**kept)
    assert standing.enqueue(Job.objects.get(pk=job.pk), SCHEDULED, "tests") is not None
    lose(kind, job)
    assert recovery.recover().failed == 1 and recovery.recover().failed == 0
    job.refresh_from_db()
    assert (job.status, job.crashes, job.failed, job.kept) == ("failed", 1, 1, kept["kept"])
    row = job.failures.get()
    assert (row.code, row.run, row.key) == ("WorkerLost", job.runs.get(), "")
    assert job.runs.get().status == "failed" and job.last_error.startswith("WorkerLost: ")
    assert 0 < due_in_s(job) <= 1
    assert run(kind, job).processed == 2


def test_after_five_lost_workers_in_a_row_it_begins_anew_when_it_is_due_anyway() -> None:
    kind = Ruled(objects=8)
    job = rule(kind)
    Job.objects.filter(pk=job.pk).update(kept={SCHEDULED: ["reconcile", "6"]})
    rests = []
    for number in range(transitions.MOST_LOST):
        job.refresh_from_db()
        assert job.kept[SCHEDULED] == ["reconcile", "6"] and job.crashes == number
        assert standing.enqueue(job, SCHEDULED, "tests") is not None
        Job.objects.filter(pk=job.pk).update(**standing.due_in(500))
        lose(kind, job)
        assert recovery.refresh(job.pk)
        rests.append(round(due_in_s(Job.objects.get(pk=job.pk))))
    job.refresh_from_db()
    assert rests == [1, 2, 4, 8, 500] and (job.kept, job.crashes) == ({}, 0)
    assert run(kind, job).processed == 8


def test_a_checkpoint_ends_the_row_of_lost_workers() -> None:
    kind = Ruled(objects=8)
    job = rule(kind)
    Job.objects.filter(pk=job.pk).update(crashes=4, kept={SCHEDULED: ["reconcile", "3"]})
    seen: dict[str | None, int] = {}
    kind.before_page = lambda work, phase, token: seen.update({token: Job.objects.get().crashes})
    run(kind, job)
    assert seen == {"3": 4, "6": 0}
