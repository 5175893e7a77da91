"""What a kind gets to work with: the job's facts and the fences around its effects."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import ExitStack, contextmanager
from typing import Any

from jobs.clock import wall_ms
from jobs.engine.hold import Hold
from jobs.errors import JobFailed, LeaseLost
from jobs.models import Job
from proxy import slots
from proxy.errors import NoSuchBucket
from proxy.records import BucketRecord, find_bucket

POLL_S = 0.01


class JobWork:
    """Implements `jobs.kinds.base.Work`."""

    def __init__(self, hold: Hold, state: dict[str, Any], bucket: BucketRecord) -> None:
        job = hold.claim.job
        self.job_id: int = job.pk
        self.run_id: int = hold.claim.run_id
        self.holder: str = job.gate_name
        self.bucket = bucket
        self.spec: Mapping[str, Any] = job.spec
        self.state: MutableMapping[str, Any] = state
        self._hold = hold

    @contextmanager
    def effect(self) -> Iterator[None]:
        """The bucket's work slot, shared, and then the proof that the job is still ours.

        Whoever claims the job after us, and the turn, take the slot exclusively first: so no
        effect of a worker that was stopped for long comes after theirs. Raises LeaseLost, Cancelled.
        """
        with ExitStack() as stack:
            slot = self._enter_slot(stack)
            self._hold.prove()
            yield
            if not slot.held():
                raise LeaseLost("the work slot was lost in the middle of an effect")

    def _enter_slot(self, stack: ExitStack) -> slots.Slot:
        while True:
            try:
                return stack.enter_context(slots.shared(slots.WORK, self.bucket.id))
            except slots.SlotBusy:
                self._hold.prove()
                time.sleep(POLL_S)

    def pulse(self) -> None:
        self._hold.pulse()

    def now_ms(self) -> int:
        return wall_ms()


def bucket_of(job: Job) -> BucketRecord:
    """The job's bucket as it is now. Raises JobFailed if it is gone."""
    try:
        bucket = find_bucket(job.bucket_name)
    except NoSuchBucket:
        bucket = None
    if bucket is None or bucket.id != job.bucket_id:
        raise JobFailed(f"Bucket {job.bucket_name} does not exist any more.", "NoSuchBucket")
    return bucket
