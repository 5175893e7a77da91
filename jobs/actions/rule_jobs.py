"""What an operator can do to a rule's job. Each checks the right and leaves an audit row."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.db import transaction

from jobs import standing
from jobs.actions.actor import Actor, Right
from jobs.actions.audit import audited
from jobs.actions.performing import Performed, check
from jobs.actions.reading import find
from jobs.actions.showing import RETRY, open_failures
from jobs.actions.starting import bucket_of
from jobs.errors import Conflict
from jobs.kinds.base import Action, Kind
from jobs.models import Job

RUN_NOW = "run-now"
"""What a run says that an operator asked for as the schedule would have."""
MOST_KEYS = 1000


def pause(actor: Actor, public_id: str) -> Performed:
    """No run begins by itself, and one on its way waits. Raises Forbidden, NotFound, Conflict."""
    return _switch(actor, public_id, Action.PAUSE, standing.pause)


def resume(actor: Actor, public_id: str) -> Performed:
    """Runs begin again. Raises Forbidden, NotFound, Conflict."""
    return _switch(actor, public_id, Action.RESUME, standing.resume)


def run_now(actor: Actor, public_id: str) -> Performed:
    """Begin the run that the schedule would. Raises Forbidden, NotFound, ActionNotSupported, Conflict."""
    return _begin(actor, public_id, Action.RUN_NOW, lambda kind: next(iter(kind.modes)), triggered_by=RUN_NOW)


def verify(actor: Actor, public_id: str) -> Performed:
    """Begin a run that only compares. Raises as `run_now`."""
    return _begin(actor, public_id, Action.VERIFY, lambda kind: Action.VERIFY.value)


def retry(actor: Actor, public_id: str) -> Performed:
    """Begin a run over the objects that failed and that no run has looked at since. Raises as `run_now`."""
    return _begin(actor, public_id, Action.RETRY_FAILED, lambda kind: RETRY, keys=_failed)


def preview_rule(actor: Actor, public_id: str) -> Performed:
    """What its next run would do; reads only. Raises Forbidden, NotFound, ActionNotSupported, S3Error."""
    shown = find(public_id)
    with audited(actor, Action.PREVIEW, shown.job, status=shown.status.value) as done:
        actor.require(Right.VIEW)
        kind = check(shown, Action.PREVIEW)
        plan = kind.plan(bucket_of(shown.job.bucket_name), shown.job.spec).looked_at()
        done()
    return Performed(shown, preview=plan.preview)


def failed_keys(actor: Actor, job: Job) -> list[str]:
    """What `retry` would look at: each key once, in the order in which they failed. Raises Forbidden."""
    actor.require(Right.VIEW)
    return _failed(job) if job.standing else []


# -- the pieces -------------------------------------------------------------------------------


def _switch(actor: Actor, public_id: str, action: Action, change: Callable[[Job], bool]) -> Performed:
    shown = find(public_id)
    with audited(actor, action, shown.job, status=shown.status.value) as done:
        actor.require(Right.OPERATE)
        check(shown, action)
        with transaction.atomic():
            if not change(shown.job):
                raise Conflict(f"Somebody else was faster: {public_id} has changed. Look again.")
            done()
    return Performed(find(public_id))


def _no_keys(job: Job) -> Sequence[str]:
    return ()


def _begin(
    actor: Actor,
    public_id: str,
    action: Action,
    mode: Callable[[Kind], str],
    triggered_by: str = "",
    keys: Callable[[Job], Sequence[str]] = _no_keys,
) -> Performed:
    """`anyway` is for kinds whose rules run at an operator's will; the conditions were checked."""
    shown = find(public_id)
    with audited(actor, action, shown.job, status=shown.status.value) as done:
        actor.require(Right.OPERATE)
        kind = check(shown, action)
        with transaction.atomic():
            run = standing.enqueue(
                standing.make_way(shown.job),
                mode(kind),
                triggered_by or actor.channel,
                anyway=kind.at_will,
                keys=keys(shown.job),
            )
            if run is None:
                raise Conflict(f"{action} does not apply to {public_id}: a run is on its way.")
            done(run=run.pk)
    return Performed(find(public_id), run=run)


def _failed(job: Job) -> list[str]:
    keys = open_failures(job).order_by("pk").values_list("key", flat=True)
    return list(dict.fromkeys(keys))[:MOST_KEYS]
