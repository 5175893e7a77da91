"""The state machine as a table, and that the guarded UPDATEs follow it."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs import claims, clock, transitions
from jobs.errors import BucketBusy, Conflict, NotFound, WorkSignal
from jobs.leases import Grant
from jobs.models import Job, Run
from jobs.progress import Progress
from jobs.states import ACTIVE, LEASED, TERMINAL, TRANSITIONS, Event, Status
from proxy import gate
from proxy.errors import NoSuchBucket
from proxy.models import Bucket
from tests.jobs.support import Walker, gate_is_open, make_bucket, make_job

# event: what it leads to from idle, queued, running, cancelling, succeeded, failed, cancelled
TABLE = {
    Event.ENQUEUE: "queued - - - queued queued queued",
    Event.CLAIM: "- running - - - - -",
    Event.CLAIM_UNWIND: "- - - cancelling - - -",
    Event.YIELD: "- - queued - - - -",
    Event.REQUEUE: "- - queued - - - -",
    Event.REQUEST_CANCEL: "- cancelling cancelling - - - -",
    Event.CANCEL_NOW: "- cancelled - - - - -",
    Event.SUCCEED: "- - succeeded - - - -",
    Event.FAIL: "- - failed - - - -",
    Event.SETTLE_CANCEL: "- - - cancelled - - -",
    Event.DEFER: "- - idle - - - -",
    Event.STOP: "- idle idle - - - -",
}


def test_the_table() -> None:
    found = {
        event: " ".join(change.target if status in change.sources else "-" for status in Status)
        for event, change in TRANSITIONS.items()
    }
    assert found == TABLE


def test_every_status_is_on_one_side() -> None:
    assert TERMINAL | ACTIVE | {Status.IDLE} == set(Status)
    assert not TERMINAL & ACTIVE and LEASED < ACTIVE


def claimed(status: Status, **columns: object) -> claims.Claim:
    """A job in that status, and a claim that holds it."""
    job = Job.objects.create(
        kind="k",
        subsystem="s",
        status=status,
        holder="me",
        epoch=1,
        lease_clock=clock.clock_id(),
        lease_expires_ms=clock.now_ms() + 60_000,
        **columns,
    )
    run = Run.objects.create(job=job, triggered_by="api", started_at=job.created_at)
    return claims.Claim(job, Grant("me", 1), run.pk, clock.local_ms())


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("event", [Event.SUCCEED, Event.FAIL, Event.SETTLE_CANCEL])
@pytest.mark.django_db
def test_a_worker_settles_only_from_the_sources(status: Status, event: Event) -> None:
    claim = claimed(status)
    allowed = status in TRANSITIONS[event].sources
    try:
        claims.settle(claim, event, Progress())
        assert allowed
    except WorkSignal:
        assert not allowed
    row = Job.objects.get()
    assert row.status == (TRANSITIONS[event].target if allowed else status)
    assert (row.finished_at is not None) is allowed and (row.holder == "") is allowed
    assert (Run.objects.get().finished_at is not None) is allowed


@pytest.mark.parametrize("status", Status)
@pytest.mark.django_db
def test_a_checkpoint_is_saved_only_while_running_or_unwinding(status: Status) -> None:
    claim = claimed(status)
    for unwinding in (False, True):
        allowed = status == Status.RUNNING or (unwinding and status == Status.CANCELLING)
        try:
            claims.checkpoint(claim, Progress(phase=f"p{unwinding}", unwinding=unwinding))
            assert allowed
        except WorkSignal as signal:
            assert not allowed
            heard = type(signal).__name__
            assert heard == ("Cancelled" if status == Status.CANCELLING else "LeaseLost")
        assert (Job.objects.get().phase == f"p{unwinding}") is allowed


@pytest.mark.parametrize(
    "change",
    [{"holder": "you"}, {"epoch": 2}, {"lease_expires_ms": 1}, {"lease_clock": "x"}, {"turned": True}],
    ids=lambda change: next(iter(change)),
)
@pytest.mark.django_db
def test_whoever_lost_the_lease_changes_nothing(change: dict[str, object]) -> None:
    claim = claimed(Status.RUNNING)
    Job.objects.update(**change)
    before = list(Job.objects.values())
    late = Progress(phase="late", failed=3)
    with pytest.raises(WorkSignal):
        claims.checkpoint(claim, late)
    with pytest.raises(WorkSignal):
        claims.give_back(claim, late)
    for event in (Event.SUCCEED, Event.FAIL):
        with pytest.raises(WorkSignal):
            claims.settle(claim, event, late)
    assert claims.renew(claim) is ("turned" in change)
    if "turned" not in change:
        with pytest.raises(WorkSignal), claims.turning(claim, late):
            raise AssertionError("must not get here")
        assert list(Job.objects.values()) == before


@pytest.mark.django_db
def test_a_turn_whose_answer_was_lost_is_not_made_twice() -> None:
    claim = claimed(Status.RUNNING)
    progress = Progress(turned=True, state={"note": 1})
    with claims.turning(claim, progress) as first:
        assert first
        progress.state["note"] = 2
    untold = Progress(turned=True, state={"note": 1})
    with claims.turning(claim, untold) as again:
        assert not again
    assert Job.objects.get().state == untold.state == {"note": 2}


@pytest.mark.django_db
def test_what_a_turn_does_is_undone_with_it() -> None:
    claim = claimed(Status.RUNNING)
    with pytest.raises(ZeroDivisionError), claims.turning(claim, Progress(turned=True)):
        Bucket.objects.create(name="b", created_ms=1)
        raise ZeroDivisionError
    assert not Job.objects.get().turned and not Bucket.objects.exists()


# -- created ---------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_second_job_on_a_bucket_is_refused_and_names_the_first(home: Path) -> None:
    kind, bucket = Walker(), make_bucket()
    first = make_job(kind, bucket)
    with pytest.raises(BucketBusy) as refused:
        make_job(kind, bucket)
    assert refused.value.fields == {"job": first.public_id} and first.public_id in refused.value.message
    assert Job.objects.count() == 1 and not gate_is_open(bucket.name)
    make_job(kind, make_bucket())


@pytest.mark.django_db
def test_a_gate_that_somebody_else_holds_refuses_a_job(home: Path) -> None:
    bucket = make_bucket()
    gate.close(bucket.id, "maintenance:999")
    with pytest.raises(BucketBusy) as refused:
        make_job(Walker(), bucket)
    assert "maintenance:999" in refused.value.message
    assert not Job.objects.exists()


@pytest.mark.django_db
def test_a_bucket_that_is_gone_refuses_a_job(home: Path) -> None:
    bucket = make_bucket()
    Bucket.objects.all().delete()
    with pytest.raises(NoSuchBucket):
        make_job(Walker(), bucket)
    assert not Job.objects.exists()


# -- cancelled by an operator ----------------------------------------------------------------


@pytest.mark.django_db
def test_a_job_that_has_done_nothing_is_cancelled_at_once(home: Path) -> None:
    kind, bucket = Walker(), make_bucket()
    job = transitions.request_cancel(make_job(kind, bucket).pk)
    assert job.status == "cancelled" and job.finished_at
    assert gate_is_open(bucket.name)


@pytest.mark.parametrize("status", sorted(TERMINAL))
@pytest.mark.django_db
def test_what_has_ended_cannot_be_cancelled(status: Status) -> None:
    claim = claimed(status)
    with pytest.raises(Conflict) as refused:
        transitions.request_cancel(claim.job.pk)
    assert refused.value.fields == {"status": status}
    with pytest.raises(NotFound):
        transitions.request_cancel(claim.job.pk + 1)


@pytest.mark.parametrize(
    ("status", "has_effects", "turned", "expected"),
    [
        (Status.QUEUED, False, False, Status.CANCELLED),
        (Status.QUEUED, True, False, Status.CANCELLING),
        (Status.RUNNING, False, False, Status.CANCELLING),
        (Status.RUNNING, True, False, Status.CANCELLING),
        (Status.RUNNING, True, True, Status.RUNNING),
        (Status.QUEUED, True, True, Status.QUEUED),
        (Status.CANCELLING, True, False, Status.CANCELLING),
    ],
)
@pytest.mark.django_db
def test_what_a_cancel_does(status: Status, has_effects: bool, turned: bool, expected: Status) -> None:
    holder = "" if status == Status.QUEUED else "me"
    job = Job.objects.create(
        kind="k", subsystem="s", status=status, has_effects=has_effects, turned=turned, holder=holder
    )
    asked = transitions.request_cancel(job.pk)
    assert asked.status == expected and asked.holder == holder
    assert asked.stop_requested is turned, "past its turn a job can only succeed: it is told to stop"


@pytest.mark.django_db
def test_a_job_that_was_cancelled_since_it_was_read_is_claimed_only_to_be_unwound(home: Path) -> None:
    stale = make_job(Walker())
    Job.objects.update(status=Status.CANCELLING)
    assert claims.claim(stale, "me", has_effects=True) is None
    assert Job.objects.get().status == Status.CANCELLING
    claim = claims.claim(Job.objects.get(), "me", has_effects=True)
    assert claim is not None and claim.job.status == Status.CANCELLING


@pytest.mark.django_db
def test_a_checkpoint_renews_the_lease() -> None:
    claim = claimed(Status.RUNNING)
    Job.objects.update(lease_expires_ms=clock.now_ms() + 1_000)
    claims.checkpoint(claim, Progress())
    assert Job.objects.get().lease_expires_ms > clock.now_ms() + transitions.ttl_ms() - 5_000
