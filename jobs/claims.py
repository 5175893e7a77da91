"""What a worker does to the row of a job that it has claimed: guarded UPDATEs, one per event.

Each is conditional on (holder, epoch), on the time of the lease and on the status: one row
changed, or it did not happen and why is found out. The other changes of a job's status, for
which no worker is needed, are in `jobs.transitions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from jobs import clock, leases, queue, transitions
from jobs.clock import NowMs
from jobs.errors import Cancelled, JobFailed, LeaseLost, Withdrawn, WorkSignal
from jobs.failures import Trouble, record
from jobs.leases import Grant
from jobs.models import Job, Run
from jobs.progress import Progress
from jobs.runs import End
from jobs.states import LEASED, Event, Status, sources, target
from jobs.transitions import claimable, ttl_ms, wanted
from proxy import gate


@dataclass(frozen=True, slots=True)
class Claim:
    """A job in this worker's hands: the row as it was claimed, and the proof of it."""

    job: Job
    grant: Grant
    run_id: int
    since_ms: int
    """Before the claim began, on this machine's clock: the lease lasts from there."""


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
            defaults={"triggered_by": fresh.triggered_by, "started_at": now, "mode": fresh.mode},
        )
        waited = Run.objects.filter(pk=run.pk, status=Status.QUEUED)
        waited.update(status=Status.RUNNING, started_at=now)
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
    if held(claim, Status.RUNNING).exclude(wanted()).exists():
        return Withdrawn()
    return LeaseLost(f"another worker may have {claim.job.public_id}")


def renew(claim: Claim) -> bool:
    """The heartbeat's UPDATE. False: the lease is lost for good."""
    return bool(held(claim).update(**leases.renewed(ttl_ms())))


def checkpoint(
    claim: Claim, progress: Progress, troubles: Sequence[Trouble] = (), *, closing: bool = False
) -> None:
    """Save the progress, prove and renew the lease, hear a cancel: one UPDATE.

    A job that unwinds may be saved while `cancelling`. `closing`: its bucket's gate closes in the
    same transaction. Raises Cancelled, LeaseLost, JobFailed (another has the gate), NoSuchBucket.
    """
    statuses = LEASED if progress.unwinding else {Status.RUNNING}
    with transaction.atomic() if troubles or closing else nullcontext():
        changed = _known(claim, progress, statuses).update(
            **progress.columns(),
            **leases.renewed(ttl_ms()),
            crashes=0,
            updated_at=timezone.now(),
        )
        if not changed:
            raise why_not(claim)
        if closing and gate.close(claim.job.bucket_id, claim.job.gate_name) is None:
            raise JobFailed(f"Another holds the gate of bucket {claim.job.bucket_name}.", "BucketBusy")
        record(claim.job, claim.run_id, troubles)


@contextmanager
def turning(claim: Claim, progress: Progress) -> Iterator[bool]:
    """One transaction, past the point of no return: the job moves on, if it is still ours and running.

    What the body does and the notes that it leaves in `progress.state` are part of it. Gives
    False, and the body must do nothing, if this claim has turned before and was not told; the
    notes of that time are in `progress.state` then. Raises Cancelled, LeaseLost.
    """
    with transaction.atomic():
        first = (
            held(claim, Status.RUNNING)
            .filter(turned=False)
            .update(**progress.columns(), **leases.renewed(ttl_ms()), crashes=0, updated_at=timezone.now())
        )
        if first:
            yield True
            Job.objects.filter(pk=claim.job.pk).update(state=progress.state)
            return
        before = held(claim).filter(turned=True).first()
        if before is None:
            raise why_not(claim)
        progress.state = before.state
        yield False


def give_back(claim: Claim, progress: Progress, wait_ms: int = 0) -> None:
    """The slice ended: back in line, for `wait_ms` at least. Raises Cancelled, LeaseLost, Withdrawn.

    A job that unwinds after a cancel stays `cancelling`, without a lease.
    """
    cancelling = progress.unwinding and held(claim, Status.CANCELLING).exists()
    status = Status.CANCELLING if cancelling else target(Event.YIELD)
    allowed = {Status.CANCELLING} if cancelling else sources(Event.YIELD)
    with transaction.atomic():
        mine = _known(claim, progress, allowed).filter(wanted())
        changed = mine.update(
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
            queue.send(claim.job.pk, claim.job.lane)


def settle(claim: Claim, event: Event, progress: Progress, troubles: Sequence[Trouble] = ()) -> None:
    """The end of a one-off: job, Run and gate in one transaction. Raises Cancelled, LeaseLost."""
    now, job = timezone.now(), claim.job
    with transaction.atomic():
        changed = _known(claim, progress, sources(event)).update(
            status=target(event), **progress.columns(), **transitions.ended(now), **leases.released()
        )
        if not changed:
            raise why_not(claim)
        record(claim.job, claim.run_id, troubles)
        transitions.end(job, target(event), now, progress)


def end_run(claim: Claim, end: End, progress: Progress, troubles: Sequence[Trouble] = ()) -> None:
    """The end of a rule's run, whichever it is. Raises LeaseLost."""
    mine = leases.mine(claim.grant)
    if not transitions.end_run(claim.job, mine, progress, end, troubles, crashes=0):
        raise why_not(claim)
