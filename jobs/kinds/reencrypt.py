"""The re-encrypt job: every version of a bucket is encrypted as its backend's configuration says."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from jobs.kinds.base import Action, Item, Outcome, Page, Phase, Plan, Words, Work
from jobs.kinds.pieces import Limits
from jobs.kinds.reencryption.ground import Ground
from jobs.kinds.reencryption.keying import KEYS
from jobs.kinds.reencryption.objects import OBJECTS
from jobs.kinds.reencryption.planning import plan
from jobs.kinds.reencryption.settling import SETTLE, UNWIND
from jobs.kinds.reencryption.surveying import SURVEY
from jobs.kinds.reencryption.uploads import UPLOADS
from jobs.kinds.steps import Step
from proxy.records import BucketRecord

STEPS: dict[str, Step[Ground]] = {
    "survey": SURVEY,
    "keys": KEYS,
    "objects": OBJECTS,
    "uploads": UPLOADS,
    "settle": SETTLE,
    "unwind": UNWIND,
}
"""What each phase does."""

WORDS = Words(
    verb="Re-encrypt",
    start="Re-encrypt buckets",
    appears="when a bucket is encrypted anew",
    command="manage.py reencrypt BUCKET... --wait",
    gated="Writes to {bucket} are answered 503 SlowDown until the job is done. Reads go on.",
    with_errors="The bucket is encrypted anew, but for {failed} or uploads, see below.",
    unwinding="The job is ending; every object stays readable as it is now.",
    stopping="",
    cancel=(
        "{objects} objects are done with and stay so; the others stay as they are. All of them are readable,"
        " and writes to {bucket} are accepted again."
    ),
    stop="",
)


class Reencrypt:
    """The Kind. `limits` say how much is done between two checkpoints."""

    name = "reencrypt"
    subsystem = "maintenance"
    gated = True
    phases: tuple[Phase, ...] = (
        Phase("survey", share=3),
        Phase("keys", share=1),
        Phase("objects", share=92, counted=True, fatal=False),
        Phase("uploads", share=1, fatal=False),
        Phase("settle", share=3, waits=True),
    )
    modes: Mapping[str, tuple[str, ...]] = MappingProxyType(
        {"": ("survey", "keys", "objects", "uploads", "settle")}
    )
    lane = ""
    unwind: Phase | None = Phase("unwind", fatal=False)
    actions: frozenset[Action] = frozenset({Action.CANCEL, Action.RETRY_FAILED})
    at_will = False
    concurrency = 8
    words = WORDS

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()

    def plan(self, bucket: BucketRecord, params: Mapping[str, Any]) -> Plan:
        """Raises BadRequest, Unavailable."""
        return plan(bucket, params)

    def page(self, work: Work, phase: str, token: str | None) -> Page:
        """The items after `token`. Raises BadToken, JobFailed, S3Error."""
        return STEPS[phase].page(Ground(work, self.limits), token)

    def apply(self, work: Work, phase: str, item: Item) -> Outcome:
        """Do one item, idempotently. Raises S3Error, LeaseLost, Cancelled."""
        return STEPS[phase].does[item.data["do"]](Ground(work, self.limits), item)

    def turn(self, work: Work, phase: str) -> None:
        """Nothing here is a point of no return. Raises ValueError."""
        raise ValueError(f"{phase} is no turn")

    def report(self, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """`survey`: what there was to do; `seals`: how many versions and uploads each key seals then."""
        return {name: state[name] for name in ("survey", "seals") if name in state}
