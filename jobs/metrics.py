"""What the engine tells at a scrape: gates, jobs, rules, leases, the queue, and who lives."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from django.db.models import Count, F, Max, Min, OuterRef, Q, Subquery

from jobs import clock, feeds, queue
from jobs.clock import NowMs
from jobs.kinds import KINDS
from jobs.kinds.base import Action
from jobs.models import Heartbeat, Job, Leader, Run
from jobs.states import LEASED, Status
from proxy import reachability, routes
from proxy.metrics import Reading
from proxy.models import Bucket

# How many leases are looked at in one scrape.
_SOME = 1_000
MOST_RULES = 200
"""Each of them has series of its own."""


def readings() -> Iterator[Reading]:
    """A source for `proxy.metrics.register`. Ages are seconds on the clock of the leases."""
    yield from _jobs()
    yield from _gates()
    yield from _leases()
    yield from _queue()
    yield from _processes()
    yield from _rules()
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
    for duty in Leader.objects.all():
        yield Reading(
            "sluicegate_leader_epoch", "Grows with each new leader.", duty.epoch, {"duty": duty.name}
        )


def _queue() -> Iterator[Reading]:
    for lane in queue.LANES:
        for state, number in queue.counts(lane).items():
            labels = {"lane": lane, "state": state}
            yield Reading("sluicegate_queue_messages", "Messages of the queue.", number, labels)
        age = queue.oldest_age_ms(lane) / 1000
        help_text = "Age of the oldest waiting message."
        yield Reading("sluicegate_queue_oldest_seconds", help_text, age, {"lane": lane})
    in_line = Job.objects.filter(status=Status.QUEUED, paused=False)
    asked = Run.objects.filter(finished_at=None, job__in=in_line.exclude(rule=""))  # the rule may be old
    since = [
        in_line.filter(rule="").aggregate(at=Min("created_at"))["at"],
        asked.aggregate(at=Min("started_at"))["at"],
    ]
    oldest = min((at for at in since if at is not None), default=None)
    waited = 0.0 if oldest is None else clock.wall_ms() / 1000 - oldest.timestamp()
    yield Reading("sluicegate_job_oldest_seconds", "Age of the oldest job in line.", max(0.0, waited))


def _processes() -> Iterator[Reading]:
    now, beats = clock.now_ms(), Heartbeat.objects.filter(clock=clock.clock_id())
    for role, lane, last in beats.values_list("role", "lane").annotate(last=Max("beat_ms")):
        labels = {"role": role, "lane": lane}
        age = (now - last) / 1000
        yield Reading("sluicegate_heartbeat_seconds", "Since the youngest sign of life.", age, labels)


def _rules() -> Iterator[Reading]:
    """When each declared rule runs next, and when it last came to a good end other than of an audit."""
    succeeded = Run.objects.filter(job=OuterRef("pk"), status=Status.SUCCEEDED).order_by("-pk")
    succeeded = succeeded.exclude(mode=Action.VERIFY)
    rules = Job.objects.filter(declared=True).exclude(rule="").order_by("pk")
    for job in rules.annotate(good=Subquery(succeeded.values("finished_at")[:1]))[:MOST_RULES]:
        labels = {"rule": job.public_id}
        if job.enabled and not job.paused and (due := _due_in(job)) is not None:
            help_text = "Seconds until the next scheduled run; negative: overdue."
            yield Reading("sluicegate_rule_due_seconds", help_text, due, labels)
        audited = job.mode == Action.VERIFY
        ends = [job.good, job.finished_at if job.status == Status.SUCCEEDED and not audited else None]
        if good := max((end for end in ends if end is not None), default=None):
            age = clock.wall_ms() / 1000 - good.timestamp()
            help_text = "Seconds since the last run that succeeded."
            yield Reading("sluicegate_rule_success_age_seconds", help_text, age, labels)


def _due_in(job: Job) -> float | None:
    if job.due_clock == clock.clock_id() and job.next_due_ms is not None:
        return (job.next_due_ms - clock.now_ms()) / 1000
    return None if job.next_due_at is None else job.next_due_at.timestamp() - clock.wall_ms() / 1000


def _backends() -> Iterator[Reading]:
    help_text = "1: the backend answers; 0: its buckets answer 503."
    for name, reason in reachability.unavailable().items():
        yield Reading("sluicegate_backend_up", help_text, float(reason is None), {"backend": name})
        if reason is None:
            yield from _feeds(name)


def _feeds(backend: str) -> Iterator[Reading]:
    """How far the rules are behind the sources that they follow, for those that know where they are."""
    help_text = "Changes of the source that the rule has not looked at yet."
    built = routes.backend(backend)
    if not built.feeds_changes:
        return
    enabled = Q(enabled=True, declared=True)
    for rule in islice(feeds.watched(backend, KINDS, enabled), MOST_RULES):
        head = feeds.head_of(rule, built)
        if head is not None and rule.noted is not None and feeds.same_life(rule.noted, head):
            behind = max(0, head.seq - rule.noted.seq)
            yield Reading("sluicegate_rule_feed_lag", help_text, behind, {"rule": rule.name})
