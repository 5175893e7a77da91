"""The lifecycle job: what the rules of a bucket let go is deleted, or goes to another bucket."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from jobs.kinds.base import Action, Item, Outcome, Page, Phase, Plan, Words, Work
from jobs.kinds.lifecycle_rules.ground import Ground, Steps
from jobs.kinds.lifecycle_rules.large import forget
from jobs.kinds.lifecycle_rules.paging import RETRY, RUN, page
from jobs.kinds.lifecycle_rules.previewing import preview
from jobs.kinds.lifecycle_rules.removing import abort, remove
from jobs.kinds.lifecycle_rules.settling import look, look_again
from jobs.kinds.lifecycle_rules.spec import read_spec
from jobs.kinds.lifecycle_rules.transitions import transition
from jobs.kinds.outages import outages_heard
from proxy.records import BucketRecord

SECTIONS = {"sweep": RUN, "retry": RETRY}
"""What each phase goes through."""


def _pass_over(ground: Ground, item: Item) -> Outcome:
    return Outcome(objects=item.data["number"], skipped=True)


DOES: dict[str, Callable[[Ground, Item], Outcome]] = {
    "delete": remove,
    "delete-version": remove,
    "delete-marker": remove,
    "transition": transition,
    "forget": forget,
    "abort-upload": abort,
    "look": look,
    "again": look_again,
    "pass over": _pass_over,
}
"""What is done to an item, by the word in it."""

WORDS = Words(
    verb="Lifecycle",
    start="Preview lifecycle rules",
    appears="when the configuration, or a bucket's own lifecycle configuration, has a lifecycle rule",
    command="manage.py jobs run-now lifecycle:RULE",
    gated="",
    with_errors="The rule was applied, but for {failed}, see below.",
    unwinding="",
    stopping="",
    cancel="",
    stop="",
)


class Lifecycle:
    """The Kind. `steps` say how much is done between two checkpoints."""

    name = "lifecycle"
    subsystem = "lifecycle"
    gated = False
    phases: tuple[Phase, ...] = (
        Phase("sweep", share=100, counted=True, fatal=False, whole=False),
        Phase("retry", share=100, counted=True, fatal=False),
    )
    modes: Mapping[str, tuple[str, ...]] = MappingProxyType({"run": ("sweep",), "retry": ("retry",)})
    lane = ""
    unwind: Phase | None = None
    actions: frozenset[Action] = frozenset(
        {Action.PAUSE, Action.RESUME, Action.RUN_NOW, Action.PREVIEW, Action.RETRY_FAILED}
    )
    at_will = False
    concurrency = 8
    words = WORDS

    def __init__(self, steps: Steps | None = None) -> None:
        self.steps = steps or Steps()

    def plan(self, bucket: BucketRecord, params: Mapping[str, Any]) -> Plan:
        """What a rule's run would do now. Raises BadRequest."""
        spec = read_spec(params)
        return Plan(
            name=f"lifecycle {bucket.name}",
            spec=params,
            mode="run",
            look=lambda: preview(bucket, spec, time.time_ns() // 1_000_000),
        )

    def page(self, work: Work, phase: str, token: str | None) -> Page:
        """The items after `token`. Raises BadToken, Deferred, JobFailed, S3Error."""
        ground = Ground(work, self.steps)
        with outages_heard(work, lambda: ground.spec.buckets):
            return page(ground, SECTIONS[phase], token)

    def apply(self, work: Work, phase: str, item: Item) -> Outcome:
        """Do one item, idempotently. Raises S3Error, Deferred, JobFailed, LeaseLost."""
        ground = Ground(work, self.steps)
        with outages_heard(work, lambda: ground.spec.buckets):
            return DOES[item.data["do"]](ground, item)

    def turn(self, work: Work, phase: str) -> None:
        """Nothing here is a point of no return. Raises ValueError."""
        raise ValueError(f"{phase} is no turn")

    def report(self, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """`tally`: what was looked at and decided; `retained`: how many each rule counted and keeps."""
        told: dict[str, Any] = {"tally": state["tally"]} if "tally" in state else {}
        if "rankings" in state:
            told["retained"] = {
                rule: {"counted": each["seen"], "kept": len(each["kept"])}
                for rule, each in state["rankings"].items()
            }
        return told
