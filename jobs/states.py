"""The state machine of a job, as a table. The guarded UPDATEs of `transitions` and `claims` follow it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """The one status vocabulary; windows translate it and the engine never stores their words."""

    IDLE = "idle"
    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


TERMINAL = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED})
ACTIVE = frozenset({Status.QUEUED, Status.RUNNING, Status.CANCELLING})
LEASED = frozenset({Status.RUNNING, Status.CANCELLING})


class Event(StrEnum):
    """What happens to a job."""

    ENQUEUE = "enqueue"  # an idle rule is due, or an operator runs it now
    CLAIM = "claim"  # a worker takes it, with the lease, in the same statement
    CLAIM_UNWIND = "claim-unwind"  # a worker takes a cancelled job to undo its effects
    YIELD = "yield"  # the slice ended: back in line
    REQUEUE = "requeue"  # its worker was lost
    REQUEST_CANCEL = "request-cancel"  # it has effects: they are undone first
    CANCEL_NOW = "cancel-now"  # it has none
    SUCCEED = "succeed"
    FAIL = "fail"
    SETTLE_CANCEL = "settle-cancel"  # the effects are undone
    DEFER = "defer"  # a rule's bucket is gated: the run ends, the cursor is kept
    STOP = "stop"  # a rule was withdrawn, disabled or changed: its run ends


@dataclass(frozen=True, slots=True)
class Transition:
    """From any of `sources` to `target`."""

    sources: frozenset[Status]
    target: Status


def _from(*sources: Status, to: Status) -> Transition:
    return Transition(frozenset(sources), to)


TRANSITIONS: dict[Event, Transition] = {
    Event.ENQUEUE: _from(Status.IDLE, *TERMINAL, to=Status.QUEUED),
    Event.CLAIM: _from(Status.QUEUED, to=Status.RUNNING),
    Event.CLAIM_UNWIND: _from(Status.CANCELLING, to=Status.CANCELLING),
    Event.YIELD: _from(Status.RUNNING, to=Status.QUEUED),
    Event.REQUEUE: _from(Status.RUNNING, to=Status.QUEUED),
    Event.REQUEST_CANCEL: _from(Status.QUEUED, Status.RUNNING, to=Status.CANCELLING),
    Event.CANCEL_NOW: _from(Status.QUEUED, to=Status.CANCELLED),
    Event.SUCCEED: _from(Status.RUNNING, to=Status.SUCCEEDED),
    Event.FAIL: _from(Status.RUNNING, to=Status.FAILED),
    Event.SETTLE_CANCEL: _from(Status.CANCELLING, to=Status.CANCELLED),
    Event.DEFER: _from(Status.RUNNING, to=Status.IDLE),
    Event.STOP: _from(Status.QUEUED, Status.RUNNING, to=Status.IDLE),
}


def sources(event: Event) -> frozenset[Status]:
    return TRANSITIONS[event].sources


def target(event: Event) -> Status:
    return TRANSITIONS[event].target
