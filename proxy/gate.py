"""The gate of a bucket: while it is closed, no client write reaches the bucket; reads pass.

A gate is closed in the transaction that creates a job and opened in the one that ends it or
that moves the bucket. In between, `drain` waits until every write that came before has ended.
A client write goes through `enter`:

0. read the gate; closed: 503, and the slot was not touched (else clients that are refused
   and come again would keep the drain out);
1. take the write slot, shared, without waiting;
2. in one fresh statement read gate and Route: closed: 503; the write goes to this Route and
   never to one that was read before;
3. write;
4. prove that the slot was held all the time, before the answer: lost: 503, not 200;
5. give the slot back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import Error, connection

from proxy import metrics, slots
from proxy.errors import NoSuchBucket, S3Error, SlowDown
from proxy.records import BucketRecord, find_bucket

RETRY_AFTER_SECONDS = 2
LOOK_SECONDS = 1.0
ALONE_SECONDS = 5.0
"""How long a bucket-write waits for the writes in flight before it gives up."""


def close(bucket_id: str, holder: str) -> int | None:
    """Close the gate in the caller's transaction: its new generation, or None if another has it.

    Raises NoSuchBucket if the bucket is gone.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE proxy_bucket SET gate_holder = %s, gate_generation = gate_generation + 1"
            " WHERE id = %s AND (gate_holder IS NULL OR gate_holder = %s) RETURNING gate_generation",
            [holder, bucket_id, holder],
        )
        rows = cursor.fetchall()
        if rows:
            return int(rows[0][0])
        cursor.execute("SELECT 1 FROM proxy_bucket WHERE id = %s", [bucket_id])
        if cursor.fetchone() is None:
            raise NoSuchBucket()
    return None


def open(bucket_id: str, holder: str) -> bool:
    """Open the gate if this holder has it, in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE proxy_bucket SET gate_holder = NULL WHERE id = %s AND gate_holder = %s",
            [bucket_id, holder],
        )
        return bool(cursor.rowcount == 1)


def ask(bucket_name: str) -> BucketRecord:
    """Step 0: the bucket, if its gate is open. Raises SlowDown (with Retry-After), NoSuchBucket."""
    return check(find_bucket(bucket_name))


def check(bucket: BucketRecord) -> BucketRecord:
    """The bucket itself, if its gate was open when it was read. Raises SlowDown (with Retry-After)."""
    if bucket.gate.closed:
        raise _refusal("closed", "A maintenance job has closed this bucket for writes. Try again later.")
    return bucket


@contextmanager
def enter(bucket_name: str, *, exclusive: bool = False, seen: BucketRecord | None = None) -> Iterator[Entry]:
    """Steps 0 to 5 around one client write; `exclusive` for bucket-writes. `seen` was read for step 0.

    Raises SlowDown, NoSuchBucket. Leaving it without an error proves the write; an S3Error of the
    write becomes SlowDown if the slot was lost.
    """
    bucket = ask(bucket_name) if seen is None else check(seen)
    slot = _take(bucket.id, exclusive)
    try:
        fresh = ask(bucket_name)
        if fresh.id != bucket.id:
            raise _refusal("replaced", "This bucket is being made anew. Try again.")
        entry = Entry(fresh, slot)
        try:
            yield entry
        except S3Error:
            entry.prove()  # without the slot the bucket may have been moved away under the write
            raise
        entry.prove()
    finally:
        slot.release()


def drain(bucket_id: str, pulse: Callable[[], None], poll_s: float = slots.POLL_SECONDS) -> None:
    """Wait until every write that was in flight when the gate closed has ended.

    `pulse` is called between the tries, `poll_s` seconds apart, and may raise to give up.
    """
    with slots.exclusive(slots.WRITE, bucket_id, pulse, poll_s):
        pass


class Entry:
    """One client write on its way through the gate."""

    def __init__(
        self, bucket: BucketRecord, slot: slots.Slot, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.bucket = bucket
        """Read after the slot was taken: its Route is the one to write to."""
        self._slot = slot
        self._monotonic = monotonic
        self._looked = monotonic()
        self._shut_since: float | None = None

    def pulse(self) -> None:
        """Call it between the pieces of a body; looks at the gate about once a second.

        Raises SlowDown once the gate has not been seen open for GATE_GRACE_SECONDS, or if the
        slot is lost: so every drain ends.
        """
        now = self._monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        if not self._slot.held():
            raise _lost()
        if _seen_open(self.bucket):
            self._shut_since = None
            return
        if self._shut_since is None:
            self._shut_since = now
        if now - self._shut_since >= settings.GATE_GRACE_SECONDS:
            raise _refusal("grace", "A maintenance job has closed this bucket and cannot wait any longer.")

    def prove(self) -> None:
        """Step 4. Raises SlowDown if a drain may have ended before the write did."""
        if not self._slot.held():
            raise _lost()


def _take(bucket_id: str, exclusive: bool) -> slots.Slot:
    def take() -> slots.Slot:
        return slots.take(slots.WRITE, bucket_id, exclusive=exclusive)

    def give_up_late() -> None:
        if time.monotonic() >= deadline:
            raise slots.SlotBusy()

    deadline = time.monotonic() + ALONE_SECONDS
    try:
        return slots.poll(take, give_up_late) if exclusive else take()
    except slots.SlotBusy:
        raise _refusal("busy", slots.SlotBusy.text) from None


def _seen_open(bucket: BucketRecord) -> bool:
    """False also if the database does not answer: a drain must not wait for that."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT gate_holder FROM proxy_bucket WHERE id = %s", [bucket.id])
            row = cursor.fetchone()
    except Error:
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
        return False
    return row is not None and row[0] is None


def _refusal(reason: str, message: str) -> SlowDown:
    metrics.count_gate_refusal(reason)
    return SlowDown(message, retry_after=RETRY_AFTER_SECONDS)


def _lost() -> SlowDown:
    return _refusal("lost", "The lock of this write was lost before it ended. Try again.")
