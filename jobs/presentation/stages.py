"""How far a job is: shares of its phases, the ladder, counts, pace."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from jobs.kinds.base import Phase
from jobs.models import Job
from jobs.presentation.shown import Shown, course_of
from jobs.presentation.values import compact
from jobs.states import LEASED, Status

LEAST_FOR_ESTIMATE = 0.02
"""Below this share of the work an estimate of the rest would only be noise."""
_HERE = {Status.QUEUED: "next", Status.IDLE: "next"} | dict.fromkeys(LEASED, "now")
"""What the phase is that a job is in; in any other status it ended there."""


def _share_done(job: Job, phase: Phase) -> float | None:
    """How much of the phase is done, 0 to 1; where bytes are known they weigh as much as objects.

    None if nobody knows how much there is.
    """
    parts: list[float] = []
    if job.phase_total:
        parts.append(min(1.0, job.phase_done / job.phase_total))
    if phase.counted and job.bytes_total:
        parts.append(min(1.0, job.bytes_done / job.bytes_total))
    return sum(parts) / len(parts) if parts else None


def fraction(shown: Shown) -> float | None:
    """How much of the job is done, 0 to 1, by the shares of its phases; None where that means nothing."""
    job, phases = shown.job, course_of(shown)
    if shown.status is Status.SUCCEEDED:
        return 1.0
    if not phases or shown.status is Status.IDLE:
        return None
    if not job.phase:
        return 0.0
    names = [phase.name for phase in phases]
    if job.phase not in names:
        return None
    whole = sum(phase.share for phase in phases)
    if not whole:
        return None
    at = names.index(job.phase)
    before = sum(phase.share for phase in phases[:at])
    here = _share_done(job, phases[at])
    if here is None and not before and job.standing:
        return None
    return (before + phases[at].share * (here or 0.0)) / whole


def ladder(shown: Shown) -> list[dict[str, str]]:
    """The phases of the job's mode in order with `state`: done, now, stopped (it ended there), or next."""
    job, kind = shown.job, shown.kind
    if kind is None:
        return []
    names = [phase.name for phase in course_of(shown)]
    if shown.status is Status.SUCCEEDED:
        return [{"name": name, "state": "done"} for name in names]
    if kind.unwind is not None and job.phase == kind.unwind.name:
        state = "now" if shown.status in LEASED else "done"
        return [{"name": kind.unwind.name, "state": state}]
    at = names.index(job.phase) if job.phase in names else 0
    here = _HERE.get(shown.status, "stopped")
    return [
        {"name": name, "state": "done" if index < at else here if index == at else "next"}
        for index, name in enumerate(names)
    ]


def waits(shown: Shown) -> bool:
    """Whether a job is in a phase that waits for others, and has done nothing of it yet.

    That is the grace in which reads may still be at what was replaced: its end is no matter of pace.
    """
    waiting = {phase.name for phase in course_of(shown) if phase.waits}
    return shown.status in LEASED and shown.job.phase in waiting and not shown.job.phase_done


def pace(shown: Shown, done: float | None, now: datetime) -> dict[str, Any]:
    """`rate` and `eta_s` of a running job, averaged since its start; `waiting` in place of both."""
    job = shown.job
    if shown.status not in LEASED or job.started_at is None:
        return {}
    elapsed = (now - job.started_at).total_seconds()
    if elapsed < 1:
        return {}
    if waits(shown):
        return {"waiting": True}
    rate = {
        "objects_s": round(job.processed / elapsed, 2),
        "bytes_s": round(job.bytes_done / elapsed, 2),
    }
    known = shown.status is Status.RUNNING and done is not None and done >= LEAST_FOR_ESTIMATE
    eta = round(elapsed * (1 - done) / done) if known and done else None
    return compact({"rate": rate, "eta_s": eta})


def progress(job: Job) -> dict[str, Any]:
    """Objects and bytes so far, of a rule's latest run; `total` only once it is known."""
    return compact(
        {
            "processed": job.processed,
            "total": job.total,
            "bytes": job.bytes_done,
            "bytes_total": job.bytes_total,
            "failed": job.failed,
            "skipped": job.skipped,
        }
    )
