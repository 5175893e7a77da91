"""The audit trail: who asked for what, when, from where, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from jobs.actions.actor import Actor
from jobs.errors import JobError
from jobs.models import AuditEntry, Job
from proxy.errors import S3Error

DONE, REFUSED = "done", "refused"
Done = Callable[..., None]


def record(actor: Actor, action: str, outcome: str, job: Job | None = None, **detail: Any) -> None:
    """One row of the trail, in the caller's transaction if there is one."""
    AuditEntry.objects.create(
        actor=actor.name[:150],
        origin=actor.origin[:64],
        action=action[:32],
        job=job,
        detail={"outcome": outcome, **detail},
    )


@contextmanager
def audited(actor: Actor, action: str, job: Job | None = None, **detail: Any) -> Iterator[Done]:
    """Record what happens inside: the block calls `done(job)` within its own transaction.

    A JobError or S3Error that leaves the block is recorded as a refusal with its code and
    reason, outside the transaction that it ended.
    """

    def done(about: Job | None = job, **more: Any) -> None:
        record(actor, action, DONE, about, **detail, **more)

    try:
        yield done
    except (JobError, S3Error) as refusal:
        record(actor, action, REFUSED, job, **detail, code=refusal.code, reason=refusal.message)
        raise
