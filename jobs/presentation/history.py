"""What has been: runs and failed objects, as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jobs.models import Failure, Job, Run
from jobs.presentation.shown import Shown
from jobs.presentation.values import compact, seconds


def run_row(run: Run) -> dict[str, Any]:
    """One attempt to the end of a job; without what it reported if that was not read."""
    read = "detail" not in run.get_deferred_fields()
    return compact(
        {
            "id": run.pk,
            "mode": run.mode or None,
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
            "detail": (dict(run.detail) or None) if read else None,
        }
    )


def dest_key(spec: Mapping[str, Any], key: str) -> str | None:
    """Where a replication rule takes a key of its source to; None of another kind, or outside its prefix."""
    source, destination = spec.get("source"), spec.get("destination")
    if not isinstance(source, Mapping) or not isinstance(destination, Mapping):
        return None
    prefix = str(source.get("prefix", ""))
    if not key or not key.startswith(prefix):
        return None
    return str(destination.get("prefix", "")) + key[len(prefix) :]


def failure_row(failure: Failure, job: Job | None = None) -> dict[str, Any]:
    """One object that failed; `error` is the message. With the job of a rule that copies, both its keys."""
    target = dest_key(job.spec, failure.key) if job is not None else None
    return compact(
        {
            "id": failure.pk,
            "run_id": failure.run_id,
            "occurred_at": seconds(failure.occurred_at),
            "object_key": failure.key,
            "source_key": None if target is None else failure.key,
            "dest_key": target,
            "bucket": failure.bucket or None,
            "version_id": failure.version_id or None,
            "phase": failure.phase or None,
            "code": failure.code,
            "error": failure.message,
            "attempt": failure.attempt,
        }
    )


def looked_at_again(shown: Shown, rows: Sequence[Failure]) -> str:
    """What is to be said of a rule's failed objects once a later run has been at each of them; else empty."""
    done = shown.job.standing and not shown.failing and any(row.key for row in rows)
    return "A later run has looked at all of these objects again." if done else ""


def totals(by_code: Mapping[str, int], rows: Sequence[dict[str, Any]], total: int) -> dict[str, Any]:
    """The failures answer: the latest rows, the true total, and the ring's rows by code."""
    return {"failures": list(rows), "total": total, "by_code": dict(by_code)}
