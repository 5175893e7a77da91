"""The queue: wake-up calls that carry a job id. The only importer of django_q.

A message may come twice, late, out of order or never; the job tables hold the truth, a claim
is exclusive, and the scheduler's tick sends again what was lost.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django_q.conf import Conf
from django_q.models import OrmQ, Task
from django_q.tasks import async_task

WORK = "jobs.engine.work"
PONG = "jobs.liveness.pong"


def send(job_id: int, lane: str = "") -> None:
    """Once the transaction is committed: have some worker of that lane work on the job."""
    transaction.on_commit(lambda: _enqueue(job_id, lane))


def _enqueue(job_id: int, lane: str) -> None:
    async_task(WORK, job_id, task_name=f"job-{job_id}", cluster=lane or None)


def ping() -> None:
    """Have some worker give a sign of life."""
    async_task(PONG, task_name="ping")


def counts() -> dict[str, int]:
    """Messages: `waiting` for a worker, `taken` by one and not acknowledged yet."""
    now = timezone.now()
    mine = OrmQ.objects.filter(key=Conf.CLUSTER_NAME)
    return {
        "waiting": mine.filter(lock__lte=now).count(),
        "taken": mine.filter(lock__gt=now).count(),
    }


def oldest_age_ms() -> int:
    """How long the oldest message has waited for a worker; 0 if none waits. Wall clock."""
    now = timezone.now()
    oldest = (
        OrmQ.objects.filter(key=Conf.CLUSTER_NAME, lock__lte=now)
        .order_by("lock")
        .values_list("lock", flat=True)
        .first()
    )
    return 0 if oldest is None else (now - oldest) // timedelta(milliseconds=1)


def forget_failures(limit: int, age: timedelta = timedelta(days=7)) -> int:
    """Delete old rows of tasks that ended with an error, which django_q keeps for ever; how many."""
    old = Task.objects.filter(stopped__lt=timezone.now() - age).values_list("pk", flat=True)[:limit]
    return Task.objects.filter(pk__in=list(old)).delete()[0]
