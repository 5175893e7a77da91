"""What a job kind is: phases, pages of items, and what is done to an item.

A kind knows buckets and stores, never Job rows, leases or queues: the engine walks its
pages, saves the cursor after each, retries, counts and settles. Effects are at least once,
so `apply` must be idempotent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

from proxy.records import BucketRecord

EVENTS = "events"
"""The lane of what must begin within a second or two."""


class Action(StrEnum):
    """What an operator can ask of a job; a kind lists those that it supports."""

    PAUSE = "pause"
    RESUME = "resume"
    RUN_NOW = "run-now"
    PREVIEW = "preview"
    VERIFY = "verify"
    CANCEL = "cancel"
    CONFIRM = "confirm"
    RETRY_FAILED = "retry-failed"


class Shape(StrEnum):
    """How the engine goes through a phase."""

    WALK = "walk"  # page after page, items in parallel
    TURN = "turn"  # one transaction, the point of no return


@dataclass(frozen=True, slots=True)
class Phase:
    """One step of a kind.

    `share` is its part of the job's percentage; `counted`: its items are the job's objects
    (else they only move the phase's own progress); `fatal`: one failed item fails the job;
    `waits`: until its first item is done it waits for others, and no pace tells how long.
    `whole`: a walk that runs out of its page budget fails the job; else the run ends and the next one
    goes on at the token. `writable`: of a gated kind, the bucket still takes writes in this phase; the
    first phase after it that is not closes the gate.
    """

    name: str
    shape: Shape = Shape.WALK
    share: int = 0
    counted: bool = False
    fatal: bool = True
    waits: bool = False
    whole: bool = True
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to do: an object, a part, an upload. `data` is the kind's own, JSON-able."""

    key: str
    size: int = 0
    data: Any = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some items and where to go on.

    `truncated` with a `token` (never the one that was passed in) goes on; not truncated ends
    the phase. `total` (items of the phase, if known) and `total_bytes` may be told at any page.
    `wait_s` asks to come back to the same token no sooner than that; the page has no items then.
    """

    items: Sequence[Item] = ()
    token: str | None = None
    truncated: bool = False
    total: int | None = None
    total_bytes: int | None = None
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Issue:
    """What is told about one object that failed or was left; one row of the failure ring."""

    key: str
    code: str
    message: str
    version_id: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an item. `objects` is 0 for a part of an object that is not whole yet.

    `skipped`: all of them were passed over; `left`: of several together, so many were. `again`: those of
    several that are done next, each on its own, with its own retries and its own failure.
    `issues` are recorded as failures without failing the item or a fatal phase: `with_errors`.
    """

    objects: int = 1
    size: int = 0
    skipped: bool = False
    left: int = 0
    deleted: int = 0
    issues: tuple[Issue, ...] = ()
    again: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked request for a one-off: what is stored, and what a preview shows.

    `look` finds out what a preview shows beyond `preview` and takes longer than a start may.
    """

    name: str
    spec: Mapping[str, Any]
    preview: Mapping[str, Any] = field(default_factory=dict)
    mode: str = ""
    """One of the kind's modes."""
    look: Callable[[], Mapping[str, Any]] | None = None

    def looked_at(self) -> Plan:
        """The same with everything that a preview shows. Reads only."""
        if self.look is None:
            return self
        return replace(self, preview={**self.preview, **self.look()}, look=None)


@dataclass(frozen=True, slots=True)
class Words:
    """What operators read about the jobs of a kind, in whole sentences.

    Filled in are `{bucket}`, `{source}`, and where they are known `{objects}`, `{bytes}` and `{failed}`.
    """

    verb: str
    """On a button beside a bucket."""
    start: str
    """On the button that leads to the form."""
    appears: str
    """When such a job appears on the page."""
    command: str
    """How one is started from the command line."""
    gated: str
    """While the bucket takes no writes."""
    with_errors: str
    unwinding: str
    stopping: str
    """After the point of no return, when a cancel was asked for."""
    cancel: str
    """What a cancel does, before it is done."""
    stop: str
    """What a cancel does after the point of no return."""


class Work(Protocol):
    """What the engine hands to a kind: the job's facts and the fences around its effects."""

    job_id: int
    run_id: int
    """Which run this is; the same in all its slices."""
    holder: str
    """The name under which this job holds the bucket's gate."""
    bucket: BucketRecord
    """The job's bucket, read when the slice began."""
    spec: Mapping[str, Any]
    state: MutableMapping[str, Any]
    """The kind's own notes, JSON-able; saved with every checkpoint. Only `page` and `turn` change it.

    A rule's notes live on from run to run, as they were at the last checkpoint before its end."""
    mode: str
    """Which of the kind's modes this run is in."""
    keys: Sequence[str]
    """Of a run over single objects (`retry-failed` of a rule): their keys."""
    local: MutableMapping[str, Any]
    """Whatever the threads of this slice share; gone with it."""

    def effect(self) -> AbstractContextManager[None]:
        """Every effect on objects happens inside this: a work slot is held and the lease was checked.

        Raises LeaseLost, Cancelled, Withdrawn.
        """
        ...

    def writing(self, bucket_name: str) -> AbstractContextManager[BucketRecord]:
        """As `effect`, and inside a bucket's gate, as a client's write is: the bucket with its Route now.

        For kinds that hold no gate themselves. Raises as `effect` does, Deferred (the gate is closed, or
        closes meanwhile), NoSuchBucket, SlowDown (another reason: try again).
        """
        ...

    def pulse(self) -> None:
        """Call it between the pieces of a long body. Raises LeaseLost, Cancelled, Withdrawn, Deferred."""
        ...

    def now_ms(self) -> int:
        """Wall clock, milliseconds since the epoch."""
        ...


def course(kind: Kind, mode: str) -> tuple[Phase, ...]:
    """The phases that a job in that mode goes through, in order. Raises KeyError."""
    by_name = {phase.name: phase for phase in kind.phases}
    return tuple(by_name[name] for name in kind.modes[mode])


def by_rule(kind: Kind) -> bool:
    """Whether its jobs are declared and run again and again; others are asked for, once each."""
    return Action.RUN_NOW in kind.actions


class Kind(Protocol):
    """One kind of job. An instance is stateless and shared by all jobs and threads."""

    name: str
    """As stored in Job.kind and shown to operators."""
    subsystem: str
    """The first half of a job's id: `maintenance:42`."""
    gated: bool
    """A job closes its bucket's gate, when it is created or after the phases that are `writable`; of such
    jobs a bucket has one at a time."""
    phases: tuple[Phase, ...]
    """All that there are, in order; a job goes through those of its mode."""
    modes: Mapping[str, tuple[str, ...]]
    """The names of the phases of each mode, in order. Of a kind with one way through, it is called ""."""
    lane: str
    """In which queue its messages wait: "" or `EVENTS`, for what must not wait behind long slices."""
    unwind: Phase | None
    """Walked instead of the rest after a cancel or a failure before the turn, if the job has effects."""
    actions: frozenset[Action]
    at_will: bool
    """An operator may have a rule run once although it is paused or disabled."""
    concurrency: int
    """Items of a page that are applied side by side."""
    words: Words

    def plan(self, bucket: BucketRecord, params: Mapping[str, Any]) -> Plan:
        """Check a request and say what would happen. Reads only. Raises JobError.

        Of a kind whose jobs are rules, `params` is the spec of one.
        """
        ...

    def page(self, work: Work, phase: str, token: str | None) -> Page:
        """The items after `token`. May raise BadToken, JobFailed, or an S3Error (retried if transient)."""
        ...

    def apply(self, work: Work, phase: str, item: Item) -> Outcome:
        """Do it, idempotently.

        An S3Error of status 503 (or RequestTimeout) is retried; others are failures.
        """
        ...

    def turn(self, work: Work, phase: str) -> None:
        """What a TURN phase changes; runs inside the transaction that moves the job past it."""
        ...

    def report(self, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a job has found out so far, for operators, from its notes."""
        ...
