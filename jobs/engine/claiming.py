"""How a worker comes by a job: its work slot first, then lease and status in one UPDATE."""

from __future__ import annotations

import time
from collections.abc import Mapping

from jobs import claims, leases, transitions
from jobs.claims import Claim
from jobs.engine.limits import Limits
from jobs.errors import WorkSignal
from jobs.kinds.base import Kind
from jobs.models import Job
from proxy import slots

_LOOK_S = 1.0


class _NotNow(WorkSignal):
    """Somebody else took the job, or is still at work on it."""


def take(job_id: int, kinds: Mapping[str, Kind], limits: Limits) -> Claim | None:
    """The job, if it is to be had. None: it is another's, not due, or ended: nothing is to be done.

    Being alone in the work slot proves that whoever had the job before, however long it was
    stopped, is in no effect now; its next one will find the new epoch.
    """
    job = Job.objects.filter(transitions.claimable(), pk=job_id).first()
    if job is None:
        return None
    kind = kinds.get(job.kind)
    has_effects = kind is not None and kind.unwind is not None
    waiting = _Waiting(job, limits.claim_wait_s)
    try:
        with slots.exclusive(slots.WORK, job.slot_id, waiting.pulse):
            return claims.claim(job, leases.holder_id(), has_effects)
    except _NotNow:
        return None


class _Waiting:
    """Looks now and then whether it is still worth waiting."""

    def __init__(self, job: Job, patience_s: float) -> None:
        self._job = job
        self._until = time.monotonic() + patience_s
        self._look = time.monotonic() + _LOOK_S

    def pulse(self) -> None:
        now = time.monotonic()
        if now >= self._until:
            job = self._job
            who = ", ".join(slots.holders(slots.WORK, job.slot_id)) or "an unknown process"
            where = f"bucket {job.bucket_name}" if job.gated else job.public_id
            transitions.note(job.pk, f"Waits until {who} is out of {where}.")
            raise _NotNow
        if now >= self._look:
            self._look = now + _LOOK_S
            if not Job.objects.filter(transitions.claimable(), pk=self._job.pk).exists():
                raise _NotNow
