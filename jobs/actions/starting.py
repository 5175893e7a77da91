"""Previews and starts of one-offs: for any kind, and as each kind's own request says it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import transaction

from jobs import transitions
from jobs.actions.actor import Actor, Right
from jobs.actions.audit import audited
from jobs.errors import BadRequest, Forbidden, JobError, NotFound
from jobs.kinds import KINDS
from jobs.kinds.base import Kind, Plan
from jobs.models import Job
from proxy.errors import NoSuchBucket, S3Error
from proxy.records import BucketRecord, find_bucket

MIGRATE, REENCRYPT = "migrate", "reencrypt"
MOST_BUCKETS = 100
"""Of one request to re-encrypt."""


def preview(actor: Actor, kind: str, bucket: str, params: Mapping[str, Any]) -> Plan:
    """What such a job would do; reads only. Raises as `start`, but for BucketBusy."""
    actor.require(Right.VIEW)
    return KINDS[kind].plan(bucket_of(bucket), params).looked_at()


def start(actor: Actor, kind: str, bucket: str, params: Mapping[str, Any]) -> Job:
    """Close the bucket's gate, if the kind is gated, and queue such a job.

    Raises Forbidden, NotFound (bucket), BucketBusy (with the id of the first), what the kind's plan
    raises, and S3Error (a backend is away).
    """
    with audited(actor, kind, bucket=bucket, **params) as done:
        actor.require(Right.OPERATE)
        return create(KINDS[kind], bucket_of(bucket), params, actor, None, done)


def create(
    kind: Kind,
    bucket: BucketRecord,
    params: Mapping[str, Any],
    actor: Actor,
    parent: Job | None,
    done: Callable[..., None],
) -> Job:
    """The job of a checked request, and its audit rows, in one transaction."""
    plan = kind.plan(bucket, params)
    with transaction.atomic():
        job = transitions.create_job(kind, plan, bucket, actor.name, parent, actor.channel)
        if parent is None:
            done(job)
        else:
            done(parent, started=job.public_id)
            done(job, parent=parent.public_id)
    return job


def bucket_of(name: str) -> BucketRecord:
    """Raises NotFound."""
    try:
        return find_bucket(name)
    except NoSuchBucket:
        raise NotFound(f"There is no bucket {name[:100]!r}.", bucket=name[:100]) from None


# -- migrations ------------------------------------------------------------------------------


def preview_migration(
    actor: Actor,
    bucket: str,
    target_backend: str,
    delete_source: bool = False,
    replace_target: bool = False,
    drop: Sequence[str] = (),
    precopy: bool = False,
) -> Plan:
    """What a migration would do; reads only. Raises as `start_migration`, but for BucketBusy."""
    actor.require(Right.VIEW)
    wish = _migration(target_backend, delete_source, replace_target, drop, precopy)
    return preview(actor, MIGRATE, bucket, wish)


def start_migration(
    actor: Actor,
    bucket: str,
    target_backend: str,
    delete_source: bool = False,
    replace_target: bool = False,
    drop: Sequence[str] = (),
    precopy: bool = False,
) -> Job:
    """Close the bucket's gate and queue its migration; with `precopy` the gate closes when all is copied.

    Raises what `start` raises, BadRequest (unknown or same backend), PrecopyImpossible, TargetNotEmpty,
    TargetLocked and TargetCannotKeep (with counts).
    """
    wish = _migration(target_backend, delete_source, replace_target, drop, precopy)
    return start(actor, MIGRATE, bucket, wish)


def _migration(
    target_backend: str, delete_source: bool, replace_target: bool, drop: Sequence[str], precopy: bool
) -> dict[str, Any]:
    if not target_backend:
        raise BadRequest("target_backend is missing: the name of the backend to move to.")
    return {
        "target_backend": target_backend,
        "delete_source": delete_source,
        "replace_target": replace_target,
        "drop": list(drop),
        "precopy": precopy,
    }


# -- re-encryptions ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Each:
    """What became of each bucket of a request: its plan or its job, or why not, in their order."""

    plans: dict[str, Plan]
    jobs: dict[str, Job]
    errors: dict[str, JobError | S3Error]

    def told(self, of: str) -> dict[str, Any]:
        """As the admin API answers it; `of` says of which: `previews` or `started`."""
        rows = {
            "previews": [{"name": plan.name, **plan.preview} for plan in self.plans.values()],
            "started": [
                {"bucket": job.bucket_name, "job_id": job.pk, "id": job.public_id}
                for job in self.jobs.values()
            ],
        }
        refused = [
            {"bucket": name, "error": why.message, "code": why.code} for name, why in self.errors.items()
        ]
        return {of: rows[of], "errors": refused}


def preview_reencryption(actor: Actor, buckets: Sequence[str], mode: str = "") -> Each:
    """What re-encrypting these would do; reads only. Raises Forbidden, BadRequest (no bucket, too many)."""
    plans, errors = _for_each(buckets, lambda name: preview(actor, REENCRYPT, name, {"mode": mode}))
    return Each(plans, {}, errors)


def start_reencryption(actor: Actor, buckets: Sequence[str], mode: str = "") -> Each:
    """One job per bucket; one refusal does not stop the others. Raises Forbidden, BadRequest."""
    jobs, errors = _for_each(buckets, lambda name: start(actor, REENCRYPT, name, {"mode": mode}))
    return Each({}, jobs, errors)


Errors = dict[str, JobError | S3Error]
T = TypeVar("T")


def _for_each(buckets: Sequence[str], do: Callable[[str], T]) -> tuple[dict[str, T], Errors]:
    names = list(dict.fromkeys(buckets))
    if not 1 <= len(names) <= MOST_BUCKETS:
        raise BadRequest(f"buckets must name 1 to {MOST_BUCKETS} buckets, not {len(names)}.")
    done: dict[str, T] = {}
    errors: Errors = {}
    for name in names:
        try:
            done[name] = do(name)
        except Forbidden:
            raise
        except (JobError, S3Error) as refusal:
            errors[name] = refusal
    return done, errors
