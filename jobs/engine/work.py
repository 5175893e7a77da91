"""What a kind gets to work with: the job's facts and the fences around its effects."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from jobs.clock import wall_ms
from jobs.engine.hold import Hold
from jobs.errors import Deferred, JobFailed, LeaseLost
from jobs.models import Job
from proxy import gate, slots
from proxy.backends.values import Place, Route
from proxy.bucket_settings import BucketSettings
from proxy.errors import NoSuchBucket, SlowDown
from proxy.records import BucketRecord, GateState, find_bucket

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
        self.mode: str = job.mode
        self.keys: Sequence[str] = tuple(job.keys)
        self.local: MutableMapping[str, Any] = {}
        self._slot_id = job.slot_id
        self._hold = hold
        self._writes = _Writes()

    @contextmanager
    def effect(self) -> Iterator[None]:
        """The job's work slot, shared, and then the proof that the job is still ours.

        Whoever claims the job after us, and the turn, take the slot exclusively first: so no
        effect of a worker that was stopped for long comes after theirs. Raises LeaseLost, Cancelled,
        Withdrawn.
        """
        with ExitStack() as stack:
            slot = self._enter_slot(stack)
            self._hold.prove()
            yield
            if not slot.held():
                raise LeaseLost("the work slot was lost in the middle of an effect")

    @contextmanager
    def writing(self, bucket_name: str) -> Iterator[BucketRecord]:
        """An effect inside a bucket's gate: steps 0 to 5 of `proxy.gate`, as a client's write goes.

        Raises as `effect` does, Deferred, NoSuchBucket, SlowDown.
        """
        with self.effect(), ExitStack() as stack:
            try:
                entry = stack.enter_context(gate.enter(bucket_name, seen=_open_bucket(bucket_name)))
            except SlowDown:
                _open_bucket(bucket_name)
                raise
            with self._writes.noted(entry):
                yield entry.bucket

    def _enter_slot(self, stack: ExitStack) -> slots.Slot:
        while True:
            try:
                return stack.enter_context(slots.shared(slots.WORK, self._slot_id))
            except slots.SlotBusy:
                self._hold.prove()
                time.sleep(POLL_S)

    def pulse(self) -> None:
        """Looks at the gates that this thread is in, too."""
        self._hold.pulse()
        for entry in self._writes.entries:
            try:
                entry.pulse()
            except SlowDown:
                _open_bucket(entry.bucket.name)
                raise

    def now_ms(self) -> int:
        return wall_ms()


class _Writes(threading.local):
    """The gates that a thread has entered and not left."""

    def __init__(self) -> None:
        self.entries: list[gate.Entry] = []

    @contextmanager
    def noted(self, entry: gate.Entry) -> Iterator[None]:
        self.entries.append(entry)
        try:
            yield
        finally:
            self.entries.remove(entry)


def _open_bucket(name: str) -> BucketRecord:
    """The bucket, if its gate is open. Raises Deferred (which says who has it), NoSuchBucket."""
    bucket = find_bucket(name)
    if bucket.gate.closed:
        raise Deferred(f"Bucket {name} takes no writes now: {bucket.gate.holder} has it.")
    return bucket


def what_was(job: Job) -> BucketRecord:
    """The identity of the job's bucket, and nothing else: what an unwinding knows of one that is gone."""
    nowhere = Route("", Place(job.bucket_id, "", ""))
    return BucketRecord(job.bucket_id, job.bucket_name, "", 0, nowhere, GateState(None, 0), BucketSettings())


def bucket_of(job: Job) -> BucketRecord:
    """The job's bucket as it is now; a rule names it and takes whichever has the name.

    Raises JobFailed if it is gone: its owner may delete it as long as its gate is open.
    """
    try:
        bucket = find_bucket(job.bucket_name)
    except NoSuchBucket:
        bucket = None
    if bucket is None or not (job.standing or bucket.id == job.bucket_id):
        gone = "does not exist." if job.standing else "does not exist any more."
        raise JobFailed(f"Bucket {job.bucket_name} {gone}", "NoSuchBucket")
    return bucket
