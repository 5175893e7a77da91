"""A kind for the tests of the engine, and the rows that it works on.

`Deeds` writes each effect as a line of a file, so that real processes can be compared.
"""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobs import transitions
from jobs.engine.limits import Limits
from jobs.engine.retrying import Backoff
from jobs.kinds.base import Action, Item, Outcome, Page, Phase, Plan, Shape, Work
from jobs.models import Job
from proxy import gate
from proxy.models import Bucket
from proxy.records import BucketRecord, find_bucket

FAST = Limits(backoff=Backoff(attempts=4, base_s=0.001, cap_s=0.002), claim_wait_s=0.3)

PHASES = (
    Phase("stage", share=1),
    Phase("copy", share=90, counted=True),
    Phase("flip", Shape.TURN, share=1),
    Phase("cleanup", share=8, fatal=False),
)


WALKED = ("copy", "cleanup", "unwind", "reconcile", "follow")
"""The phases with many items."""


def nothing(*_: Any) -> None:
    """The default of every hook."""


@dataclass
class Walker:
    """A gated kind that walks `objects` numbers in pages of `size`; hooks make it misbehave.

    `before_page(work, phase, token)` and `before_item(work, phase, item)` may raise, kill or wait;
    `page_of` may replace a page.
    """

    objects: int = 10
    size: int = 3
    log: Path | None = None
    name: str = "walker"
    subsystem: str = "maintenance"
    gated: bool = True
    phases: tuple[Phase, ...] = PHASES
    lane: str = ""
    modes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Without any: one way through all phases, called ""."""
    unwind: Phase | None = field(default_factory=lambda: Phase("unwind", fatal=False))
    actions: frozenset[Action] = frozenset({Action.CANCEL})
    concurrency: int = 2
    before_page: Callable[[Work, str, str | None], None] = nothing
    before_item: Callable[[Work, str, Item], None] = nothing
    before_turn: Callable[[Work], None] = nothing
    page_of: Callable[[Page, str, str | None], Page] = lambda page, *_: page
    outcome_of: Callable[[str, Item], Outcome] = lambda *_: Outcome(size=10)
    report_of: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda state: {}

    def __post_init__(self) -> None:
        self.modes = self.modes or {"": tuple(phase.name for phase in self.phases)}

    def plan(self, bucket: BucketRecord, params: Mapping[str, Any]) -> Plan:
        return Plan(f"walk {bucket.name}", dict(params))

    def page(self, work: Work, phase: str, token: str | None) -> Page:
        self.before_page(work, phase, token)
        count = self.objects if phase in WALKED else 1
        start = int(token) if token else 0
        end = min(start + self.size, count)
        work.state["seen"] = f"{phase} {end}"
        page = Page(
            items=[Item(f"{phase}-{number}") for number in range(start, end)],
            token=str(end) if end < count else None,
            truncated=end < count,
            total=count,
        )
        return self.page_of(page, phase, token)

    def apply(self, work: Work, phase: str, item: Item) -> Outcome:
        self.before_item(work, phase, item)
        with work.effect():
            self.note(work, item.key)
        return self.outcome_of(phase, item)

    def turn(self, work: Work, phase: str) -> None:
        self.before_turn(work)
        if not gate.open(work.bucket.id, work.holder):
            raise AssertionError("the gate was not ours")
        work.state["turned_by"] = os.getpid()

    def report(self, state: Mapping[str, Any]) -> Mapping[str, Any]:
        return self.report_of(state)

    def note(self, work: Work, text: str) -> None:
        if self.log is not None:
            with self.log.open("a") as file:
                file.write(f"{work.job_id} {os.getpid()} {text}\n")

    def deeds(self) -> list[str]:
        """What was done, in order, repetitions included."""
        if self.log is None or not self.log.exists():
            return []
        return [line.split()[2] for line in self.log.read_text().splitlines()]


def make_bucket(name: str = "") -> BucketRecord:
    """A bucket row; no backend behind it."""
    name = name or f"b-{uuid.uuid4().hex[:12]}"
    Bucket.objects.create(
        name=name,
        owner_id="0" * 64,
        created_ms=1,
        backend="local",
        place_id="place",
        real_bucket=name,
        incarnation=uuid.uuid4().hex,
    )
    return find_bucket(name)


def make_job(kind: Walker, bucket: BucketRecord | None = None, **spec: Any) -> Job:
    """A queued job of that kind."""
    bucket = bucket or make_bucket()
    return transitions.create_job(kind, kind.plan(bucket, spec), bucket, "tester")


def lapse(job_id: int) -> None:
    """The time of its lease is over."""
    Job.objects.filter(pk=job_id).update(lease_expires_ms=1)


def gate_is_open(bucket_name: str) -> bool:
    return not find_bucket(bucket_name).gate.closed


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Raises AssertionError if it does not become true in time."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)


def die() -> None:
    """SIGKILL this very process."""
    os.kill(os.getpid(), signal.SIGKILL)
