"""Changes of a job's status for which no worker is needed, each one guarded UPDATE.

Sources and target come from `jobs.states.TRANSITIONS`; what belongs to the change (the Run,
the gate, the message) is in the same transaction. What a worker changes is in `jobs.claims`;
nobody else writes to a Job row.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from jobs import clock, leases, queue, runs
from jobs.clock import NowMs
from jobs.errors import BucketBusy, Conflict, NotFound
from jobs.failures import Trouble, record
from jobs.kinds.base import Kind, Plan, course
from jobs.models import Job, Run
from jobs.progress import Progress
from jobs.runs import End
from jobs.states import ACTIVE, LEASED, TERMINAL, Event, Status, sources, target
from proxy import gate
from proxy.records import BucketRecord, find_bucket

MOST_LOST = 5
"""Workers lost in a row at the same place, until a rule's run begins anew and a one-off fails."""
LONGEST_REST_S = 60.0
"""After a lost worker a rule rests one second, two, four, ... up to this."""


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

    If the bucket still takes writes in its first phase, the engine closes the gate after that.
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
                mode=plan.mode,
                lane=kind.lane,
                spec=dict(plan.spec),
                created_by=created_by,
                parent=parent,
                triggered_by=triggered_by,
                status=Status.QUEUED,
                sent_ms=clock.now_ms(),
                lease_clock=clock.clock_id(),
            )
            if kind.gated and not _gate_is_to_be_had(job, now=not course(kind, plan.mode)[0].writable):
                raise _Held
            queue.send(job.pk, job.lane)
    except (IntegrityError, _Held) as error:
        raise (_busy(bucket) or error) from error
    return job


class _Held(Exception):
    """Somebody else has the gate."""


def _gate_is_to_be_had(job: Job, *, now: bool) -> bool:
    """Close the gate for the job if it needs it from now on; else only look whether another has it."""
    if now:
        return gate.close(job.bucket_id, job.gate_name) is not None
    return not find_bucket(job.bucket_name).gate.closed


def _busy(bucket: BucketRecord) -> BucketBusy | None:
    """Who has the bucket; None if nobody has."""
    active = [status.value for status in ACTIVE]
    first = Job.objects.filter(bucket_id=bucket.id, gated=True, status__in=active).first()
    if first is not None:
        return BucketBusy(f"Bucket {bucket.name} is busy with {first.public_id}.", job=first.public_id)
    holder = find_bucket(bucket.name).gate.holder
    return BucketBusy(f"The gate of bucket {bucket.name} is held by {holder}.") if holder else None


def resend(job_id: int, lane: str = "") -> bool:
    """Send a message for a job that could be worked on now, and note when. False if it could not.

    `lane` is that of the job.
    """
    with transaction.atomic():
        changed = Job.objects.filter(claimable(), pk=job_id, holder="").update(
            sent_ms=NowMs(), not_before_ms=0, lease_clock=clock.clock_id()
        )
        if changed:
            queue.send(job_id, lane)
    return bool(changed)


def claimable() -> Q:
    """Jobs that a worker may take now: queued, wanted and due, or cancelled and not unwound yet."""
    due = Q(not_before_ms__lte=NowMs()) | ~Q(lease_clock=clock.clock_id())
    going = Q(paused=False) | Q(run_anyway=True)
    ready = Q(status__in=sources(Event.CLAIM), needs_confirmation=False) & wanted() & going & due
    return leases.acquirable() & (ready | Q(status__in=sources(Event.CLAIM_UNWIND)))


def wanted() -> Q:
    """Jobs that are to run: all but those of rules that were disabled or are declared no more.

    A run of such a rule that was asked for by name is wanted all the same.
    """
    return Q(enabled=True, declared=True) | Q(run_anyway=True)


def note(job_id: int, text: str) -> None:
    """Tell operators why a job that nobody has does not move."""
    Job.objects.filter(pk=job_id, holder="", unwinding=False).update(
        last_error=text, updated_at=timezone.now()
    )


# -- ended -------------------------------------------------------------------------------------


def settle_without_worker(job: Job, event: Event, guard: Q) -> bool:
    """The end of a job that nobody works on and that has nothing to undo: False if that is not so."""
    now = timezone.now()
    with transaction.atomic():
        changed = Job.objects.filter(
            guard, pk=job.pk, status__in=sources(event), has_effects=False, turned=False
        ).update(status=target(event), **ended(now), **leases.released())
        if not changed:
            return False
        end(job, target(event), now, Progress.of(job))
    return True


def ended(now: dt.datetime) -> dict[str, Any]:
    """The columns that every end sets."""
    return {"finished_at": now, "updated_at": now, "not_before_ms": 0, "stop_requested": False}


def end(job: Job, status: Status, now: dt.datetime, progress: Progress) -> None:
    """What else ends with a job, in the caller's transaction: its Run; and its gate opens."""
    Run.objects.filter(job=job, finished_at=None).update(
        finished_at=now, status=status, status_raw=status, **progress.run_columns()
    )
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
            queue.send(job.pk, job.lane)
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
            last_error=job.last_error if job.unwinding else reason,
            sent_ms=NowMs(),
            lease_clock=clock.clock_id(),
            updated_at=timezone.now(),
            **leases.released(),
        )
        if changed:
            queue.send(job.pk, job.lane)
    return bool(changed)


# -- runs of rules --------------------------------------------------------------------------------


def lose_run(job: Job, reason: str, detail: Mapping[str, Any]) -> bool:
    """The worker of a rule's run is lost: the run fails, with a row in the failure ring. False if it was not.

    The next one is due soon and begins where this one stopped, unless that happened MOST_LOST times in a
    row at the same place: then it begins anew, when it is due anyway.
    """
    lost, progress = job.crashes + 1, Progress.of(job)
    progress.failed += 1
    progress.last_error = f"WorkerLost: {reason}"
    if lost < MOST_LOST:
        rest_s = min(LONGEST_REST_S, 2.0 ** min(lost - 1, 10))
        end = End(Event.FAIL, keeps=True, due_s=rest_s, rest_s=rest_s, detail=detail)
    else:
        end = End(Event.FAIL, detail=detail)
    same = Q(leases.lapsed(), epoch=job.epoch)
    trouble = Trouble(progress.phase, "", "WorkerLost", reason)
    return end_run(job, same, progress, end, [trouble], crashes=lost % MOST_LOST)


def end_run(
    job: Job, guard: Q, progress: Progress, end: End, troubles: Sequence[Trouble] = (), **more: Any
) -> bool:
    """The end of a rule's run, job and Run in one transaction. False if the guard no longer holds."""
    now = timezone.now()
    with transaction.atomic():
        run = Run.objects.filter(job_id=job.pk, finished_at=None).values_list("pk", flat=True).first()
        changed = Job.objects.filter(guard, pk=job.pk, status__in=sources(end.event)).update(
            **runs.columns(job, progress, end, now), **leases.released(), **more
        )
        if not changed:
            return False
        record(job, run, troubles)
        runs.close(job, progress, end, now)
    return True
