"""The engine: the only code that runs jobs.

`work(job_id)` is what a queue message calls. It claims the job, works on it for a slice and
gives it back or ends it. A message that comes twice, late or for a job that has ended finds
nothing to claim and does nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from random import Random

from jobs import claims, heartbeat, queue
from jobs.claims import Claim
from jobs.engine.claiming import take
from jobs.engine.hold import Hold, Renewing
from jobs.engine.limits import Limits, limits_of
from jobs.engine.retrying import DATABASE_GONE, forget_connection
from jobs.engine.slice import Slice
from jobs.errors import LeaseLost
from jobs.failures import Trouble
from jobs.kinds import KINDS
from jobs.kinds.base import Kind
from jobs.progress import Progress
from jobs.runs import End
from jobs.states import Event, Status
from proxy.errors import ServiceUnavailable

__all__ = ["Limits", "work"]

log = logging.getLogger(__name__)


def work(
    job_id: int,
    *,
    kinds: Mapping[str, Kind] = KINDS,
    limits: Limits | None = None,
    rng: Random | None = None,
) -> None:
    """One slice of the job's work, if it is to be had; before it one of each that must not wait behind it.

    Raises database errors (nothing was begun, or the lease will lapse), and what no step of the
    job's end can cope with.
    """
    for each in (*queue.before(job_id), job_id):
        _work(each, kinds, limits, rng)


def _work(job_id: int, kinds: Mapping[str, Kind], limits: Limits | None, rng: Random | None) -> None:
    heartbeat.beat("worker", job_id=job_id)
    try:
        claim = take(job_id, kinds, limits or Limits())
        if claim is not None:
            _work_on(claim, kinds.get(claim.job.kind), limits, rng or Random())
    except (LeaseLost, ServiceUnavailable) as reason:
        log.warning("job %s: stopped: %s", job_id, reason)
    _sign_off()


def _sign_off() -> None:
    """The work is done or given up; a connection that broke meanwhile makes no error of it."""
    try:
        heartbeat.beat("worker")
    except DATABASE_GONE as error:
        log.warning("the database does not answer: %s", error)
        forget_connection()


def _work_on(claim: Claim, kind: Kind | None, limits: Limits | None, rng: Random) -> None:
    hold = Hold(claim)
    with Renewing(hold):
        if kind is None:
            _refuse(claim)
        else:
            Slice(claim, kind, hold, limits or limits_of(kind.name), rng).run()


def _refuse(claim: Claim) -> None:
    """A job that this version cannot understand ends at once, with the reason."""
    progress, name = Progress.of(claim.job), claim.job.kind
    progress.failed += 1
    progress.last_error = f"No kind of job is called {name!r} here."
    trouble = Trouble(progress.phase, "", "UnknownKind", progress.last_error)
    if claim.job.standing:
        claims.end_run(claim, End(Event.FAIL), progress, [trouble])
        return
    event = Event.SETTLE_CANCEL if claim.job.status == Status.CANCELLING else Event.FAIL
    claims.settle(claim, event, progress, [trouble])
