"""Zombies, orphaned gates, and the leader's tick."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import OperationalError
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django import Settings

from jobs import clock, heartbeat, leader, leases, pruning, queue, recovery, scheduler
from jobs.engine import work
from jobs.management.commands import cluster
from jobs.models import AuditEntry, Failure, Heartbeat, Job, Leader, Run
from jobs.scheduler import Duty, Scheduler, resend_lost
from proxy import gate
from proxy.models import Bucket
from tests.jobs.ruled import make_rule
from tests.jobs.support import FAST, Walker, gate_is_open, make_bucket, make_job, wait_for

pytestmark = pytest.mark.django_db(transaction=True)

LONG_AGO = 1


def run(kind: Walker, job: Job) -> Job:
    work(job.pk, kinds={kind.name: kind}, limits=FAST)
    return Job.objects.get(pk=job.pk)


def running(job: Job, holder: str = "gone", left_ms: int = -1) -> Job:
    """As if a worker had claimed it, whose lease ends in `left_ms`."""
    Job.objects.filter(pk=job.pk).update(
        status="running",
        holder=holder,
        epoch=1,
        lease_clock=clock.clock_id(),
        lease_expires_ms=clock.now_ms() + left_ms,
        phase="copy",
        token="3",
        has_effects=True,
    )
    return Job.objects.get(pk=job.pk)


def test_a_zombie_goes_back_in_line_with_its_cursor_and_counts_its_crash(home: Path) -> None:
    job = running(make_job(Walker()))
    before = queue.counts()["waiting"]
    assert recovery.recover().requeued == 1
    job.refresh_from_db()
    assert (job.status, job.phase, job.token, job.crashes) == ("queued", "copy", "3", 1)
    assert (job.holder, job.epoch, job.last_error) == ("", 1, "The worker was lost: gone.")
    assert queue.counts()["waiting"] == before + 1
    assert not gate_is_open(job.bucket_name), "its gate stays closed"


def test_a_live_peer_is_left_alone(home: Path) -> None:
    job = running(make_job(Walker()), left_ms=60_000)
    assert recovery.recover() == recovery.Recovered()
    assert not recovery.refresh(job.pk)
    job.refresh_from_db()
    assert (job.status, job.holder) == ("running", "gone")


def test_the_lease_of_another_boot_has_lapsed(home: Path) -> None:
    job = running(make_job(Walker()), left_ms=60_000)
    Job.objects.update(lease_clock="another boot")
    assert recovery.refresh(job.pk)
    job.refresh_from_db()
    assert job.status == "queued"


def test_a_window_that_reads_a_zombie_recovers_it(home: Path) -> None:
    job = running(make_job(Walker()))
    assert recovery.refresh(job.pk)
    assert not recovery.refresh(job.pk), "once"
    assert not recovery.refresh(job.pk + 1)
    assert Job.objects.get().status == "queued"


def test_two_recoveries_of_one_zombie_count_one_crash(home: Path) -> None:
    job = running(make_job(Walker()))
    stale = Job.objects.get(pk=job.pk)
    assert recovery.recover().requeued == 1
    assert recovery._recover(stale) == recovery.Recovered()
    assert Job.objects.get().crashes == 1


def test_a_checkpoint_ends_the_row_of_crashes(home: Path) -> None:
    kind = Walker()
    job = make_job(kind)
    Job.objects.update(crashes=4)
    seen = []
    kind.before_page = lambda work, phase, token: seen.append((token, Job.objects.get().crashes))
    assert run(kind, job).status == "succeeded"
    assert dict(seen)["3"] == 0


@pytest.mark.parametrize(
    ("holder", "opened"), [("maintenance:{job}", True), ("maintenance:4711", True), ("somebody", False)]
)
def test_a_gate_is_orphaned_when_its_job_has_ended_or_never_was(
    home: Path, holder: str, opened: bool
) -> None:
    bucket = make_bucket()
    ended = Job.objects.create(kind="k", subsystem="maintenance", status="failed")
    gate.close(bucket.id, holder.format(job=ended.pk))
    assert recovery.recover().gates_opened == int(opened)
    assert gate_is_open(bucket.name) is opened


@pytest.mark.parametrize("status", ["queued", "running", "cancelling"])
def test_the_gate_of_a_live_job_is_not_opened(home: Path, status: str) -> None:
    job = running(make_job(Walker()), left_ms=60_000)
    Job.objects.update(status=status)
    assert recovery.recover().gates_opened == 0
    assert not gate_is_open(job.bucket_name)


# -- lost messages ---------------------------------------------------------------------------


def lose_messages() -> None:
    OrmQ.objects.all().delete()


def test_a_lost_message_is_sent_again_when_it_is_old(home: Path) -> None:
    job = make_job(Walker())
    lose_messages()
    assert resend_lost(1000) == 0, "it is young"
    Job.objects.update(sent_ms=clock.now_ms() - 1001)
    assert resend_lost(1000) == 1
    assert queue.counts()["waiting"] == 1
    assert resend_lost(1000) == 0, "and young again"
    job.refresh_from_db()
    assert clock.now_ms() - job.sent_ms < 1000


def test_a_starting_cluster_sends_again_what_its_predecessor_had_taken(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_job(Walker())
    OrmQ.objects.update(lock=timezone.now() + timedelta(minutes=10))
    waiting: list[int] = []
    monkeypatch.setattr(cluster, "call_command", lambda name: waiting.append(queue.counts()["waiting"]))
    monkeypatch.setattr(cluster.orphans, "end_forks_with_parents", lambda: None)
    cluster.Command().handle(lane="")
    assert waiting == [1], "before its workers begin"


def test_a_queue_that_nobody_serves_does_not_grow(home: Path) -> None:
    for _ in range(3):
        make_job(Walker())
    for _ in range(5):
        Job.objects.update(sent_ms=LONG_AGO)
        resend_lost(1000)
    assert queue.counts()["waiting"] == 3


def test_a_job_whose_wait_is_over_is_woken_once(home: Path) -> None:
    job = make_job(Walker())
    now = clock.now_ms()
    Job.objects.update(not_before_ms=now + 60_000, sent_ms=now)
    assert resend_lost(0) == 0, "not due"
    Job.objects.update(not_before_ms=now - 5, sent_ms=now - 1000)
    lose_messages()
    assert resend_lost(60_000) == 1
    assert resend_lost(60_000) == 0
    assert queue.counts()["waiting"] == 1
    assert run(Walker(), job).status == "succeeded"


def test_after_a_restart_of_the_machine_every_job_in_line_is_woken(home: Path) -> None:
    job = make_job(Walker())
    Job.objects.update(lease_clock="before", sent_ms=10**12, not_before_ms=10**12)
    lose_messages()
    assert resend_lost(60_000) == 1
    assert resend_lost(60_000) == 0
    assert run(Walker(), job).status == "succeeded"


@pytest.mark.parametrize("flag", ["paused", "needs_confirmation"])
def test_what_waits_for_an_operator_is_neither_sent_nor_worked_on(home: Path, flag: str) -> None:
    job = make_job(Walker())
    Job.objects.update(**{flag: True}, sent_ms=LONG_AGO)
    lose_messages()
    assert resend_lost(1000) == 0
    assert run(Walker(), job).status == "queued"


# -- the tick ---------------------------------------------------------------------------------


def test_a_tick_does_every_duty(home: Path) -> None:
    zombie = running(make_job(Walker()))
    lost = make_job(Walker())
    Job.objects.filter(pk=lost.pk).update(sent_ms=LONG_AGO)
    lose_messages()
    assert Scheduler().tick()
    zombie.refresh_from_db()
    assert zombie.status == "queued"
    assert queue.counts()["waiting"] == 2
    beat = Heartbeat.objects.get(role="scheduler")
    assert beat.process == leases.holder_id()
    assert clock.now_ms() - beat.beat_ms in range(5_000)


def test_only_the_leader_ticks(home: Path) -> None:
    leader.lead(scheduler.DUTY, "another", 60_000)
    running(make_job(Walker()))
    assert not Scheduler().tick()
    assert Job.objects.get().status == "running"


def test_a_duty_that_fails_does_not_take_the_others_along(home: Path) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    done: list[str] = []
    duties = [Duty("one", broken), Duty("two", lambda: done.append("two"))]
    assert Scheduler(duties=duties).tick()
    assert done == ["two"]


def test_a_leader_that_loses_the_lead_in_the_middle_of_a_tick_does_no_more(home: Path) -> None:
    done: list[str] = []

    def stopped_for_long() -> None:
        Leader.objects.update(lease_expires_ms=1)
        assert leader.lead(scheduler.DUTY, "another", 60_000) == 2

    duties = [Duty("one", stopped_for_long), Duty("two", lambda: done.append("two"))]
    assert not Scheduler(duties=duties).tick()
    assert done == []


def test_a_duty_is_done_as_often_as_it_says(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moment, done = 10**9, []
    monkeypatch.setattr(clock, "local_ms", lambda: moment)
    duties = [Duty("often", lambda: done.append("often")), Duty("rare", lambda: done.append("rare"), 5_000)]
    ticking = Scheduler(duties=duties)
    for later in (0, 4_999, 5_000, 9_999):
        moment = 10**9 + later
        assert ticking.tick()
    assert done == ["often", "rare", "often", "often", "rare", "often"]


def test_a_scheduler_survives_its_database_and_resigns_at_the_end(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beats = []

    def beat(role: str) -> None:
        beats.append(role)
        if len(beats) == 1:
            raise OperationalError("gone")

    monkeypatch.setattr(heartbeat, "beat", beat)
    stop = threading.Event()
    thread = threading.Thread(target=Scheduler(interval_s=0.01).run_forever, args=[stop])
    thread.start()
    wait_for(lambda: len(beats) > 3 and Leader.objects.filter(holder=leases.holder_id()).exists())
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert Leader.objects.get().holder == ""


# -- pruned -----------------------------------------------------------------------------------


def test_old_history_goes_and_young_history_stays(home: Path, settings: Settings) -> None:
    old, now = timezone.now() - pruning.HISTORY - timedelta(days=1), timezone.now()
    for finished in (old, now, None):
        status = "succeeded" if finished else "queued"
        job = Job.objects.create(kind="k", subsystem="s", status=status, finished_at=finished)
        run = Run.objects.create(job=job, triggered_by="api", started_at=now)
        Failure.objects.create(job=job, run=run, occurred_at=now, phase="p", bucket="b", key="k", code="c")
        AuditEntry.objects.create(actor="a", origin="o", action="x", job=job)
    AuditEntry.objects.filter(job__finished_at=old).update(at=old)
    heartbeat.beat("worker")
    Heartbeat.objects.create(
        process="old", role="worker", host="h", pid=1, clock=clock.clock_id(), beat_ms=LONG_AGO - 10**9
    )
    Heartbeat.objects.create(
        process="other", role="worker", host="h", pid=1, clock="other boot", beat_ms=10**12
    )
    pruning.prune()
    assert Job.objects.count() == Run.objects.count() == Failure.objects.count() == 2
    assert AuditEntry.objects.count() == 2
    assert [beat.process for beat in Heartbeat.objects.all()] == [leases.holder_id()]


def test_of_a_rule_the_latest_runs_stay(home: Path, settings: Settings) -> None:
    settings.RUN_RING = 3
    mirror, sweep = make_rule("mirror"), make_rule("sweep")
    now = timezone.now()
    for job, number in ((mirror, 6), (sweep, 3)):
        for _ in range(number):
            run = Run.objects.create(job=job, triggered_by="x", started_at=now, finished_at=now)
            Failure.objects.create(job=job, run=run, occurred_at=now, phase="p", key="k", code="c")
    latest = list(mirror.runs.order_by("-pk").values_list("pk", flat=True)[:3])
    assert pruning.prune() == 3
    assert list(mirror.runs.order_by("-pk").values_list("pk", flat=True)) == latest
    assert (sweep.runs.count(), Failure.objects.count()) == (3, 9), "failures have a ring of their own"
    settings.RUN_RING = 1
    assert pruning._runs(3) == 3, "no more at once"
    assert pruning.prune() == 1


def test_a_rule_that_vanished_keeps_its_history_for_a_year_after_its_last_run(home: Path) -> None:
    old, now = timezone.now() - pruning.HISTORY - timedelta(days=1), timezone.now()
    states = {
        "declared": {"declared": True},
        "gone": {"declared": False},
        "gone at work": {"declared": False, "status": "running"},
        "gone and fresh": {"declared": False},
        "gone and never run": {"declared": False},
    }
    for name, state in states.items():
        job = make_rule(name)
        Job.objects.filter(pk=job.pk).update(finished_at=old, updated_at=old, **state)
        if name != "gone and never run":
            finished = now if name == "gone and fresh" else old
            Run.objects.create(job=job, triggered_by="x", started_at=old, finished_at=finished)
    pruning.prune()
    left = set(Job.objects.values_list("rule", flat=True))
    assert left == {"declared", "gone at work", "gone and fresh"}
    assert Run.objects.count() == 3


def test_pruning_goes_in_batches_and_stops_when_its_time_is_over(home: Path) -> None:
    Heartbeat.objects.bulk_create(
        Heartbeat(process=f"p{n}", role="worker", host="h", pid=n, clock="old", beat_ms=1)
        for n in range(pruning.BATCH + 1)
    )
    assert pruning.prune(budget_s=0) == 0
    started = time.monotonic()
    assert pruning.prune() == pruning.BATCH + 1
    assert time.monotonic() - started < 5


def test_the_orphaned_gate_of_a_deleted_bucket_is_nobodys(home: Path) -> None:
    job = make_job(Walker())
    Bucket.objects.all().delete()
    assert recovery.recover().gates_opened == 0
    assert Job.objects.get(pk=job.pk).status == "queued"
