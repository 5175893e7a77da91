"""Rules' jobs in any state, as rows, for the tests of the windows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from jobs.kinds import KINDS
from jobs.models import Failure, Job, Run
from jobs.states import Status
from tests.jobs.windows import NOW

REPLICATION: dict[str, Any] = {
    "source": {"bucket": "releases", "prefix": "firmware/"},
    "destination": {"bucket": "releases-dr", "prefix": ""},
    "interval_s": 86_400,
    "trigger": "events",
    "replicate_deletes": False,
    "conflict": "newer-wins",
    "include_globs": [],
    "exclude_globs": [],
    "bandwidth": None,
    "window": None,
    "concurrency": 8,
    "timeout_s": 300,
}
ENTRY: dict[str, Any] = {
    "id": "expire-dumps",
    "prefix": "nightly/",
    "tags": {},
    "min_size": None,
    "max_size": None,
    "include_globs": [],
    "exclude_globs": [],
    "action": "delete",
    "after_s": 90 * 86_400,
    "on_date_ms": None,
    "destination": None,
    "delete_source": True,
    "count": None,
    "qualify": {"min_size": None, "min_age_s": None},
    "protect_younger_than_s": None,
    "noncurrent_after_s": None,
    "noncurrent_keep": 0,
    "abort_multipart_after_s": None,
    "expired_delete_markers": False,
}
LIFECYCLE: dict[str, Any] = {
    "bucket": "db-archive",
    "interval_s": 86_400,
    "concurrency": 8,
    "timeout_s": 300,
    "rules": [ENTRY],
}
SPECS = {"replication": (REPLICATION, "releases"), "lifecycle": (LIFECYCLE, "db-archive")}


def make_rule(kind: str = "replication", rule: str = "mirror", status: str = "idle", **columns: Any) -> Job:
    """A rule's job as the engine might have left it, with an open run if it is on its way."""
    spec, bucket = SPECS[kind]
    facts: dict[str, Any] = {
        "kind": kind,
        "subsystem": kind,
        "rule": rule,
        "name": rule,
        "bucket_name": bucket,
        "spec": spec,
        "status": status,
        "revision": "r1",
        "created_by": "configuration",
        "lane": KINDS[kind].lane,
        "next_due_at": timezone.now() + timedelta(hours=1, minutes=30),
    }
    job = Job.objects.create(**(facts | columns))
    if status in (Status.QUEUED, Status.RUNNING):
        Run.objects.create(
            job=job, triggered_by="scheduler", started_at=NOW, status=status, mode=first_mode(kind)
        )
    return job


def first_mode(kind: str) -> str:
    return next(iter(KINDS[kind].modes))


def make_run(job: Job, mode: str = "", status: str = "succeeded", **columns: Any) -> Run:
    """A run that has ended."""
    facts: dict[str, Any] = {
        "triggered_by": "scheduler",
        "started_at": NOW,
        "finished_at": NOW + timedelta(seconds=10),
        "status": status,
        "mode": mode or first_mode(job.kind),
    }
    return Run.objects.create(job=job, **(facts | columns))


def make_failed_object(job: Job, run: Run, key: str = "firmware/a", code: str = "AccessDenied") -> Failure:
    return Failure.objects.create(
        job=job,
        run=run,
        occurred_at=NOW,
        phase="copy",
        bucket=job.bucket_name,
        key=key,
        code=code,
        message="no",
    )
