"""The queue: wake-up calls that carry a job id. The only importer of django_q.

A message may come twice, late, out of order or never; the job tables hold the truth, a claim
is exclusive, and the scheduler's tick sends again what was lost. It has lanes, each with workers
of its own: what must begin soon does not wait behind long slices.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django_q.conf import Conf
from django_q.models import OrmQ, Task
from django_q.tasks import async_task

from jobs.clock import NowMs
from jobs.kinds.base import EVENTS
from jobs.models import Job
from jobs.states import Status

MOST_BEFORE = 4
"""So many go before one that was next; then it has its turn."""
WORK = "jobs.engine.work"
PONG = "jobs.liveness.pong"
LANES = ("", EVENTS)
"""All of them; "" is the one of every kind that does not name another."""


def send(job_id: int, lane: str = "") -> None:
    """Once the transaction is committed: have some worker of that lane work on the job."""
    transaction.on_commit(lambda: _enqueue(job_id, lane))


def _enqueue(job_id: int, lane: str) -> None:
    async_task(WORK, job_id, task_name=f"job-{job_id}", cluster=_cluster(lane))


def ping(lane: str = "") -> None:
    """Have some worker of that lane give a sign of life."""
    async_task(PONG, task_name="ping", cluster=_cluster(lane))


def _cluster(lane: str) -> str:
    """What django_q calls a lane. Always named: else it would be the one that this process serves."""
    return lane or str(Conf.PREFIX)


def serve(lane: str) -> None:
    """From now on a cluster that this process starts serves that lane.

    Raises KeyError. django_q itself goes by the environment of the moment at which it was imported.
    """
    own = settings.Q_CLUSTER["ALT_CLUSTERS"][lane] if lane else settings.Q_CLUSTER
    Conf.CLUSTER_NAME = _cluster(lane)
    Conf.WORKERS, Conf.QUEUE_LIMIT = own["workers"], own["queue_limit"]


# -- what waits ------------------------------------------------------------------------------


def counts(lane: str | None = None) -> dict[str, int]:
    """Messages: `waiting` for a worker, `taken` by one and not acknowledged yet; of one lane or of all."""
    now = timezone.now()
    return {
        "waiting": _messages(lane).filter(lock__lte=now).count(),
        "taken": _messages(lane).filter(lock__gt=now).count(),
    }


def oldest_age_ms(lane: str | None = None) -> int:
    """How long the oldest message has waited for a worker; 0 if none waits. Wall clock."""
    now = timezone.now()
    waiting = _messages(lane).filter(lock__lte=now).order_by("lock")
    oldest = waiting.values_list("lock", flat=True).first()
    return 0 if oldest is None else (now - oldest) // timedelta(milliseconds=1)


def _messages(lane: str | None) -> QuerySet[OrmQ]:
    names = [_cluster(one) for one in (LANES if lane is None else (lane,))]
    return OrmQ.objects.filter(key__in=names)


def others_wait(lane: str) -> bool:
    """Whether a job of that lane is in line that could be worked on now."""
    return _in_line(lane).exists()


def before(job_id: int) -> list[int]:
    """Jobs of its lane that follow a feed and are in line: they come before one that does something else.

    Some of them, those that wait for the longest time first.
    """
    lane = Job.objects.filter(pk=job_id).exclude(Q(lane="") | Q(mode=EVENTS)).values_list("lane", flat=True)
    following = _in_line(lane[0]).filter(mode=EVENTS) if lane else Job.objects.none()
    return list(following.order_by("sent_ms").values_list("pk", flat=True)[:MOST_BEFORE])


def _in_line(lane: str) -> QuerySet[Job]:
    allowed = Q(paused=False) | Q(run_anyway=True)
    ready = Job.objects.filter(allowed, status=Status.QUEUED, lane=lane, holder="")
    return ready.filter(not_before_ms__lte=NowMs(), needs_confirmation=False)


def forget_failures(limit: int, age: timedelta = timedelta(days=7)) -> int:
    """Delete old rows of tasks that ended with an error, which django_q keeps for ever; how many."""
    old = Task.objects.filter(stopped__lt=timezone.now() - age).values_list("pk", flat=True)[:limit]
    return Task.objects.filter(pk__in=list(old)).delete()[0]
