"""Zombies back in line, and orphaned gates open: at boot, at every tick, and when a job is read.

A zombie says `running` or `cancelling` and its lease has lapsed. A live peer's job is never
touched: only a lapsed lease counts.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from jobs import clock, leases, runs, transitions
from jobs.clock import NowMs
from jobs.kinds import KINDS
from jobs.leases import LeaseRow, Process
from jobs.models import Heartbeat, Job
from jobs.states import LEASED, TERMINAL, Event
from proxy import gate, slots
from proxy.models import Bucket

log = logging.getLogger(__name__)

BATCH = 200
_DEATH_S = 1.0


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a recovery did."""

    requeued: int = 0
    failed: int = 0
    """Runs of rules."""
    cancelled: int = 0
    killed: int = 0
    gates_opened: int = 0


def recover() -> Recovered:
    """Recover every zombie and open every orphaned gate."""
    zombies = Job.objects.filter(leases.lapsed(), status__in=LEASED).order_by("pk")[:BATCH]
    done = [_recover(job) for job in zombies]
    strays = _end_strays()
    return Recovered(
        requeued=sum(one.requeued for one in done),
        failed=sum(one.failed for one in done),
        cancelled=sum(one.cancelled for one in done),
        killed=sum(one.killed for one in done) + strays,
        gates_opened=_open_orphaned_gates(),
    )


def refresh(job_id: int) -> bool:
    """What a window calls when it shows a running or cancelling job: True if it was a zombie.

    Costs one indexed read when it is not.
    """
    job = Job.objects.filter(pk=job_id, status__in=LEASED).exclude(holder="").first()
    if job is None:
        return False
    row = LeaseRow(job.holder, job.epoch, job.lease_expires_ms, job.lease_clock)
    if not leases.may_acquire(row, clock.now_ms(), clock.clock_id()):
        return False
    done = _recover(job)
    return bool(done.requeued or done.failed or done.cancelled)


def _recover(job: Job) -> Recovered:
    """One zombie. The conditions of the UPDATEs decide, not what was read."""
    killed = _end_holder(job)
    if job.standing:
        return Recovered(failed=int(_fail_run(job)), killed=killed)
    if transitions.settle_without_worker(job, Event.SETTLE_CANCEL, leases.lapsed()):
        return Recovered(cancelled=1, killed=killed)
    if not transitions.requeue(job, _reason(job)):
        return Recovered(killed=killed)
    log.warning("%s: phase %s, crash %d: %s", job.public_id, job.phase, job.crashes + 1, _reason(job))
    return Recovered(requeued=1, killed=killed)


def _fail_run(job: Job) -> bool:
    """A rule's run fails with its worker; the next one goes on where it stopped."""
    detail = runs.report(KINDS.get(job.kind), job.state)
    if not transitions.lose_run(job, _reason(job), detail):
        return False
    log.warning("%s: phase %s, crash %d: %s", job.public_id, job.phase, job.crashes + 1, _reason(job))
    return True


def _reason(job: Job) -> str:
    process = leases.process_of(job.holder)
    who = f"process {process.pid} on {process.host}" if process else job.holder
    return f"The worker was lost: {who}."


def _end_holder(job: Job) -> int:
    """SIGKILL the lapsed holder if it is on this host and still in the job's work slot.

    It may be stopped in the middle of an effect: until it is gone nobody can claim the job.
    One on another host is waited for by the claim, which says for whom.
    """
    return _end(job, leases.process_of(job.holder))


def _end_strays() -> int:
    """SIGKILL workers of this host that are in the work slot of a job that was taken from them, and silent.

    Of a rule that was declared otherwise, or that made way, the row does not name them any more.
    """
    beats = Heartbeat.objects.filter(role="worker", host=leases.this_host(), clock=clock.clock_id())
    silent = beats.filter(job_id__isnull=False, beat_ms__lt=NowMs() - transitions.ttl_ms())
    ended = 0
    for name, job_id in silent.values_list("process", "job_id")[:BATCH]:
        job = Job.objects.filter(pk=job_id or 0).exclude(holder=name).first()
        ended += 0 if job is None else _end(job, leases.process_of(name))
    return ended


def _end(job: Job, process: Process | None) -> int:
    if process is None or not _works(process, job.slot_id) or not process.kill():
        return 0
    log.warning("%s: killed process %d, which outlived its lease", job.public_id, process.pid)
    until = time.monotonic() + _DEATH_S
    while process.alive and time.monotonic() < until:
        time.sleep(0.01)
    return 1


def _works(process: Process, slot_id: str) -> bool:
    if not process.local or not process.alive:
        return False
    names = slots.holders(slots.WORK, slot_id)
    return any(name.startswith(f"process {process.pid} ") for name in names)


def _open_orphaned_gates() -> int:
    """Gates whose job has ended or does not exist. Other holders' gates are not ours to open."""
    closed = Bucket.objects.exclude(gate_holder=None).values_list("pk", "name", "gate_holder")
    opened = 0
    for bucket_id, name, holder in closed[:BATCH]:
        if holder and _is_orphaned(holder) and gate.open(bucket_id, holder):
            log.warning("bucket %s: opened its gate, which %s had left closed", name, holder)
            opened += 1
    return opened


def _is_orphaned(holder: str) -> bool:
    _, _, number = holder.partition(":")
    if not number.isdecimal():
        return False
    status = Job.objects.filter(pk=int(number)).values_list("status", flat=True).first()
    return status is None or status in TERMINAL
