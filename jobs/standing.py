"""Standing jobs: what becomes of a rule's job without a worker, each one guarded UPDATE.

A rule has one job for all its life. It is idle, or as its last run ended, until a run begins; what a
worker does to it then is in `jobs.claims`, and how runs end in `jobs.runs`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Least
from django.utils import timezone

from jobs import clock, leases, queue, transitions
from jobs.clock import NowMs
from jobs.kinds.base import EVENTS, Kind
from jobs.models import Job, Run
from jobs.progress import Progress
from jobs.runs import REPLACED, STOPPED, End, due_in
from jobs.states import Event, Status, sources, target

__all__ = [
    "Declared",
    "declare",
    "due",
    "due_in",
    "enqueue",
    "make_way",
    "pause",
    "resume",
    "startable",
    "withdraw",
]


@dataclass(frozen=True, slots=True)
class Declared:
    """A rule as it is declared now. No cursor is carried over between two that differ in `revision`."""

    rule: str
    name: str
    bucket_name: str
    spec: Mapping[str, Any]
    revision: str
    enabled: bool = True


def declare(kind: Kind, declared: Declared) -> Job:
    """The rule's job as declared: made, or brought up to date; a run of another revision ends.

    A worker of that run finds its lease lost. A job that is new, or new again, is due at once, and one
    whose interval is shorter now is not due later than that. Disabling ends also what was asked for by
    name before.
    """
    said = {
        "name": declared.name,
        "bucket_name": declared.bucket_name,
        "spec": dict(declared.spec),
        "enabled": declared.enabled,
        "declared": True,
        "lane": kind.lane,
    }
    fresh = {
        "subsystem": kind.subsystem,
        "status": Status.IDLE,
        "revision": declared.revision,
        "created_by": "configuration",
        **due_in(0),
    }
    with transaction.atomic():
        made = Job.objects.get_or_create(kind=kind.name, rule=declared.rule, defaults=said | fresh)[1]
        job = Job.objects.select_for_update().get(kind=kind.name, rule=declared.rule)
        if made:
            return job
        if job.enabled and not declared.enabled:
            said["run_anyway"] = False
        if job.revision != declared.revision:
            _replace(job, declared.revision)
        elif declared.enabled and not (job.enabled and job.declared):
            said |= due_in(0)
        else:
            said |= _due_sooner(job.spec, declared.spec) | _rested(job, declared.spec)
        Job.objects.filter(pk=job.pk).update(**said, updated_at=timezone.now())
        if not declared.enabled:
            _stop_waiting(job.pk)
    return Job.objects.get(pk=job.pk)


def withdraw(job: Job) -> None:
    """The rule is not declared any more: its history stays, and nothing runs. A worker stops by itself."""
    with transaction.atomic():
        Job.objects.filter(pk=job.pk).update(
            declared=False, enabled=False, run_anyway=False, updated_at=timezone.now()
        )
        _stop_waiting(job.pk)


def _stop_waiting(job_id: int) -> None:
    """A run that waits for a worker, and that nobody asked for by name, ends where it stands."""
    waiting = Q(status=Status.QUEUED, holder="", run_anyway=False)
    job = Job.objects.select_for_update().filter(waiting, pk=job_id).first()
    if job is not None:
        transitions.end_run(job, waiting, Progress.of(job), End(Event.STOP, STOPPED, keeps=True))


def _rested(job: Job, now: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that end a rest: what a run waited for, as the hours of a window, may be otherwise now."""
    rests = job.status == Status.IDLE and job.not_before_ms > 0
    return {"not_before_ms": 0, **due_in(0)} if rests and dict(job.spec) != dict(now) else {}


def _due_sooner(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that pull a run to a shorter interval, counted from now."""
    old, new = before.get("interval_s"), now.get("interval_s")
    if not isinstance(old, int) or not isinstance(new, int) or new >= old:
        return {}
    return {
        "next_due_ms": Least(F("next_due_ms"), NowMs() + new * 1000),
        "next_due_at": Least(F("next_due_at"), timezone.now() + dt.timedelta(seconds=new)),
    }


def enqueue(
    job: Job, mode: str, triggered_by: str, *, anyway: bool = False, keys: Sequence[str] = ()
) -> Run | None:
    """Begin a run, where the last one of that mode stopped if it was not whole; then send a message.

    `anyway`: though the rule is paused or disabled. `keys`: over these alone. None if a run is on its
    way, the job changed since it was read, or the rule is not to run.
    """
    anyway = anyway and (job.paused or not job.enabled)
    kept = dict(job.kept)
    phase, token = kept.pop(mode, ("", None))
    now = timezone.now()
    ready = Job.objects.filter(pk=job.pk, epoch=job.epoch, revision=job.revision, declared=True)
    if not anyway:
        ready = ready.filter(enabled=True, paused=False)
    with transaction.atomic():
        changed = ready.filter(status__in=sources(Event.ENQUEUE), holder="").update(
            **_counters(), phase=phase, token=token, kept=kept, keys=list(keys), mode=mode, run_anyway=anyway,
            triggered_by=triggered_by, status=target(Event.ENQUEUE), started_at=None, finished_at=None,
            sent_ms=NowMs(), not_before_ms=0, lease_clock=clock.clock_id(), updated_at=now,
        )  # fmt: skip
        if not changed:
            return None
        run = Run.objects.create(
            job=job, triggered_by=triggered_by, started_at=now, status=Status.QUEUED, mode=mode
        )
        queue.send(job.pk, job.lane)
    return run


def make_way(job: Job) -> Job:
    """The job as it is now, at rest if its run gives way to what an operator asks for by name.

    That is one that follows a feed, of which there may always be another, and one that a pause holds up. The
    next of its mode goes on where it stopped; a worker of it finds its lease lost.
    """
    with transaction.atomic():
        now = Job.objects.select_for_update().get(pk=job.pk)
        if now.mode != EVENTS and not now.waits:
            return now
        if transitions.end_run(now, Q(), Progress.of(now), End(Event.STOP, STOPPED, keeps=True)):
            Job.objects.filter(pk=job.pk).update(epoch=F("epoch") + 1)
        return Job.objects.get(pk=job.pk)


def pause(job: Job) -> bool:
    """No run begins, and one that is on its way waits at its next checkpoint. False if it was paused."""
    return bool(Job.objects.filter(pk=job.pk, paused=False).update(paused=True, updated_at=timezone.now()))


def resume(job: Job) -> bool:
    """Runs begin again, and one that waits goes on. False if it was not paused."""
    with transaction.atomic():
        changed = Job.objects.filter(pk=job.pk, paused=True).update(
            paused=False, sent_ms=NowMs(), updated_at=timezone.now()
        )
        if changed:
            queue.send(job.pk, job.lane)
    return bool(changed)


# -- when it is due ---------------------------------------------------------------------------


def due() -> Q:
    """Standing jobs whose next scheduled run is due, and may begin now."""
    same_clock = Q(due_clock=clock.clock_id(), next_due_ms__lte=NowMs())
    other_clock = ~Q(due_clock=clock.clock_id()) & Q(next_due_at__lte=timezone.now())
    return startable() & (same_clock | other_clock)


def startable() -> Q:
    """Standing jobs of which a run may begin by itself now."""
    rested = Q(not_before_ms__lte=NowMs()) | ~Q(lease_clock=clock.clock_id())
    return (
        Q(enabled=True, declared=True, paused=False, status__in=sources(Event.ENQUEUE), holder="")
        & ~Q(rule="")
        & rested
    )


# -- the pieces -------------------------------------------------------------------------------


def _replace(job: Job, revision: str) -> None:
    """Another definition: cursors and notes mean nothing any more, and whoever works on it has lost it.

    The caller has locked the row.
    """
    transitions.end_run(job, Q(), Progress.of(job), End(Event.STOP, REPLACED))
    Job.objects.filter(pk=job.pk).update(
        revision=revision, epoch=F("epoch") + 1, phase="", token=None, kept={}, keys=[], state={},
        run_anyway=False, crashes=0, not_before_ms=0, **leases.released(), **due_in(0),
    )  # fmt: skip


_LIVES_ON = frozenset({"phase", "token", "state", "last_error"})
"""What of the progress is not a count of the run."""


def _counters() -> dict[str, Any]:
    """The counts of a run that has done nothing yet."""
    fresh = Progress()
    return {name: value for name, value in fresh.columns().items() if name not in _LIVES_ON}
