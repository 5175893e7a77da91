"""What changes a job: cancel, retry. Each checks the right and leaves an audit row."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.db import transaction

from jobs import transitions
from jobs.actions.actor import Actor, Right
from jobs.actions.audit import audited
from jobs.actions.reading import find
from jobs.actions.starting import bucket_of, create
from jobs.errors import ActionNotSupported, Conflict, NotFound
from jobs.kinds.base import Action, Kind
from jobs.presentation import APPLIES, Shown, available, supported

_ADDED_BY_THE_PLAN = frozenset({"source_backend"})


def cancel(actor: Actor, public_id: str) -> Shown:
    """Ask the job to end. Raises Forbidden, NotFound, ActionNotSupported, Conflict."""
    shown = find(public_id)
    with audited(actor, Action.CANCEL, shown.job, status=shown.status.value) as done:
        actor.require(Right.OPERATE)
        _check(shown, Action.CANCEL)
        with transaction.atomic():
            transitions.request_cancel(shown.job.pk)
            done()
    return find(public_id)


def retry_failed(actor: Actor, public_id: str) -> Shown:
    """Start a new one-off in place of one that failed or was cancelled; it names its parent.

    The gate is closed and drained anew and nothing of the old cursor is used.
    Raises what `start` and `cancel` raise.
    """
    shown = find(public_id)
    old = shown.job
    with audited(actor, Action.RETRY_FAILED, old, status=shown.status.value) as done:
        actor.require(Right.OPERATE)
        kind = _check(shown, Action.RETRY_FAILED)
        asked = {name: value for name, value in old.spec.items() if name not in _ADDED_BY_THE_PLAN}
        job = create(kind, bucket_of(old.bucket_name), asked, actor, old, done)
    return find(job.public_id)


Handler = Callable[[Actor, str], Shown]
HANDLERS: Mapping[Action, Handler] = {Action.CANCEL: cancel, Action.RETRY_FAILED: retry_failed}


def perform(actor: Actor, public_id: str, action: str) -> Shown:
    """The action of that name on the job: the job afterwards, or the new one that it made.

    Raises NotFound (job, or no such word), ActionNotSupported, and what the action raises.
    """
    if action not in set(Action):
        raise NotFound(f"There is no action {action[:40]!r}.")
    handler = HANDLERS.get(Action(action))
    if handler is None:
        shown = find(public_id)
        with audited(actor, action, shown.job):
            actor.require(Right.OPERATE)
            raise _unsupported(shown, action)
    return handler(actor, public_id)


def _check(shown: Shown, action: Action) -> Kind:
    kind = shown.kind
    if kind is None or action not in kind.actions:
        raise _unsupported(shown, action)
    if action not in available(shown):
        states = " or ".join(sorted(APPLIES[action]))
        raise Conflict(f"{shown.job.public_id} is {shown.status}; {action} needs a job that is {states}.")
    return kind


def _unsupported(shown: Shown, action: str) -> ActionNotSupported:
    names = supported(shown.kind)
    can = f"it supports {', '.join(names)}" if names else "it supports no actions"
    return ActionNotSupported(f"{shown.job.kind} jobs do not support {action}; {can}.", names)
