"""Who works: live processes, the leader, and what waits. Answers "why is nothing running?"."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Exists, OuterRef

from jobs import clock, queue
from jobs.actions.actor import Actor, Right
from jobs.actions.showing import WAITS
from jobs.models import Heartbeat, Job, Leader, Run
from jobs.presentation import compact
from jobs.states import LEASED, Status

FRESH_MS = 15_000
"""A process that has not beaten for so long is not counted as alive."""

WORKING_ROLES = frozenset({"worker", "cluster"})


@dataclass(frozen=True, slots=True)
class Workers:
    """One moment of the engine. Ages are milliseconds; `alive` counts live processes by role.

    `unserved` are lanes of the queue in which jobs wait and no process works; `rules`: there are some that
    run by themselves.
    """

    alive: dict[str, int] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    last_beat_ms: int | None = None
    leader: str = ""
    in_line: int = 0
    paused: int = 0
    working: int = 0
    messages: int = 0
    oldest_ms: int = 0
    unserved: tuple[str, ...] = ()
    rules: bool = False

    def row(self) -> dict[str, Any]:
        """As the admin API answers it."""
        return compact(
            {
                "alive": self.alive,
                "hosts": list(self.hosts),
                "last_beat_s": None if self.last_beat_ms is None else self.last_beat_ms // 1000,
                "leader": self.leader or None,
                "queued": self.in_line,
                "paused": self.paused,
                "running": self.working,
                "messages": self.messages,
                "oldest_message_s": self.oldest_ms // 1000,
                "why": self.why() or None,
            }
        )

    def why(self) -> str:
        """Why nothing runs, in one sentence with what to do; empty while something does."""
        somebody = self.alive.get("worker") or self.alive.get("cluster")
        if somebody and self.unserved and self.unserved[0]:
            lane = self.unserved[0]
            return f"No worker serves the lane {lane}. Start one with: manage.py cluster --lane {lane}"
        if self.working:
            return ""
        if not somebody:
            since = (
                ""
                if self.last_beat_ms is None
                else f" (the last sign of life is {self.last_beat_ms // 1000} s old)"
            )
            return f"No worker is alive{since}. Start one with: manage.py serve"
        if self.in_line and not self.leader:
            return "Jobs wait, and no scheduler holds the lead. Start one with: manage.py scheduler"
        if self.in_line and self.paused >= self.in_line:
            return "Every queued job is paused."
        if self.in_line:
            return f"Jobs wait for a worker; the oldest message is {self.oldest_ms // 1000} s old."
        if self.rules and not self.leader:
            return "No scheduler holds the lead: no rule runs by itself. Start one with: manage.py scheduler"
        return "Nothing is queued."


def workers(actor: Actor) -> Workers:
    """The engine as it is now. Raises Forbidden."""
    actor.require(Right.VIEW)
    now, here = clock.now_ms(), clock.clock_id()
    beats = list(Heartbeat.objects.filter(clock=here).order_by("-beat_ms")[:1000])
    live = [beat for beat in beats if now - beat.beat_ms <= FRESH_MS]
    leader = Leader.objects.filter(lease_clock=here, lease_expires_ms__gte=now).exclude(holder="").first()
    waiting = Job.objects.filter(status=Status.QUEUED)
    begun = Run.objects.filter(job=OuterRef("pk"), finished_at__isnull=True, status=Status.RUNNING)
    between_slices = waiting.exclude(WAITS).filter(Exists(begun)).count()
    lanes = set(waiting.exclude(WAITS).values_list("lane", flat=True).distinct())
    served = {beat.lane for beat in live if beat.role in WORKING_ROLES}
    return Workers(
        alive=dict(Counter(beat.role for beat in live)),
        hosts=tuple(sorted({beat.host for beat in live})),
        last_beat_ms=now - beats[0].beat_ms if beats else None,
        leader=leader.holder if leader else "",
        in_line=waiting.count() - between_slices,
        paused=waiting.filter(WAITS).count(),
        working=Job.objects.filter(status__in=LEASED).count() + between_slices,
        messages=queue.counts()["waiting"],
        oldest_ms=queue.oldest_age_ms(),
        unserved=tuple(sorted(lanes - served, reverse=True)),
        rules=Job.objects.filter(enabled=True, declared=True).exclude(rule="").exists(),
    )
