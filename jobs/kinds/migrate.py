"""The migrate job: a bucket moves to another backend while clients read it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from jobs.kinds.base import Action, Item, Outcome, Page, Phase, Plan, Shape, Words, Work
from jobs.kinds.migration import wishes
from jobs.kinds.migration.cleanup import CLEANUP
from jobs.kinds.migration.comparing import COMPARE
from jobs.kinds.migration.copying import COPY
from jobs.kinds.migration.delta import DELTA
from jobs.kinds.migration.flipping import flip
from jobs.kinds.migration.ground import Ground, Limits, Step
from jobs.kinds.migration.planning import plan
from jobs.kinds.migration.precopying import PRECOPY, PROVE
from jobs.kinds.migration.staging import STAGE
from jobs.kinds.migration.unwinding import UNWIND
from jobs.kinds.migration.verifying import VERIFY
from proxy.records import BucketRecord

STEPS: dict[str, Step[Ground]] = {
    "stage": STAGE,
    "copy": COPY,
    "verify": VERIFY,
    "prepare": STAGE,
    "precopy": PRECOPY,
    "prove": PROVE,
    "delta": DELTA,
    "compare": COMPARE,
    "cleanup": CLEANUP,
    "unwind": UNWIND,
}
"""What each walked phase does. The flip is not walked: it is one transaction."""

WORDS = Words(
    verb="Migrate",
    start="Migrate a bucket",
    appears="when a bucket is moved to another backend",
    command="manage.py migrate_bucket BUCKET TARGET --wait",
    gated="Writes to {bucket} are answered 503 SlowDown until the move is done. Reads go on.",
    with_errors="The bucket has moved; a look is needed at {failed}, see below.",
    unwinding="What was staged is being removed; the source is untouched.",
    stopping="The cleanup is being stopped; the bucket has moved.",
    cancel=(
        "Its {objects} staged objects ({bytes}) are removed. The source is untouched, clients lose nothing,"
        " and writes to {bucket} are accepted again."
    ),
    stop=(
        "The bucket has moved already. Cancel stops the cleanup: what is left on {source} stays there, and"
        " the job ends as succeeded."
    ),
)


class Migrate:
    """The Kind. `limits` say how much is done between two checkpoints."""

    name = "migrate"
    subsystem = "maintenance"
    gated = True
    phases: tuple[Phase, ...] = (
        Phase("stage", share=1),
        Phase("copy", share=49, counted=True),
        Phase("verify", share=45),
        Phase("prepare", share=1, writable=True),
        Phase("precopy", share=48, counted=True, writable=True),
        Phase("prove", share=40, writable=True),
        Phase("delta", share=4),
        Phase("compare", share=2),
        Phase("flip", Shape.TURN, share=1),
        Phase("cleanup", share=4, fatal=False, waits=True),
    )
    modes: Mapping[str, tuple[str, ...]] = MappingProxyType(
        {
            "": ("stage", "copy", "verify", "flip", "cleanup"),
            wishes.PRECOPY: ("prepare", "precopy", "prove", "delta", "compare", "flip", "cleanup"),
        }
    )
    lane = ""
    unwind: Phase | None = Phase("unwind", fatal=False)
    actions: frozenset[Action] = frozenset({Action.CANCEL, Action.RETRY_FAILED})
    at_will = False
    concurrency = 16
    words = WORDS

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._writable = frozenset(phase.name for phase in self.phases if phase.writable)

    def plan(self, bucket: BucketRecord, params: Mapping[str, Any]) -> Plan:
        """Raises BadRequest, Unavailable, TargetNotEmpty."""
        return plan(bucket, params)

    def page(self, work: Work, phase: str, token: str | None) -> Page:
        """The items after `token`. Raises BadToken, JobFailed, S3Error."""
        return STEPS[phase].page(self._ground(work, phase), token)

    def apply(self, work: Work, phase: str, item: Item) -> Outcome:
        """Do one item, idempotently. Raises JobFailed, S3Error, LeaseLost, Cancelled."""
        return STEPS[phase].does[item.data["do"]](self._ground(work, phase), item)

    def turn(self, work: Work, phase: str) -> None:
        """The flip. Raises JobFailed."""
        flip(self._ground(work, phase))

    def _ground(self, work: Work, phase: str) -> Ground:
        return Ground(work, self.limits, phase in self._writable)

    def report(self, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """Progress and failures say it all."""
        return {}
