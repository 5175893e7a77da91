"""A small stand-in for the engine: it walks a kind's phases in one thread and can stop anywhere.

What the engine keeps in the Job row is kept here as the JSON text that would be saved, so a
job that is taken up again knows what was saved and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from jobs import cursor
from jobs.cursor import Cursor, Step
from jobs.errors import BadToken, Deferred
from jobs.kinds.base import Issue, Kind, Outcome, Phase, Shape, course
from proxy import gate
from proxy.records import BucketRecord, find_bucket

PAGES = 10_000


class Killed(BaseException):
    """The process is gone at this moment."""


class InTestWork:
    """Implements `jobs.kinds.base.Work`; `happens` is told of each boundary and may raise."""

    def __init__(self, saved: Saved, happens: Callable[[str], None]) -> None:
        self.job_id = saved.job_id
        self.run_id = saved.run_id
        self.holder = saved.holder
        self.bucket: BucketRecord = find_bucket(saved.bucket_name)
        self.spec: Mapping[str, Any] = saved.spec
        self.state: MutableMapping[str, Any] = json.loads(saved.state)
        self.mode = saved.mode
        self.keys = saved.keys
        self.local: MutableMapping[str, Any] = {}
        self.clock_ms = saved.clock_ms
        self._happens = happens

    @contextmanager
    def effect(self) -> Iterator[None]:
        self._happens("effect begins")
        yield
        self._happens("effect ended")

    @contextmanager
    def writing(self, bucket_name: str) -> Iterator[BucketRecord]:
        bucket = find_bucket(bucket_name)
        if bucket.gate.closed:
            raise Deferred(f"{bucket.gate.holder} has {bucket_name}.")
        with self.effect():
            yield find_bucket(bucket_name)

    def pulse(self) -> None:
        self._happens("pulse")

    def now_ms(self) -> int:
        return self.clock_ms


@dataclass
class Saved:
    """What survives the worker."""

    bucket_name: str
    holder: str
    spec: dict[str, Any]
    clock_ms: int
    job_id: int = 1
    run_id: int = 1
    mode: str = ""
    keys: tuple[str, ...] = ()
    phase: str = ""
    token: str | None = None
    state: str = "{}"
    turned: bool = False
    processed: int = 0
    bytes_done: int = 0
    deleted: int = 0
    skipped: int = 0
    issues: list[Issue] = field(default_factory=list)
    ended: bool = False


def nothing(event: str) -> None:
    """Whatever happens, go on."""


@dataclass
class Drive:
    """A job of a kind on its way. `happens` hears every boundary: effects, pulses, checkpoints."""

    kind: Kind
    saved: Saved
    happens: Callable[[str], None] = nothing
    waited_s: float = 0.0

    def run(self, until: str | None = None) -> Saved:
        """From where it was saved up to before the phase `until`, or to the end."""
        phases = course(self.kind, self.saved.mode)
        names = [phase.name for phase in phases]
        if not self.saved.turned:
            self.saved.phase = self.saved.phase or names[0]
        if not self.saved.phase:
            self._save(ended=True)
            return self.saved
        for phase in phases[names.index(self.saved.phase) :]:
            if phase.name == until:
                return self.saved
            if any(each.writable for each in phases) and not phase.writable and not self.saved.turned:
                gate.close(find_bucket(self.saved.bucket_name).id, self.saved.holder)
            following = names[names.index(phase.name) + 1 :]
            self._go_through(phase, following[0] if following else "")
        self._save(ended=True)
        return self.saved

    def unwind(self) -> None:
        """As after a cancel or a failure."""
        assert self.kind.unwind is not None
        self._save(phase=self.kind.unwind.name, token=None)
        self._go_through(self.kind.unwind, "")

    def _go_through(self, phase: Phase, following: str) -> None:
        if phase.shape is Shape.TURN:
            self._turn(phase, following)
        else:
            self._walk(phase, following)

    def _turn(self, phase: Phase, following: str) -> None:
        work = InTestWork(self.saved, self.happens)
        with transaction.atomic():
            self.kind.turn(work, phase.name)
            self.happens("turn changed")
        self._save(turned=True, phase=following, token=None, state=json.dumps(dict(work.state)))
        self.happens("turned")

    def _walk(self, phase: Phase, following: str) -> None:
        at = Cursor(phase.name, self.saved.token, resumed=self.saved.token is not None)
        while True:
            work = InTestWork(self.saved, self.happens)
            try:
                page = self.kind.page(work, phase.name, at.token)
            except BadToken:
                assert cursor.refused(at) is Step.RESTART
                at = Cursor(phase.name, dropped_in=phase.name)
                continue
            self.happens("page")
            json.dumps([item.data for item in page.items])
            outcomes = [self.kind.apply(work, phase.name, item) for item in page.items]
            outcomes += [self.kind.apply(work, phase.name, item) for one in outcomes for item in one.again]
            step = cursor.after(at, page, PAGES)
            if step is Step.WAIT:
                self.waited_s += page.wait_s
                self.saved.clock_ms += round(page.wait_s * 1000)
                continue
            self.happens("before checkpoint")
            ends = step is Step.END
            self._save(
                phase=following if ends else phase.name,
                token=None if ends else page.token,
                state=json.dumps(dict(work.state)),
            )
            self._count(phase, outcomes)
            self.happens("checkpoint")
            if ends:
                return
            at = Cursor(phase.name, page.token, at.pages + 1, dropped_in=at.dropped_in)

    def _count(self, phase: Phase, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            if phase.counted:
                self.saved.processed += outcome.objects
                self.saved.bytes_done += outcome.size
                self.saved.skipped += outcome.objects if outcome.skipped else outcome.left
            self.saved.deleted += outcome.deleted
            self.saved.issues += outcome.issues

    def _save(self, **values: Any) -> None:
        for name, value in values.items():
            setattr(self.saved, name, value)
