"""Rules that are due: one run each, in time, whatever the clocks and the other schedulers do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from jobs import clock, leader, queue, scheduler, scheduling, standing
from jobs.models import Job, Leader, Run
from jobs.scheduler import Duty, Scheduler
from tests.jobs.ruled import Ruled, end_run, make_rule

pytestmark = pytest.mark.django_db(transaction=True)

KINDS = {"ruled": Ruled()}
HOUR_MS = 3_600_000


def begin() -> int:
    return scheduling.begin_due(KINDS)


def due_at(job: Job, *, in_ms: int = 0, wall: datetime | None = None, clock_id: str = "") -> None:
    """When its next run is due by either clock."""
    Job.objects.filter(pk=job.pk).update(
        next_due_ms=clock.now_ms() + in_ms,
        next_due_at=wall or timezone.now(),
        due_clock=clock_id or clock.clock_id(),
    )


def test_a_rule_that_is_due_gets_a_run_in_its_first_mode_and_its_lane(home: Path) -> None:
    job = make_rule("mirror", interval_s=60)
    before = clock.now_ms()
    assert begin() == 1
    job.refresh_from_db()
    run = job.runs.get()
    assert (job.status, job.mode, run.mode) == ("queued", "reconcile", "reconcile")
    assert (run.status, run.triggered_by) == ("queued", "scheduler")
    assert job.next_due_ms is not None
    assert before + 60_000 <= job.next_due_ms <= clock.now_ms() + 60_000, "an interval after the start"
    assert (queue.counts("events")["waiting"], queue.counts("")["waiting"]) == (1, 0)


def test_a_run_that_takes_longer_than_the_interval_is_followed_by_one_run_at_once(home: Path) -> None:
    job = make_rule("mirror")
    assert begin() == 1
    due_at(job, in_ms=-1)
    assert begin() == 0, "its run is on its way"
    assert job.runs.count() == 1
    end_run(job)
    assert (begin(), begin()) == (1, 0)
    assert job.runs.count() == 2


def test_after_a_day_without_a_scheduler_there_is_one_run(home: Path) -> None:
    job = make_rule("mirror", interval_s=60)
    due_at(job, in_ms=-24 * HOUR_MS, wall=timezone.now() - timedelta(days=1))
    assert begin() == 1
    end_run(job)
    assert begin() == 0
    assert job.runs.count() == 1


@pytest.mark.parametrize(
    "change",
    [{"paused": True}, {"enabled": False}, {"declared": False}, {"holder": "x"}, {"status": "running"}],
)
def test_a_rule_that_must_not_run_is_left_alone(home: Path, change: dict[str, object]) -> None:
    make_rule("mirror")
    Job.objects.update(**change)
    assert begin() == 0
    assert not Run.objects.exists()


def test_a_rule_that_rests_is_not_due(home: Path) -> None:
    job = make_rule("mirror")
    row = Job.objects.filter(pk=job.pk)
    row.update(not_before_ms=clock.now_ms() + 60_000, lease_clock=clock.clock_id())
    assert begin() == 0
    row.update(not_before_ms=clock.now_ms() - 1)
    assert begin() == 1


def test_a_kind_that_this_version_does_not_know_is_in_nobodys_way(home: Path) -> None:
    make_rule("old", Ruled(name="unknown"))
    make_rule("mirror")
    assert scheduling.begin_due(KINDS, limit=1) == 1
    assert Job.objects.get(rule="mirror").status == "queued"


def test_the_longest_due_go_first(home: Path) -> None:
    for number in range(3):
        job = make_rule(f"rule-{number}")
        due_at(job, in_ms=-number, wall=timezone.now() - timedelta(minutes=number))
    assert scheduling.begin_due(KINDS, limit=2) == 2
    assert set(Job.objects.filter(status="queued").values_list("rule", flat=True)) == {"rule-1", "rule-2"}


# -- clocks ---------------------------------------------------------------------------------


@pytest.mark.parametrize("jump", [timedelta(hours=-1), timedelta(hours=1)])
def test_a_wall_clock_that_jumps_changes_nothing_while_the_machine_runs(home: Path, jump: timedelta) -> None:
    """What the wall clock says of the due time differs by the jump; the leases' clock decides."""
    job = make_rule("mirror")
    due_at(job, in_ms=30_000, wall=timezone.now() + timedelta(seconds=30) - jump)
    assert begin() == 0
    due_at(job, in_ms=-1, wall=timezone.now() - jump)
    assert begin() == 1
    end_run(job)
    assert begin() == 0


@pytest.mark.parametrize(("late", "begun"), [(timedelta(seconds=1), 1), (timedelta(seconds=-30), 0)])
def test_after_a_restart_of_the_machine_the_wall_clock_decides(
    home: Path, late: timedelta, begun: int
) -> None:
    job = make_rule("mirror")
    due_at(job, in_ms=10**12, wall=timezone.now() - late, clock_id="the boot before")
    assert begin() == begun
    end_run(job)
    assert begin() == 0, "once"


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 29), 23), ((2026, 10, 25), 25), ((2026, 6, 1), 24)])
def test_on_a_day_of_23_or_25_hours_a_rule_of_every_hour_runs_so_often(
    home: Path, monkeypatch: pytest.MonkeyPatch, day: tuple[int, int, int], hours: int
) -> None:
    """The machine is started anew all the time, so that the wall clock alone decides."""
    berlin = ZoneInfo("Europe/Berlin")
    first, last = (datetime(*day[:2], day[2] + n, tzinfo=berlin).astimezone(UTC) for n in (0, 1))
    moment = first
    monkeypatch.setattr(timezone, "now", lambda: moment)
    monkeypatch.setattr(clock, "clock_id", lambda: f"boot of {moment}")
    job = make_rule("hourly", interval_s=3600)
    runs = 0
    while moment < last:
        runs += begin()
        end_run(job)
        moment += timedelta(minutes=10)
    assert runs == hours


# -- several schedulers ------------------------------------------------------------------------


def test_a_leader_that_was_stopped_in_the_middle_of_beginning_begins_nothing_twice(home: Path) -> None:
    job = make_rule("mirror")
    stale = Job.objects.get(pk=job.pk)
    assert begin() == 1
    end_run(job)
    Job.objects.filter(pk=job.pk).update(epoch=7)
    assert scheduling.begin(stale, KINDS["ruled"], "reconcile", "scheduler") is None, "it was claimed since"
    job.refresh_from_db()
    assert (job.status, job.runs.count()) == ("succeeded", 1)


def test_two_schedulers_that_read_the_same_rule_begin_one_run(home: Path) -> None:
    job = make_rule("mirror")
    readers = [Job.objects.get(pk=job.pk) for _ in range(2)]
    runs = [scheduling.begin(reader, KINDS["ruled"], "reconcile", "scheduler") for reader in readers]
    assert [run is not None for run in runs] == [True, False]
    assert standing.enqueue(readers[0], "events", "event") is None
    assert queue.counts()["waiting"] == 1


def test_only_the_leader_begins_what_is_due(home: Path) -> None:
    make_rule("mirror")
    leader.lead(scheduler.DUTY, "another", 60_000)
    ticking = Scheduler(duties=[Duty("begin what is due", begin)])
    assert not ticking.tick()
    assert not Run.objects.exists()
    Leader.objects.update(lease_expires_ms=1)
    assert ticking.tick()
    assert Run.objects.count() == 1
