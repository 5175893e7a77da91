"""Rules without a worker: declared, withdrawn, begun; who may begin a run and who may take it."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models import Q

from jobs import clock, queue, standing, transitions
from jobs.kinds.base import EVENTS
from jobs.models import Job, Run
from jobs.standing import Declared
from jobs.states import Event, Status, sources
from tests.jobs.ruled import Ruled, make_rule

pytestmark = pytest.mark.django_db

KIND = Ruled()
SCHEDULED = "reconcile"
FLAGS = [
    dict(zip(("enabled", "declared", "paused"), flags, strict=True))
    for flags in itertools.product((True, False), repeat=3)
]


def declared(**changes: Any) -> Declared:
    said: dict[str, Any] = {"rule": "mirror", "name": "mirror", "bucket_name": "b", "revision": "1"}
    said["spec"] = {"interval_s": 60}
    return Declared(**said | changes)


def set_to(job: Job, **columns: Any) -> Job:
    Job.objects.filter(pk=job.pk).update(**columns)
    return Job.objects.get(pk=job.pk)


def among(job: Job, condition: Q) -> bool:
    return Job.objects.filter(condition, pk=job.pk).exists()


def is_due_now(job: Job) -> bool:
    return among(job, Q(next_due_ms__lte=clock.now_ms()))


# -- who may begin, who may claim -----------------------------------------------------------


@pytest.mark.parametrize("flags", FLAGS, ids=lambda flags: ",".join(k for k, on in flags.items() if on))
def test_who_may_begin_a_run(flags: dict[str, bool], home: Path) -> None:
    """By itself if it is awake; by name though it is paused or disabled; never if it is declared no more."""
    awake = flags["enabled"] and flags["declared"] and not flags["paused"]
    for status, anyway in itertools.product(Status, (False, True)):
        job = set_to(make_rule("mirror", KIND), status=status, **flags)
        ready = status in sources(Event.ENQUEUE)
        assert among(job, standing.startable()) is (ready and awake), status
        assert among(job, standing.due()) is (ready and awake), status
        run = standing.enqueue(job, SCHEDULED, "tests", anyway=anyway)
        allowed = ready and flags["declared"] and (awake or anyway)
        assert (run is not None) is allowed, (status, anyway)
        now = Job.objects.get()
        assert now.run_anyway is (allowed and not awake)
        assert now.status == (Status.QUEUED if allowed else status)
        Job.objects.all().delete()


@pytest.mark.parametrize("flags", FLAGS, ids=lambda flags: ",".join(k for k, on in flags.items() if on))
@pytest.mark.parametrize("anyway", [False, True])
def test_who_may_claim_a_run(flags: dict[str, bool], anyway: bool, home: Path) -> None:
    awake = flags["enabled"] and flags["declared"] and not flags["paused"]
    job = make_rule("mirror", KIND)
    for status in Status:
        set_to(job, status=status, run_anyway=anyway, **flags)
        unwinds = status == Status.CANCELLING
        assert among(job, transitions.claimable()) is (
            unwinds or (status == Status.QUEUED and (awake or anyway))
        ), status


def test_one_that_rests_begins_nothing_by_itself_until_its_time_is_over(home: Path) -> None:
    job = set_to(
        make_rule("mirror", KIND), not_before_ms=clock.now_ms() + 60_000, lease_clock=clock.clock_id()
    )
    assert not among(job, standing.startable())
    assert among(set_to(job, not_before_ms=clock.now_ms() - 1), standing.startable())
    job = set_to(job, not_before_ms=clock.now_ms() + 60_000, lease_clock="another boot")
    assert among(job, standing.startable()), "that time was of another clock"
    assert standing.enqueue(job, SCHEDULED, "tests") is not None, "by name it begins at once"
    assert Job.objects.get().not_before_ms == 0


# -- begun ----------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_run_begins_with_fresh_counts_where_the_last_one_of_its_mode_stopped(home: Path) -> None:
    job = set_to(
        make_rule("mirror", KIND),
        status=Status.SUCCEEDED,
        kept={SCHEDULED: ["reconcile", "t"], EVENTS: ["follow", None]},
        processed=7, failed=2, pages=3, unwinding=True, token_dropped_in="x", bytes_done=70,
        state={"note": 1}, keys=["old"],
    )  # fmt: skip
    run = standing.enqueue(job, SCHEDULED, "tests")
    job.refresh_from_db()
    assert (job.phase, job.token, job.kept) == ("reconcile", "t", {EVENTS: ["follow", None]})
    assert (job.processed, job.failed, job.pages, job.bytes_done, job.keys) == (0, 0, 0, 0, [])
    assert (job.unwinding, job.token_dropped_in, job.state) == (False, "", {"note": 1})
    assert run is not None and (run.status, run.mode, run.triggered_by) == ("queued", SCHEDULED, "tests")
    assert queue.counts(EVENTS)["waiting"] == 1, "in its lane"


@pytest.mark.django_db(transaction=True)
def test_of_two_that_begin_a_run_one_does(home: Path) -> None:
    job = make_rule("mirror", KIND)
    stale = Job.objects.get()
    assert standing.enqueue(job, SCHEDULED, "tests") is not None
    assert standing.enqueue(stale, EVENTS, "tests") is None
    assert Run.objects.count() == 1 and queue.counts(EVENTS)["waiting"] == 1


@pytest.mark.parametrize("change", [{"epoch": 5}, {"revision": "2"}, {"holder": "me"}, {"enabled": False}])
def test_what_changed_since_it_was_read_begins_nothing(change: dict[str, Any], home: Path) -> None:
    job = make_rule("mirror", KIND)
    Job.objects.update(**change)
    assert standing.enqueue(job, SCHEDULED, "tests") is None and not Run.objects.exists()


# -- declared, changed, withdrawn ---------------------------------------------------------------


def test_a_new_rule_is_idle_and_due_at_once(home: Path) -> None:
    job = standing.declare(KIND, declared())
    assert (job.public_id, job.status, job.lane, job.bucket_id) == ("ruled:mirror", "idle", EVENTS, "")
    assert job.slot_id == f"job-{job.pk}" and is_due_now(job) and not job.runs.exists()


def test_the_same_declaration_changes_nothing_that_matters(home: Path) -> None:
    job = set_to(standing.declare(KIND, declared()), kept={"a": ["b", "c"]}, state={"n": 1}, paused=True)
    set_to(job, **standing.due_in(500))
    again = standing.declare(KIND, declared(name="Mirror"))
    assert (again.pk, again.name, again.paused, again.epoch) == (job.pk, "Mirror", True, 0)
    assert (again.kept, again.state) == ({"a": ["b", "c"]}, {"n": 1}) and not is_due_now(again)


def test_a_rule_that_rests_need_not_once_it_is_said_otherwise(home: Path) -> None:
    """It may have waited for its window, which is another one now."""
    window = {"interval_s": 60, "window": {"from": "22:00", "to": "06:00"}}
    job = standing.declare(KIND, declared(spec=window))
    later = {"not_before_ms": clock.now_ms() + 500_000, "lease_clock": clock.clock_id()}
    set_to(job, **later, **standing.due_in(500))
    assert not among(standing.declare(KIND, declared(spec=window)), standing.startable())
    job = standing.declare(KIND, declared())
    assert among(job, standing.startable()) and is_due_now(job)


@pytest.mark.parametrize("status", [Status.IDLE, Status.QUEUED, Status.RUNNING, Status.SUCCEEDED])
def test_another_revision_clears_what_was_kept_and_ends_a_run(status: Status, home: Path) -> None:
    job = standing.declare(KIND, declared())
    if status in (Status.QUEUED, Status.RUNNING):
        assert standing.enqueue(job, SCHEDULED, "tests") is not None
    set_to(
        job, status=status, phase="reconcile", token="t", kept={"a": ["b", "c"]}, state={"n": 1},
        processed=4, holder="me" if status == Status.RUNNING else "", **standing.due_in(500),
    )  # fmt: skip
    new = standing.declare(KIND, declared(revision="2"))
    active = status in (Status.QUEUED, Status.RUNNING)
    assert new.status == (Status.IDLE if active else status)
    assert (new.phase, new.token, new.kept, new.state, new.holder) == ("", None, {}, {}, "")
    assert new.epoch == 1 and is_due_now(new)
    ends = [(run.status_raw, run.objects_processed) for run in Run.objects.exclude(finished_at=None)]
    assert ends == ([("replaced", 4)] if active else [])
    assert new.lifetime_objects == (4 if active else 0)


def test_a_declaration_that_disables_ends_what_waits_and_keeps_its_place(home: Path) -> None:
    job = set_to(standing.declare(KIND, declared()), kept={SCHEDULED: ["reconcile", "t"]})
    assert standing.enqueue(job, SCHEDULED, "tests") is not None
    off = standing.declare(KIND, declared(enabled=False))
    assert (off.status, off.enabled, off.kept) == ("idle", False, {SCHEDULED: ["reconcile", "t"]})
    assert Run.objects.get().status_raw == "stopped"
    assert is_due_now(standing.declare(KIND, declared()))


@pytest.mark.parametrize("how", ["withdraw", "disable"])
def test_what_was_asked_for_by_name_ends_with_its_rule(how: str, home: Path) -> None:
    job = set_to(standing.declare(KIND, declared()), paused=True)
    assert standing.enqueue(job, SCHEDULED, "tests", anyway=True) is not None
    if how == "withdraw":
        standing.withdraw(job)
    else:
        standing.declare(KIND, declared(enabled=False))
    job.refresh_from_db()
    assert (job.status, job.run_anyway, Run.objects.get().status_raw) == ("idle", False, "stopped")


def test_a_rule_that_was_disabled_can_be_run_by_name_and_later_declarations_let_it(home: Path) -> None:
    job = standing.declare(KIND, declared(enabled=False))
    assert standing.enqueue(job, SCHEDULED, "tests", anyway=True) is not None
    again = standing.declare(KIND, declared(enabled=False))
    assert (again.status, again.run_anyway) == ("queued", True)
    assert among(again, transitions.claimable())


def test_a_withdrawn_rule_keeps_its_history_and_comes_back_with_it(home: Path) -> None:
    job = standing.declare(KIND, declared())
    assert standing.enqueue(job, SCHEDULED, "tests") is not None
    standing.withdraw(job)
    job.refresh_from_db()
    assert (job.status, job.declared, job.enabled) == ("idle", False, False)
    back = standing.declare(KIND, declared())
    assert (back.pk, back.declared, back.enabled, back.runs.count()) == (job.pk, True, True, 1)
    assert is_due_now(back)


@pytest.mark.parametrize(
    ("before", "after", "sooner"), [(600, 60, True), (600, 900, False), (600, 600, False)]
)
def test_a_shorter_interval_counts_from_now(before: int, after: int, sooner: bool, home: Path) -> None:
    job = standing.declare(KIND, declared(spec={"interval_s": before}))
    set_to(job, **standing.due_in(500))
    new = standing.declare(KIND, declared(spec={"interval_s": after}))
    assert new.next_due_ms is not None and new.next_due_at is not None
    left_s = (new.next_due_ms - clock.now_ms()) / 1000
    assert (left_s <= 60) is sooner and left_s > 50


def test_a_shorter_interval_does_not_put_off_what_is_due_sooner(home: Path) -> None:
    job = standing.declare(KIND, declared(spec={"interval_s": 600}))
    set_to(job, **standing.due_in(5))
    new = standing.declare(KIND, declared(spec={"interval_s": 60}))
    assert new.next_due_ms is not None and new.next_due_ms <= clock.now_ms() + 5_000


# -- paused, cancelled ----------------------------------------------------------------------


def test_pause_and_resume_say_whether_they_changed_anything(home: Path) -> None:
    job = make_rule("mirror", KIND)
    assert (standing.pause(job), standing.pause(job)) == (True, False)
    assert Job.objects.get().paused
    assert (standing.resume(job), standing.resume(job)) == (True, False)
    assert not Job.objects.get().paused


def test_the_database_holds_one_job_per_rule_and_one_open_run_per_job(home: Path) -> None:
    names = set()
    with connection.cursor() as cursor:
        for model in (Job, Run):
            names |= set(connection.introspection.get_constraints(cursor, model._meta.db_table))
    assert {"one_standing_job_per_rule", "one_open_run_per_job"} <= names
