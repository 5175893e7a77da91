"""A worker's hold on a job: what it knows about its lease, and the thread that renews it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from django.db import Error, connection, connections

from jobs import claims, heartbeat, transitions
from jobs.claims import Claim
from jobs.clock import local_ms
from jobs.engine.retrying import forget_connection
from jobs.errors import Cancelled, LeaseLost, Withdrawn
from jobs.states import Status

log = logging.getLogger(__name__)

LOOK_MS = 1_000
SIGN_S = 5.0
_ROW = (
    "SELECT holder, epoch, status, paused, stop_requested, enabled, declared, run_anyway"
    " FROM jobs_job WHERE id = %s"
)


class Hold:
    """The lease as this process sees it.

    It ends by itself when the time of the last successful renewal is over, counted from the
    start of that renewal, whether the database answers or not.
    """

    def __init__(self, claim: Claim, clock: Callable[[], int] = local_ms) -> None:
        self.claim = claim
        self.ending = False
        """The job unwinds or its run ends: no cancel and no withdrawal is heard any more."""
        self.paused = False
        self.stop_requested = claim.job.stop_requested
        self._clock = clock
        self._deadline_ms = claim.since_ms + transitions.ttl_ms()
        self._looked_ms = claim.since_ms
        self._lost = False
        self._cancelled = False
        self._withdrawn = False

    def renewed(self, since_ms: int) -> None:
        """A renewal that began then succeeded."""
        self._deadline_ms = max(self._deadline_ms, since_ms + transitions.ttl_ms())

    def lose(self) -> None:
        """For good."""
        self._lost = True

    def check(self) -> None:
        """What this process knows, without a statement. Raises LeaseLost, Cancelled, Withdrawn."""
        if self._lost or self._clock() > self._deadline_ms:
            raise LeaseLost(f"the lease of {self.claim.job.public_id} is over")
        if self._cancelled and not self.ending:
            raise Cancelled()
        if self._withdrawn and not self.ending:
            raise Withdrawn()

    def prove(self) -> None:
        """Ask the database who has the job, and whether it is still to run.

        Raises LeaseLost, Cancelled, Withdrawn, database errors.
        """
        grant = self.claim.grant
        with connection.cursor() as cursor:
            cursor.execute(_ROW, [self.claim.job.pk])
            row = cursor.fetchone()
        self._looked_ms = self._clock()
        if row is None or (row[0], row[1]) != (grant.holder, grant.epoch):
            self.lose()
        else:
            self._cancelled = row[2] == Status.CANCELLING
            self._hear(*map(bool, row[3:]))
        self.check()

    def _hear(self, paused: bool, stop: bool, enabled: bool, declared: bool, anyway: bool) -> None:
        """What operators and the configuration want; a run that was asked for by name goes on `anyway`."""
        self.paused, self.stop_requested = paused and not anyway, stop
        self._withdrawn = not (enabled and declared) and not anyway

    def pulse(self) -> None:
        """Between pieces of work: `check`, and about once a second `prove`. Raises as they do.

        A database that does not answer is no reason to stop before the lease is over.
        """
        self.check()
        if self._clock() - self._looked_ms < LOOK_MS:
            return
        self._looked_ms = self._clock()
        try:
            self.prove()
        except Error as error:
            log.warning("%s: the database does not answer: %s", self.claim.job.public_id, error)
            forget_connection()

    def sleep(self, seconds: float) -> None:
        """Sleep that long and hear a cancel meanwhile. Raises LeaseLost, Cancelled, Withdrawn."""
        until = time.monotonic() + seconds
        self.pulse()
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.2))
            self.pulse()


class Renewing:
    """Renews a lease every third of its time, in a thread with a connection of its own.

    So a copy of many minutes keeps its lease; a stopped process does not.
    """

    def __init__(self, hold: Hold) -> None:
        self._hold = hold
        self._done = threading.Event()
        name = f"lease of {hold.claim.job.public_id}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join(timeout=1.0)

    def _run(self) -> None:
        renew_ms = transitions.ttl_ms() // 3
        pause_s = min(renew_ms / 1000, SIGN_S)
        due_ms = local_ms() + renew_ms
        try:
            while not self._done.wait(pause_s):
                if local_ms() + pause_s * 1000 > due_ms and self._renew():
                    due_ms = local_ms() + renew_ms
                self._sign()
        except LeaseLost as lost:
            log.warning("%s", lost)
        finally:
            connections.close_all()

    def _renew(self) -> bool:
        """False if the database did not answer. Raises LeaseLost."""
        claim, since = self._hold.claim, local_ms()
        try:
            renewed = claims.renew(claim)
        except Error as error:
            log.warning("%s: cannot renew the lease: %s", claim.job.public_id, error)
            forget_connection()
            return False
        if not renewed and not self._done.is_set():
            self._hold.lose()
            raise LeaseLost(f"the lease of {claim.job.public_id} is lost")
        self._hold.renewed(since)
        return True

    def _sign(self) -> None:
        try:
            heartbeat.beat("worker", job_id=self._hold.claim.job.pk)
        except Error:
            forget_connection()
