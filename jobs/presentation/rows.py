"""One job as a row: the admin API's answer, and what the pages read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jobs.models import Job
from jobs.presentation.applying import available
from jobs.presentation.shown import Shown, course_of
from jobs.presentation.stages import fraction, ladder, pace, progress
from jobs.presentation.values import compact, seconds
from jobs.states import ACTIVE

ONE_OFF, SCHEDULED, CONTINUOUS = "oneoff", "scheduled", "continuous"
TRIGGERS = (CONTINUOUS, SCHEDULED, ONE_OFF)
EVENTS = "events"
"""What the spec of a rule says that follows a change feed."""


def trigger(job: Job) -> str:
    """What makes it run: the changes of its source, a schedule, or that somebody asked once."""
    if not job.standing:
        return ONE_OFF
    return CONTINUOUS if job.spec.get("trigger") == EVENTS else SCHEDULED


def place(value: Any) -> str | None:
    """`{"bucket", "prefix"}` of a spec as `releases-dr/firmware/`."""
    if not isinstance(value, Mapping) or not value.get("bucket"):
        return None
    return f"{value['bucket']}/{value['prefix']}" if value.get("prefix") else str(value["bucket"])


def scope(job: Job) -> dict[str, Any]:
    """What it is about: the bucket, the prefix of a rule, and where something goes to."""
    source, only = _source(job), _only_rule(job)
    target = (
        _text(job, "target_backend") or place(job.spec.get("destination")) or place(only.get("destination"))
    )
    prefix = source.get("prefix") or only.get("prefix")
    return compact({"bucket": job.bucket_name or None, "prefix": prefix or None, "target": target})


def _source(job: Job) -> Mapping[str, Any]:
    source = job.spec.get("source")
    return source if isinstance(source, Mapping) else {}


def _only_rule(job: Job) -> Mapping[str, Any]:
    """The entry of a lifecycle rule that is a single one; of several none is the job's scope."""
    entries = job.spec.get("rules")
    single = isinstance(entries, list) and len(entries) == 1 and isinstance(entries[0], Mapping)
    return entries[0] if single else {}


def _text(job: Job, name: str) -> str | None:
    value = job.spec.get(name)
    return value if isinstance(value, str) else None


def _detail(shown: Shown, listed: bool) -> dict[str, Any]:
    job = shown.job
    whole = shown.kind is not None and not (listed and job.standing)
    return compact(
        {
            "gated": gated(shown),
            "source": _text(job, "source_backend"),
            "created_by": job.created_by or None,
            "parent": f"{job.subsystem}:{job.parent_id}" if job.parent_id else None,
            "mode": job.mode or None,
            "phases": ladder(shown),
            "phase_done": job.phase_done,
            "phase_total": job.phase_total,
            "deleted": job.deleted,
            "recoveries": job.crashes or None,
            "point_of_no_return": job.turned,
            "stop_requested": job.stop_requested,
            "report": dict(shown.kind.report(job.state)) or None if shown.kind and whole else None,
        }
    )


def _of_rule(shown: Shown) -> dict[str, Any]:
    """What only rules have. `next_due_at` is left out where nothing will run by itself."""
    job = shown.job
    if not job.standing:
        return {}
    runs = job.enabled and job.declared and not job.paused
    return compact(
        {
            "enabled": job.enabled,
            "declared": job.declared,
            "lifetime": {"objects": job.lifetime_objects, "bytes": job.lifetime_bytes},
            "next_due_at": seconds(job.next_due_at) if runs else None,
        }
    )


def job_row(shown: Shown, now: datetime, listed: bool = False) -> dict[str, Any]:
    """One job, as the admin API answers it and as the pages read it.

    `listed`: among others; then rules are without their report, which may be long.
    """
    job, done = shown.job, fraction(shown)
    raw = shown.raw if job.standing and shown.status not in ACTIVE else ""
    return compact(
        {
            "id": job.public_id,
            "kind": job.kind,
            "name": job.rule or job.name,
            "scope": scope(job),
            "trigger": trigger(job),
            "paused": job.paused,
            **_of_rule(shown),
            "status": shown.status.value,
            "status_raw": raw or shown.status.value,
            "with_errors": shown.with_errors,
            "phase": job.phase or None,
            "percent": None if done is None else int(done * 100),
            "progress": progress(job),
            **pace(shown, done, now),
            "last_run_at": seconds(job.started_at or shown.last_run),
            "created_at": seconds(job.created_at),
            "started_at": seconds(job.started_at),
            "finished_at": seconds(job.finished_at),
            "last_error": job.last_error or None,
            "actions": available(shown),
            "detail": _detail(shown, listed),
        }
    )


def held(row: Mapping[str, Any]) -> str:
    """Why nothing of a job runs by itself, as one word; of several the one that is to be mended first."""
    if row.get("declared") is False:
        return "withdrawn"
    if row.get("enabled") is False:
        return "disabled"
    return "paused" if row.get("paused") else ""


def migration_row(job: Job) -> dict[str, Any]:
    """The answer to a migration that was started."""
    return {
        "job_id": job.pk,
        "id": job.public_id,
        "bucket": job.bucket_name,
        "from_backend": job.spec["source_backend"],
        "to_backend": job.spec["target_backend"],
    }


def gated(shown: Shown) -> bool:
    """Whether the job's bucket takes no writes now.

    Its gate closes with the first phase that nobody may write in, and opens with the flip, before the end.
    """
    job, phases = shown.job, course_of(shown)
    if not job.gated or job.turned:
        return False
    writable = {phase.name for phase in phases if phase.writable}
    here = job.phase or (phases[0].name if phases else "")
    return here not in writable


def busy_row(shown: Shown) -> dict[str, Any]:
    """What anybody may know of the job that has a bucket which they see: no configuration."""
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
            "gated": gated(shown),
        }
    )
