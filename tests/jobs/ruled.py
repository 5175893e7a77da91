"""A kind whose jobs are rules, for the tests of what begins their runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from jobs import standing
from jobs.kinds.base import EVENTS, Phase
from jobs.models import Job, Run
from jobs.standing import Declared
from tests.jobs.support import Walker

MODES: Mapping[str, tuple[str, ...]] = {"reconcile": ("reconcile",), "events": ("follow",)}


@dataclass
class Ruled(Walker):
    """Not gated, never unwound; a schedule begins the mode `reconcile`."""

    name: str = "ruled"
    subsystem: str = "ruled"
    gated: bool = False
    phases: tuple[Phase, ...] = (
        Phase("reconcile", counted=True, whole=False),
        Phase("follow", counted=True, whole=False),
    )
    unwind: Phase | None = None
    modes: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MODES)
    lane: str = EVENTS


def make_rule(rule: str, kind: Ruled | None = None, *, interval_s: int = 60, **spec: Any) -> Job:
    """A declared rule's job: idle, and due at once."""
    whole = {"interval_s": interval_s, **spec}
    return standing.declare(
        kind or Ruled(), Declared(rule, rule, spec.get("bucket", "b"), whole, revision="1")
    )


def end_run(job: Job, status: str = "succeeded") -> None:
    """As if a worker had done the run that waits for one."""
    now = timezone.now()
    Job.objects.filter(pk=job.pk, status="queued").update(status=status, finished_at=now)
    Run.objects.filter(job=job, finished_at=None).update(status=status, finished_at=now)
