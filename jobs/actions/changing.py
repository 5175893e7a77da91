"""What changes a job: the table of actions, and those of one-offs. Each leaves an audit row."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.db import transaction

from jobs import transitions
from jobs.actions import rule_jobs
from jobs.actions.actor import Actor, Right
from jobs.actions.audit import audited
from jobs.actions.performing import Performed, check, unsupported
from jobs.actions.reading import find
from jobs.actions.starting import bucket_of, create
from jobs.errors import NotFound
from jobs.kinds.base import Action

_ADDED_BY_THE_PLAN = frozenset({"source_backend"})


def cancel(actor: Actor, public_id: str) -> Performed:
    """Ask the job to end. Raises Forbidden, NotFound, ActionNotSupported, Conflict."""
    shown = find(public_id)
    with audited(actor, Action.CANCEL, shown.job, status=shown.status.value) as done:
        actor.require(Right.OPERATE)
        check(shown, Action.CANCEL)
        with transaction.atomic():
            transitions.request_cancel(shown.job.pk)
            done()
    return Performed(find(public_id))


def retry_failed(actor: Actor, public_id: str) -> Performed:
    """Start a new one-off in place of one that failed or was cancelled; it names its parent.

    The gate is closed and drained anew and nothing of the old cursor is used. A rule has no successor:
    a run of its own looks at what failed. Raises what `start` and `cancel` raise.
    """
    shown = find(public_id)
    old = shown.job
    if old.standing:
        return rule_jobs.retry(actor, public_id)
    with audited(actor, Action.RETRY_FAILED, old, status=shown.status.value) as done:
        actor.require(Right.OPERATE)
        kind = check(shown, Action.RETRY_FAILED)
        asked = {name: value for name, value in old.spec.items() if name not in _ADDED_BY_THE_PLAN}
        job = create(kind, bucket_of(old.bucket_name), asked, actor, old, done)
    return Performed(find(job.public_id))


Handler = Callable[[Actor, str], Performed]
HANDLERS: Mapping[Action, Handler] = {
    Action.CANCEL: cancel,
    Action.RETRY_FAILED: retry_failed,
    Action.PAUSE: rule_jobs.pause,
    Action.RESUME: rule_jobs.resume,
    Action.RUN_NOW: rule_jobs.run_now,
    Action.VERIFY: rule_jobs.verify,
    Action.PREVIEW: rule_jobs.preview_rule,
}


def perform(actor: Actor, public_id: str, action: str) -> Performed:
    """The action of that name on the job, and what came of it.

    Raises NotFound (job, or no such word), ActionNotSupported, and what the action raises.
    """
    if action not in set(Action):
        raise NotFound(f"There is no action {action[:40]!r}.")
    handler = HANDLERS.get(Action(action))
    if handler is None:
        shown = find(public_id)
        with audited(actor, action, shown.job):
            actor.require(Right.OPERATE)
            raise unsupported(shown, action)
    return handler(actor, public_id)
