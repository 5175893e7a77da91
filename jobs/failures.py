"""The failure ring: the latest troubles of a job; how many there were in all is a counter of its Run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone

from jobs.models import Failure, Job

MESSAGE_LIMIT = 2_000


@dataclass(frozen=True, slots=True)
class Trouble:
    """One row of the failure ring, before it has one."""

    phase: str
    key: str
    code: str
    message: str
    version_id: str = ""
    attempt: int = 1


def record(job: Job, run_id: int | None, troubles: Sequence[Trouble]) -> None:
    """Into the failure ring, in the caller's transaction; its oldest rows go, by insertion id."""
    if not troubles:
        return
    now = timezone.now()
    keep = troubles[-settings.FAILURE_RING :]
    Failure.objects.bulk_create(
        Failure(
            job=job,
            run_id=run_id,
            occurred_at=now,
            phase=trouble.phase,
            bucket=job.bucket_name,
            key=_text(trouble.key),
            version_id=trouble.version_id,
            code=trouble.code,
            message=_text(trouble.message)[:MESSAGE_LIMIT],
            attempt=trouble.attempt,
        )
        for trouble in keep
    )
    prune_ring(job.pk)


def _text(text: str) -> str:
    """Without NUL, which keys may hold and PostgreSQL's text may not."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def prune_ring(job_id: int) -> int:
    """Keep the newest FAILURE_RING rows of a job; how many went."""
    ring = Failure.objects.filter(job_id=job_id).order_by("-pk").values_list("pk", flat=True)
    last = ring[settings.FAILURE_RING : settings.FAILURE_RING + 1].first()
    return 0 if last is None else Failure.objects.filter(job_id=job_id, pk__lte=last).delete()[0]
