"""The replication kind: a rule keeps the objects of one bucket at another one too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from jobs.kinds.base import EVENTS, Action, Item, Outcome, Page, Phase, Plan, Words, Work
from jobs.kinds.outages import outages_heard
from jobs.kinds.replication import events, reconciling, retrying, verifying
from jobs.kinds.replication.ground import Ground, Limits
from jobs.kinds.replication.large import abort, begin, complete, write_piece
from jobs.kinds.replication.settling import count_settled, settle_keys
from jobs.kinds.replication.spec import Spec
from proxy.records import BucketRecord

PAGES: dict[str, Callable[[Ground, str | None], Page]] = {
    "reconcile": reconciling.page,
    "follow": events.page,
    "verify": verifying.page,
    "retry": retrying.page,
}
"""How each phase finds what there is to do."""

DOES: dict[str, Callable[[Ground, Item], Outcome]] = {
    "keys": settle_keys,
    "settled": count_settled,
    "begin": begin,
    "piece": write_piece,
    "complete": complete,
    "abort": abort,
}
"""What is done to an item, whichever phase found it."""

WORDS = Words(
    verb="Replicate",
    start="Replication rules",
    appears="when a rule under storage.replication is declared",
    command="manage.py rules sync",
    gated="",
    with_errors="{failed} could not be brought in line, see below. The next reconcile tries again.",
    unwinding="",
    stopping="",
    cancel="",
    stop="",
)


class Replicate:
    """The Kind. `limits` say how much is done between two checkpoints."""

    name = "replication"
    subsystem = "replication"
    gated = False
    phases: tuple[Phase, ...] = (
        Phase("reconcile", share=100, counted=True, fatal=False, whole=False),
        Phase("follow", share=100, counted=True, fatal=False, whole=False),
        Phase("verify", share=100, counted=True, fatal=False, whole=False),
        Phase("retry", share=100, counted=True, fatal=False, whole=False),
    )
    modes: Mapping[str, tuple[str, ...]] = MappingProxyType(
        {"reconcile": ("reconcile",), "events": ("follow",), "verify": ("verify",), "retry": ("retry",)}
    )
    lane = EVENTS
    unwind: Phase | None = None
    actions: frozenset[Action] = frozenset(
        {Action.PAUSE, Action.RESUME, Action.RUN_NOW, Action.VERIFY, Action.RETRY_FAILED}
    )
    at_will = True
    concurrency = 8
    words = WORDS

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()

    def plan(self, bucket: BucketRecord, params: Mapping[str, Any]) -> Plan:
        """A rule's spec, checked. Raises BadRequest."""
        spec = Spec.of(params)
        return Plan(f"{spec.source} to {spec.destination}", dict(params), mode="reconcile")

    def page(self, work: Work, phase: str, token: str | None) -> Page:
        """The items after `token`. Raises BadToken, JobFailed, Deferred, S3Error."""
        ground = Ground(work, self.limits)
        with outages_heard(work, lambda: ground.spec.buckets):
            return PAGES[phase](ground, token)

    def apply(self, work: Work, phase: str, item: Item) -> Outcome:
        """Do one item, idempotently. Raises S3Error, LeaseLost, Deferred, Withdrawn."""
        ground = Ground(work, self.limits)
        with outages_heard(work, lambda: ground.spec.buckets):
            return DOES[item.data["do"]](ground, item)

    def turn(self, work: Work, phase: str) -> None:
        """Nothing here is a point of no return. Raises ValueError."""
        raise ValueError(f"{phase} is no turn")

    def report(self, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """How the rule is doing, and `verify`: what the last audit found.

        `followed`: it follows a change feed; `whole`: a walk has ended since that was begun or lost;
        `large_waiting`: so many objects are to go over in pieces; `note` is for operators.
        """
        told: dict[str, Any] = {
            "followed": state.get("feed") is not None,
            "whole": bool(state.get("whole")),
            "large_waiting": len(state.get("large", ())),
        }
        said = {"note": state.get("remark"), "verify": state.get("verify")}
        return told | {name: value for name, value in said.items() if value}
