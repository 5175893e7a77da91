"""What the engine tells at a scrape: gates, jobs, leases, the queue, and who lives."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count, F, Max, Min

from jobs import clock, queue
from jobs.clock import NowMs
from jobs.models import Heartbeat, Job, Leader
from jobs.states import LEASED, Status
from proxy import reachability
from proxy.metrics import Reading
from proxy.models import Bucket

# How many draining slots are looked at in one scrape.
_SOME = 1_000


def readings() -> Iterator[Reading]:
    """A source for `proxy.metrics.register`. Ages are seconds on the clock of the leases."""
    yield from _jobs()
    yield from _gates()
    yield from _leases()
    yield from _queue()
    yield from _processes()
    yield from _backends()


def _jobs() -> Iterator[Reading]:
    found = dict(Job.objects.values_list("status").annotate(number=Count("pk")))
    for status in Status:
        labels = {"status": status.value}
        yield Reading("sluicegate_jobs", "Jobs by status.", found.get(status, 0), labels)


def _gates() -> Iterator[Reading]:
    closed = Bucket.objects.exclude(gate_holder=None).count()
    yield Reading("sluicegate_gates_closed", "Buckets whose gate is closed.", closed)
    waiting = Job.objects.filter(gated=True, status=Status.RUNNING, phase="").count()
    yield Reading("sluicegate_gates_draining", "Gates whose job waits for writes in flight.", waiting)


def _leases() -> Iterator[Reading]:
    """Seconds until each lease ends; below zero: it has lapsed and nobody has recovered it."""
    help_text = "Seconds until the lease ends; negative: lapsed."
    held = Job.objects.filter(status__in=LEASED, lease_clock=clock.clock_id()).exclude(holder="")
    left = held.annotate(left=F("lease_expires_ms") - NowMs())
    for job in left[:_SOME]:
        yield Reading("sluicegate_lease_seconds", help_text, job.left / 1000, {"lease": job.public_id})
    for duty in Leader.objects.filter(lease_clock=clock.clock_id()).exclude(holder=""):
        seconds = (duty.lease_expires_ms - clock.now_ms()) / 1000
        yield Reading("sluicegate_lease_seconds", help_text, seconds, {"lease": duty.name})


def _queue() -> Iterator[Reading]:
    for state, number in queue.counts().items():
        yield Reading("sluicegate_queue_messages", "Messages of the queue.", number, {"state": state})
    age = queue.oldest_age_ms() / 1000
    yield Reading("sluicegate_queue_oldest_seconds", "Age of the oldest waiting message.", age)
    oldest = Job.objects.filter(status=Status.QUEUED, paused=False).aggregate(at=Min("created_at"))["at"]
    waited = 0.0 if oldest is None else clock.wall_ms() / 1000 - oldest.timestamp()
    yield Reading("sluicegate_job_oldest_seconds", "Age of the oldest job in line.", max(0.0, waited))


def _processes() -> Iterator[Reading]:
    now, roles = clock.now_ms(), Heartbeat.objects.filter(clock=clock.clock_id()).values_list("role")
    ages = {role: now - last for role, last in roles.annotate(last=Max("beat_ms"))}
    for role, age in ages.items():
        yield Reading(
            "sluicegate_heartbeat_seconds", "Since the youngest sign of life.", age / 1000, {"role": role}
        )


def _backends() -> Iterator[Reading]:
    help_text = "1: the backend answers; 0: its buckets answer 503."
    for name, reason in reachability.unavailable().items():
        yield Reading("sluicegate_backend_up", help_text, float(reason is None), {"backend": name})
