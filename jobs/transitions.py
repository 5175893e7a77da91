"""Every change of a job's status: one guarded UPDATE per event of `jobs.states.TRANSITIONS`.

One row changed, or it did not happen. What belongs to the change (the Run, the gate, the
message) is in the same transaction. Nobody else writes to a Job row.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from jobs import clock, leases, queue
from jobs.clock import NowMs
from jobs.errors import BucketBusy, Cancelled, Conflict, LeaseLost, NotFound, WorkSignal
from jobs.kinds.base import Kind, Plan
from jobs.leases import Grant
from jobs.models import Failure, Job, Run
from jobs.progress import Progress
from jobs.states import ACTIVE, LEASED, TERMINAL, Event, Status, sources, target
from proxy import gate
from proxy.records import BucketRecord


@dataclass(frozen=True, slots=True)
class Claim:
    """A job in this worker's hands: the row as it was claimed, and the proof of it."""

    job: Job
    grant: Grant
    run_id: int
    since_ms: int
    """Before the claim began, on this machine's clock: the lease lasts from there."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One row of the failure ring, before it has one."""

    phase: str
    key: str
    code: str
    message: str
    version_id: str = ""
    attempt: int = 1


def ttl_ms() -> int:
    """How long a lease lasts after each renewal."""
    return int(settings.LEASE_SECONDS * 1000)


# -- created and queued ---------------------------------------------------------------------


def create_job(
    kind: Kind,
    plan: Plan,
    bucket: BucketRecord,
    created_by: str,
    parent: Job | None = None,
    triggered_by: str = "api",
) -> Job:
    """A one-off, queued, and its bucket's gate closed, in one transaction; then a message is sent.

    `triggered_by` is for its Run: api, command, ... Raises BucketBusy with the id of the job
    that has the bucket, and NoSuchBucket.
    """
    try:
        with transaction.atomic():
            job = Job.objects.create(
                kind=kind.name,
                subsystem=kind.subsystem,
                name=plan.name,
                bucket_id=bucket.id,
                bucket_name=bucket.name,
                gated=kind.gated,
                spec=dict(plan.spec),
                created_by=created_by,
                parent=parent,
                triggered_by=triggered_by,
                status=Status.QUEUED,
                sent_ms=clock.now_ms(),
                lease_clock=clock.clock_id(),
            )
            if kind.gated and gate.close(bucket.id, job.gate_name) is None:
                raise _Held
            queue.send(job.pk)
    except (IntegrityError, _Held) as error:
        raise _busy(bucket) from error
    return job


class _Held(Exception):
    """Somebody else has the gate."""


def _busy(bucket: BucketRecord) -> BucketBusy:
    active = [status.value for status in ACTIVE]
    first = Job.objects.filter(bucket_id=bucket.id, gated=True, status__in=active).first()
    if first is None:
        return BucketBusy(
            f"The gate of bucket {bucket.name} is held by {bucket.gate.holder or 'another job'}."
        )
    return BucketBusy(f"Bucket {bucket.name} is busy with {first.public_id}.", job=first.public_id)


def resend(job_id: int) -> None:
    """Note that a message is on its way, and send it on commit."""
    Job.objects.filter(pk=job_id).update(sent_ms=NowMs())
    queue.send(job_id)


# -- claimed ----------------------------------------------------------------------------------


def claimable() -> Q:
    """Jobs that a worker may take now: queued and due, or cancelled and not unwound yet."""
    due = Q(not_before_ms__lte=NowMs()) | ~Q(lease_clock=clock.clock_id())
    ready = Q(status__in=sources(Event.CLAIM), paused=False, needs_confirmation=False) & due
    return leases.acquirable() & (ready | Q(status__in=sources(Event.CLAIM_UNWIND)))


def claim(job: Job, holder: str, has_effects: bool) -> Claim | None:
    """Take the lease and the status in one UPDATE; open the Run. None if it is not to be had.

    The caller holds the bucket's work slot exclusively: whoever had the job before is in no
    effect any more. `has_effects`: from now on a cancel has something to undo.
    """
    event = Event.CLAIM_UNWIND if job.status in sources(Event.CLAIM_UNWIND) else Event.CLAIM
    now, since_ms = timezone.now(), clock.local_ms()
    with transaction.atomic():
        changed = Job.objects.filter(claimable(), pk=job.pk, status__in=sources(event)).update(
            status=target(event),
            started_at=Coalesce("started_at", now),
            updated_at=now,
            **leases.taken(holder, ttl_ms()),
            **({"has_effects": True} if has_effects else {}),
        )
        if not changed:
            return None
        fresh = Job.objects.get(pk=job.pk)
        run, _ = Run.objects.get_or_create(
            job=fresh,
            finished_at=None,
            defaults={"triggered_by": fresh.triggered_by, "started_at": now, "status": Status.RUNNING},
        )
    return Claim(fresh, Grant(holder, fresh.epoch), run.pk, since_ms)


def held(claim: Claim, *statuses: Status) -> QuerySet[Job]:
    """The job's row while this claim holds it; empty once it does not."""
    return Job.objects.filter(leases.mine(claim.grant), pk=claim.job.pk, status__in=statuses or LEASED)


def _known(claim: Claim, progress: Progress, statuses: Iterable[Status]) -> QuerySet[Job]:
    """`held`, and on the side of the turn where this worker believes it to be.

    An answer to a COMMIT can be lost: whoever does not know that a job has turned must
    neither unwind nor fail it.
    """
    return held(claim, *statuses).filter(turned=progress.turned)


def why_not(claim: Claim) -> WorkSignal:
    """After a guarded UPDATE that changed nothing: what has happened meanwhile."""
    if held(claim, Status.CANCELLING).exists():
        return Cancelled()
    return LeaseLost(f"another worker may have {claim.job.public_id}")


# -- worked on ---------------------------------------------------------------------------------


def note(job_id: int, text: str) -> None:
    """Tell operators why a job that nobody has does not move."""
    Job.objects.filter(pk=job_id, holder="").update(last_error=text, updated_at=timezone.now())


def renew(claim: Claim) -> bool:
    """The heartbeat's UPDATE. False: the lease is lost for good."""
    return bool(held(claim).update(**leases.renewed(ttl_ms())))


def checkpoint(claim: Claim, progress: Progress, troubles: Sequence[Trouble] = ()) -> None:
    """Save the progress, prove and renew the lease, hear a cancel: one UPDATE.

    A job that unwinds may be saved while `cancelling`. Raises Cancelled, LeaseLost.
    """
    statuses = LEASED if progress.unwinding else {Status.RUNNING}
    with _together(troubles):
        changed = _known(claim, progress, statuses).update(
            **progress.columns(),
            **leases.renewed(ttl_ms()),
            crashes=0,
            updated_at=timezone.now(),
        )
        if not changed:
            raise why_not(claim)
        record(claim, troubles)


@contextmanager
def turning(claim: Claim, progress: Progress) -> Iterator[bool]:
    """One transaction, past the point of no return: the job moves on, if it is still ours and running.

    What the body does and the notes that it leaves in `progress.state` are part of it. Gives
    False, and the body must do nothing, if this claim has turned before and was not told.
    Raises Cancelled, LeaseLost.
    """
    with transaction.atomic():
        first = (
            held(claim, Status.RUNNING)
            .filter(turned=False)
            .update(**progress.columns(), **leases.renewed(ttl_ms()), crashes=0, updated_at=timezone.now())
        )
        if not first and not held(claim).filter(turned=True).exists():
            raise why_not(claim)
        yield bool(first)
        if first:
            Job.objects.filter(pk=claim.job.pk).update(state=progress.state)


def give_back(claim: Claim, progress: Progress, wait_ms: int = 0) -> None:
    """The slice ended: back in line, for `wait_ms` at least. Raises Cancelled, LeaseLost.

    A job that unwinds after a cancel stays `cancelling`, without a lease.
    """
    cancelling = progress.unwinding and held(claim, Status.CANCELLING).exists()
    status = Status.CANCELLING if cancelling else target(Event.YIELD)
    allowed = {Status.CANCELLING} if cancelling else sources(Event.YIELD)
    with transaction.atomic():
        changed = _known(claim, progress, allowed).update(
            **progress.columns(),
            status=status,
            crashes=0,
            not_before_ms=NowMs() + wait_ms if wait_ms else 0,
            sent_ms=NowMs(),
            updated_at=timezone.now(),
            **leases.released(),
        )
        if not changed:
            raise why_not(claim)
        Run.objects.filter(pk=claim.run_id).update(**progress.run_columns())
        if not wait_ms:
            queue.send(claim.job.pk)


def record(claim: Claim, troubles: Sequence[Trouble]) -> None:
    """Into the failure ring, in the caller's transaction; its oldest rows go, by insertion id."""
    if not troubles:
        return
    now, job = timezone.now(), claim.job
    keep = troubles[-settings.FAILURE_RING :]
    Failure.objects.bulk_create(
        Failure(
            job=job,
            run_id=claim.run_id,
            occurred_at=now,
            phase=trouble.phase,
            bucket=job.bucket_name,
            key=trouble.key,
            version_id=trouble.version_id,
            code=trouble.code,
            message=trouble.message,
            attempt=trouble.attempt,
        )
        for trouble in keep
    )
    prune_ring(job.pk)


def prune_ring(job_id: int) -> int:
    """Keep the newest FAILURE_RING rows of a job; how many went."""
    ring = Failure.objects.filter(job_id=job_id).order_by("-pk").values_list("pk", flat=True)
    last = ring[settings.FAILURE_RING : settings.FAILURE_RING + 1].first()
    return 0 if last is None else Failure.objects.filter(job_id=job_id, pk__lte=last).delete()[0]


def _together(troubles: Sequence[Trouble]) -> AbstractContextManager[Any]:
    return transaction.atomic() if troubles else nullcontext()


# -- ended -------------------------------------------------------------------------------------


def settle(claim: Claim, event: Event, progress: Progress, troubles: Sequence[Trouble] = ()) -> None:
    """The end: job, Run and gate in one transaction. Raises Cancelled, LeaseLost."""
    now, job = timezone.now(), claim.job
    with transaction.atomic():
        changed = _known(claim, progress, sources(event)).update(
            status=target(event), **progress.columns(), **_ended(now), **leases.released()
        )
        if not changed:
            raise why_not(claim)
        record(claim, troubles)
        _end_run(job, target(event), now, progress)
        _open_gate(job)


def settle_without_worker(job: Job, event: Event, guard: Q) -> bool:
    """The end of a job that nobody works on and that has nothing to undo: False if that is not so."""
    now = timezone.now()
    with transaction.atomic():
        changed = Job.objects.filter(
            guard, pk=job.pk, status__in=sources(event), has_effects=False, turned=False
        ).update(status=target(event), **_ended(now), **leases.released())
        if not changed:
            return False
        _end_run(job, target(event), now, Progress.of(job))
        _open_gate(job)
    return True


def _ended(now: dt.datetime) -> dict[str, Any]:
    return {"finished_at": now, "updated_at": now, "not_before_ms": 0, "stop_requested": False}


def _end_run(job: Job, status: Status, now: dt.datetime, progress: Progress) -> None:
    Run.objects.filter(job=job, finished_at=None).update(
        finished_at=now, status=status, status_raw=status, **progress.run_columns()
    )


def _open_gate(job: Job) -> None:
    if job.gated:
        gate.open(job.bucket_id, job.gate_name)


# -- asked for by an operator ------------------------------------------------------------------


def request_cancel(job_id: int) -> Job:
    """Cancel: at once if there is nothing to undo, else by unwinding; after the turn the rest is left.

    A job past its turn can only succeed: what it still had to do is not done, and is listed.
    Raises NotFound, Conflict (it has ended already).
    """
    for _ in range(10):
        job = Job.objects.filter(pk=job_id).first()
        if job is None:
            raise NotFound(f"There is no job {job_id}.")
        if job.status in TERMINAL:
            raise Conflict(f"{job.public_id} has ended: it {_ENDED[Status(job.status)]}.", status=job.status)
        if job.status == Status.CANCELLING or _cancel(job):
            return Job.objects.get(pk=job_id)
    raise Conflict(f"Job {job_id} changes too fast to be cancelled. Try again.")


_ENDED = {Status.SUCCEEDED: "succeeded", Status.FAILED: "failed", Status.CANCELLED: "was cancelled"}


def _cancel(job: Job) -> bool:
    """One try, which fails if the job changed since it was read."""
    nobody = Q(holder="", unwinding=False)
    if job.status in sources(Event.CANCEL_NOW) and settle_without_worker(job, Event.CANCEL_NOW, nobody):
        return True
    same = Job.objects.filter(pk=job.pk, status=job.status, turned=job.turned)
    change = {"stop_requested": True} if job.turned else {"status": target(Event.REQUEST_CANCEL)}
    with transaction.atomic():
        changed = same.filter(status__in=sources(Event.REQUEST_CANCEL)).update(
            **change, not_before_ms=0, sent_ms=NowMs(), updated_at=timezone.now()
        )
        if changed and job.status == Status.QUEUED:
            queue.send(job.pk)
    return bool(changed)


def requeue(job: Job, reason: str) -> bool:
    """Its worker is lost: back in line with its cursor, one crash more. False if it was not lost.

    A job that was being cancelled stays `cancelling`: the operator wins.
    """
    lost = Job.objects.filter(leases.lapsed(), pk=job.pk, epoch=job.epoch, status=job.status)
    status = job.status if job.status == Status.CANCELLING else target(Event.REQUEUE)
    with transaction.atomic():
        changed = lost.filter(status__in=LEASED).update(
            status=status,
            crashes=job.crashes + 1,
            last_error=reason,
            sent_ms=NowMs(),
            lease_clock=clock.clock_id(),
            updated_at=timezone.now(),
            **leases.released(),
        )
        if changed:
            queue.send(job.pk)
    return bool(changed)
