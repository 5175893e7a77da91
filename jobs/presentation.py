"""What every window shows of a job, a run and a failure. Pure: rows in, plain values out.

The shapes are the admin API's; a field that has no value is left out, never null. Times are
unix seconds, sizes bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jobs.kinds import KINDS
from jobs.kinds.base import Action, Kind, Phase, course
from jobs.models import Failure, Job, Run
from jobs.states import LEASED, Status

TRIGGER = "oneoff"
LEAST_FOR_ESTIMATE = 0.02
"""Below this share of the work an estimate of the rest would only be noise."""

APPLIES: Mapping[Action, frozenset[Status]] = {
    Action.CANCEL: frozenset({Status.QUEUED, Status.RUNNING}),
    Action.RETRY_FAILED: frozenset({Status.FAILED, Status.CANCELLED}),
}
"""In which shown states an action makes sense. An action that no window offers is not here."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A job as operators see it: in line between two slices counts as running."""

    job: Job
    status: Status

    @property
    def kind(self) -> Kind | None:
        """None if this version no longer knows the kind."""
        return KINDS.get(self.job.kind)

    @property
    def with_errors(self) -> bool:
        return self.status is Status.SUCCEEDED and self.job.failed > 0


def supported(kind: Kind | None) -> list[str]:
    """The kind's actions that a window can carry out, sorted."""
    return sorted(action.value for action in (kind.actions if kind else ()) if action in APPLIES)


def available(shown: Shown) -> list[str]:
    """The actions that apply now."""
    names = [name for name in supported(shown.kind) if shown.status in APPLIES[Action(name)]]
    return [name for name in names if not (name == Action.CANCEL and shown.job.stop_requested)]


def _course(job: Job, kind: Kind) -> tuple[Phase, ...]:
    """The phases of the job's mode; none if this version does not know that one."""
    return course(kind, job.mode) if job.mode in kind.modes else ()


def _share_done(job: Job, phase: Phase) -> float:
    """How much of the phase is done, 0 to 1; where bytes are known they weigh as much as objects."""
    parts: list[float] = []
    if job.phase_total:
        parts.append(min(1.0, job.phase_done / job.phase_total))
    if phase.counted and job.bytes_total:
        parts.append(min(1.0, job.bytes_done / job.bytes_total))
    return sum(parts) / len(parts) if parts else 0.0


def fraction(shown: Shown) -> float | None:
    """How much of the job is done, 0 to 1, by its kind's shares; None where that means nothing."""
    job, kind = shown.job, shown.kind
    if shown.status is Status.SUCCEEDED:
        return 1.0
    if kind is None:
        return None
    if not job.phase:
        return 0.0
    phases = _course(job, kind)
    names = [phase.name for phase in phases]
    if job.phase not in names:
        return None
    whole = sum(phase.share for phase in phases)
    if not whole:
        return None
    at = names.index(job.phase)
    before = sum(phase.share for phase in phases[:at])
    return (before + phases[at].share * _share_done(job, phases[at])) / whole


def ladder(shown: Shown) -> list[dict[str, str]]:
    """The kind's phases in order with `state`: done, now, stopped (it ended there), or next."""
    job, kind = shown.job, shown.kind
    if kind is None:
        return []
    names = [phase.name for phase in _course(job, kind)]
    if shown.status is Status.SUCCEEDED:
        return [{"name": name, "state": "done"} for name in names]
    if kind.unwind is not None and job.phase == kind.unwind.name:
        state = "now" if shown.status in LEASED else "done"
        return [{"name": kind.unwind.name, "state": state}]
    at = names.index(job.phase) if job.phase in names else 0
    here = "now" if shown.status in LEASED else "next" if shown.status is Status.QUEUED else "stopped"
    return [
        {"name": name, "state": "done" if index < at else here if index == at else "next"}
        for index, name in enumerate(names)
    ]


def seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def compact(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same without what is absent."""
    return {name: value for name, value in values.items() if value is not None}


def waits(shown: Shown) -> bool:
    """Whether a job is in a phase that waits for others, and has done nothing of it yet.

    That is the grace in which reads may still be at what was replaced: its end is no matter of pace.
    """
    job, kind = shown.job, shown.kind
    waiting = {phase.name for phase in kind.phases if phase.waits} if kind else set()
    return shown.status in LEASED and job.phase in waiting and not job.phase_done


def _pace(shown: Shown, done: float | None, now: datetime) -> dict[str, Any]:
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
    """Objects and bytes so far; `total` only once it is known."""
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


def _text(job: Job, name: str) -> str | None:
    value = job.spec.get(name)
    return value if isinstance(value, str) else None


def _detail(shown: Shown) -> dict[str, Any]:
    job = shown.job
    return compact(
        {
            "gated": job.gated,
            "source": _text(job, "source_backend"),
            "created_by": job.created_by or None,
            "parent": f"{job.subsystem}:{job.parent_id}" if job.parent_id else None,
            "phases": ladder(shown),
            "phase_done": job.phase_done,
            "phase_total": job.phase_total,
            "deleted": job.deleted,
            "recoveries": job.crashes or None,
            "point_of_no_return": job.turned,
            "stop_requested": job.stop_requested,
            "report": dict(shown.kind.report(job.state)) or None if shown.kind else None,
        }
    )


def job_row(shown: Shown, now: datetime) -> dict[str, Any]:
    """One job, as the admin API answers it and as the pages read it."""
    job, done = shown.job, fraction(shown)
    scope = compact({"bucket": job.bucket_name or None, "target": _text(job, "target_backend")})
    return compact(
        {
            "id": job.public_id,
            "kind": job.kind,
            "name": job.name,
            "scope": scope,
            "trigger": TRIGGER,
            "paused": job.paused,
            "status": shown.status.value,
            "status_raw": shown.status.value,
            "with_errors": shown.with_errors,
            "phase": job.phase or None,
            "percent": None if done is None else int(done * 100),
            "progress": progress(job),
            **_pace(shown, done, now),
            "last_run_at": seconds(job.started_at),
            "created_at": seconds(job.created_at),
            "started_at": seconds(job.started_at),
            "finished_at": seconds(job.finished_at),
            "last_error": job.last_error or None,
            "actions": available(shown),
            "detail": _detail(shown),
        }
    )


def migration_row(job: Job) -> dict[str, Any]:
    """The answer to a migration that was started."""
    return {
        "job_id": job.pk,
        "id": job.public_id,
        "bucket": job.bucket_name,
        "from_backend": job.spec["source_backend"],
        "to_backend": job.spec["target_backend"],
    }


def definition(job: Job) -> dict[str, Any]:
    """What was asked for: the kind, the bucket and the parameters of a one-off."""
    return {"kind": job.kind, "bucket": job.bucket_name, "parameters": dict(job.spec)}


def run_row(run: Run) -> dict[str, Any]:
    """One attempt to the end of a job."""
    return compact(
        {
            "id": run.pk,
            "triggered_by": run.triggered_by,
            "started_at": seconds(run.started_at),
            "finished_at": seconds(run.finished_at),
            "status": run.status,
            "status_raw": run.status_raw or run.status,
            "objects_scanned": run.objects_scanned,
            "objects_processed": run.objects_processed,
            "objects_skipped": run.objects_skipped,
            "objects_deleted": run.objects_deleted,
            "bytes": run.bytes_done,
            "errors": run.errors,
        }
    )


def failure_row(failure: Failure) -> dict[str, Any]:
    """One object that failed; `error` is the message."""
    return compact(
        {
            "id": failure.pk,
            "run_id": failure.run_id,
            "occurred_at": seconds(failure.occurred_at),
            "object_key": failure.key,
            "bucket": failure.bucket or None,
            "version_id": failure.version_id or None,
            "phase": failure.phase or None,
            "code": failure.code,
            "error": failure.message,
            "attempt": failure.attempt,
        }
    )


def _takes_writes(shown: Shown) -> bool:
    """Whether the job is in a phase in which its bucket still takes writes, or will begin with one."""
    phases = _course(shown.job, shown.kind) if shown.kind else ()
    at = shown.job.phase
    return any(
        phase.writable and (phase.name == at if at else index == 0) for index, phase in enumerate(phases)
    )


def busy_row(shown: Shown) -> dict[str, Any]:
    """What anybody may know of the job that has a bucket which they see: no configuration.

    `gated` says whether the bucket takes no writes now: a gate may close late, and opens with the flip,
    before the job ends.
    """
    job, done = shown.job, fraction(shown)
    return compact(
        {
            "id": job.public_id,
            "kind": job.kind,
            "status": shown.status.value,
            "phase": job.phase or None,
            "percent": None if done is None else int(done * 100),
            "progress": progress(job),
            "since": seconds(job.created_at),
            "gated": job.gated and not job.turned and not _takes_writes(shown),
        }
    )


def etag_of(facts: Any) -> str:
    """The same for the same plain values: what a poll compares. Source: RFC 9110, section 8.8.3."""
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()
    return f'"{digest[:32]}"'


def totals(by_code: Mapping[str, int], rows: Sequence[Failure], total: int) -> dict[str, Any]:
    """The failures answer: the latest rows, the true total, and the ring's rows by code."""
    return {"failures": [failure_row(row) for row in rows], "total": total, "by_code": dict(by_code)}
