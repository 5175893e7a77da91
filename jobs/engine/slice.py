"""One slice of a job's way: drain, pages, checkpoints, the turn, the end; or back in line.

Each step returns the step that follows it, or None when the slice is over. A signal or an
error in any step leads to one of two others: undo, or fail.
"""

from __future__ import annotations

import copy
import dataclasses
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Any

from jobs import claims, cursor, runs
from jobs.claims import Claim
from jobs.clock import local_ms
from jobs.cursor import Cursor, Step
from jobs.engine.hold import Hold
from jobs.engine.items import Applying, ItemFailed, again, trouble_of
from jobs.engine.limits import Limits
from jobs.engine.pacing import Pace, concurrency
from jobs.engine.persisting import Persistence
from jobs.engine.pool import Pool
from jobs.engine.retrying import GaveUp, transient
from jobs.engine.work import JobWork, bucket_of, what_was
from jobs.errors import BadToken, Cancelled, Deferred, JobFailed, LeaseLost, Withdrawn, WorkSignal
from jobs.failures import Trouble
from jobs.kinds.base import Kind, Page, Phase, Shape, course
from jobs.progress import Progress
from jobs.runs import DEFERRED, STOPPED, End
from jobs.states import Event, Status
from proxy import gate, slots
from proxy.errors import S3Error

log = logging.getLogger(__name__)

MOST_FAILS = 3
"""A slice that fails while it fails while it undoes is left to recovery, which counts it."""

Next = Callable[[], Any]
"""A step: returns the next one, or None."""


class Slice:
    """The work on a claimed job until it ends, waits, or `settings.SLICE_SECONDS` are over."""

    def __init__(self, claim: Claim, kind: Kind, hold: Hold, limits: Limits, rng: Random) -> None:
        self.claim, self.kind, self.hold, self.limits = claim, kind, hold, limits
        persistence = Persistence(hold, limits.backoff, rng)
        self._retried, self._saved = persistence.retried, persistence.saved
        self.progress = Progress.of(claim.job)
        self.hold.ending = self.progress.unwinding
        self.pace = Pace(claim.job.lane)
        self.got_page_of = ""
        self.fails = 0
        self.pool = Pool(concurrency(claim.job, kind), claim.job.public_id)
        self.course: tuple[Phase, ...] = ()
        self.work: JobWork

    def run(self) -> None:
        """Raises LeaseLost; everything else ends in the job's row."""
        step: Next | None = self._begin
        try:
            while step is not None:
                step = self._take(step)
        finally:
            self.pool.close()

    def _take(self, step: Next) -> Next | None:
        try:
            following: Next | None = step()
        except LeaseLost:
            raise
        except WorkSignal as signal:
            return self._heard(signal)
        except GaveUp as spent:
            return self._give_up(spent)
        except Exception as error:
            if self.fails >= MOST_FAILS:
                raise
            return self._give_up(GaveUp(error, 1))
        return following

    def _heard(self, signal: WorkSignal) -> Next:
        phase = self.progress.phase
        match signal:
            case Cancelled():
                return self._unwind
            case Withdrawn():
                return partial(self._end_run, End(Event.STOP, STOPPED, keeps=True))
            case Deferred():
                return partial(self._defer, signal)
            case ItemFailed():
                return partial(self._fail, signal.trouble)
            case JobFailed():
                return partial(self._fail, Trouble(phase, "", signal.code, str(signal)))
        trouble = Trouble(phase, "", type(signal).__name__, str(signal))
        return partial(self._fail, trouble, keeps=False)

    def _give_up(self, spent: GaveUp) -> Next:
        if not isinstance(spent.error, S3Error):
            log.error("%s: unexpected", self.claim.job.public_id, exc_info=spent.error)
        keeps = True if transient(spent.error) else None
        return partial(self._fail, trouble_of(spent, self.progress.phase), keeps=keeps)

    # -- the way -------------------------------------------------------------------------

    def _begin(self) -> Next | None:
        job, progress = self.claim.job, self.progress
        if job.status == Status.CANCELLING and not progress.unwinding:
            return self._unwind
        if job.crashes >= self.limits.crashes and not job.standing:
            raise JobFailed(
                f"{job.crashes} workers in a row were lost at the same place. {job.last_error}".strip(),
                "PoisonPill",
            )
        self.course = self._course()
        self._open_work()
        if progress.turned:
            return self._walk if progress.phase else self._finish
        return self._walk if progress.unwinding else self._drain

    def _course(self) -> tuple[Phase, ...]:
        try:
            return course(self.kind, self.claim.job.mode)
        except KeyError:
            raise JobFailed(f"{self.kind.name} has no mode {self.claim.job.mode!r}.") from None

    def _drain(self) -> Next | None:
        """Nobody writes to a gated bucket from here on; a first phase is empty while that is waited for."""
        progress = self.progress
        progress.last_error = ""
        first = self.course[0]
        phase = self._phase() if progress.phase else first
        if self.kind.gated and not phase.writable:
            bucket_id = self.claim.job.bucket_id
            self._retried(lambda: gate.drain(bucket_id, self.hold.pulse))
        if not progress.phase:
            progress.enter(first.name)
            self._checkpoint(progress)
        return self._walk

    def _open_work(self) -> None:
        try:
            bucket = self._retried(lambda: bucket_of(self.claim.job))
        except JobFailed:
            if not self.progress.unwinding:
                raise
            bucket = what_was(self.claim.job)
        self.work = JobWork(self.hold, self.progress.state, bucket)

    def _walk(self) -> Next | None:
        if self.progress.turned and self.hold.stop_requested:
            return self._stop
        phase = self._phase()
        if phase.shape is Shape.TURN:
            return self._turn
        at = self._cursor()
        try:
            page = self._retried(lambda: self._page(phase, at))
        except (BadToken, GaveUp) as error:
            return self._refused(at, error)
        self.got_page_of = phase.name
        step = cursor.after(at, page, None if self._goes_on_in_another_run(phase) else self.limits.pages)
        return partial(self._wait, page.wait_s) if step is Step.WAIT else partial(self._apply, phase, page)

    def _page(self, phase: Phase, at: Cursor) -> Page:
        """The kind's notes change with it, and are kept only once its items are done."""
        self.work.state = copy.deepcopy(self.progress.state)
        return self.kind.page(self.work, phase.name, at.token)

    def _phase(self) -> Phase:
        name = self.progress.phase
        for phase in (*self.course, self.kind.unwind):
            if phase is not None and phase.name == name:
                return phase
        raise JobFailed(f"{self.kind.name} has no phase {name!r}.")

    def _cursor(self) -> Cursor:
        at = self.progress
        resumed = self.got_page_of != at.phase
        return Cursor(at.phase, at.token, at.pages, resumed, at.token_dropped_in)

    def _refused(self, at: Cursor, error: BadToken | GaveUp) -> Next | None:
        """The poison-token guard: from the top again, once in a run and phase."""
        cause = error.error if isinstance(error, GaveUp) else error
        blamed = isinstance(cause, BadToken) or cursor.blames_token(cause)
        if not blamed or cursor.refused(at) is Step.FAIL:
            raise error
        log.warning("%s: token refused, %s begins again: %s", self.claim.job.public_id, at.phase, cause)
        self.progress.restart(counted=self._phase().counted)
        self._checkpoint(self.progress)
        return self._walk

    def _apply(self, phase: Phase, page: Page) -> Next | None:
        tolerant = not phase.fatal or self.progress.turned or self.progress.unwinding
        applying = Applying(self.kind, self.work, phase, tolerant, self._retried)
        results = self.pool.run(applying.one, page.items)
        results += self.pool.run(applying.one, again(results))
        draft = dataclasses.replace(self.progress, state=dict(self.work.state))
        troubles = applying.count(draft, page, results)
        if self._too_many(draft):
            self.progress = draft
            share = f"{draft.failed} of {draft.processed + draft.failed} objects failed."
            return partial(self._fail, Trouble(phase.name, "", "TooManyFailures", share), troubles)
        if page.truncated:
            draft.token, draft.pages = page.token, draft.pages + 1
            if draft.pages >= self.limits.pages and self._goes_on_in_another_run(phase):
                return partial(self._finish, draft, troubles, whole=False)
        elif not self._enter_next(draft):
            return partial(self._finish, draft, troubles)
        if self._must_close(phase, draft):
            self._checkpoint(draft, troubles, closing=True)
            return self._drain
        self._checkpoint(draft, troubles)
        return self._go_on

    def _must_close(self, before: Phase, draft: Progress) -> bool:
        """Whether the bucket still takes writes, and must not in the phase that comes."""
        following = next((phase for phase in self.course if phase.name == draft.phase), None)
        return self.kind.gated and before.writable and following is not None and not following.writable

    def _goes_on_in_another_run(self, phase: Phase) -> bool:
        """Whether a walk that is longer than its budget of pages may be whole later."""
        return self.claim.job.standing and not phase.whole

    def _too_many(self, progress: Progress) -> bool:
        if progress.turned or progress.unwinding:
            return False
        seen = progress.processed + progress.failed
        return seen >= self.limits.failed_after and progress.failed > seen * self.limits.failed_share

    def _enter_next(self, progress: Progress) -> bool:
        """Into the phase after this one. False if this one is the last."""
        names = [phase.name for phase in self.course]
        rest = [] if progress.unwinding else names[names.index(progress.phase) + 1 :]
        if rest:
            progress.enter(rest[0])
        return bool(rest)

    def _go_on(self) -> Next | None:
        """After a checkpoint: another page, or the end of the slice."""
        self.hold.pulse()
        return self._give_back if self.hold.paused or self.pace.over() else self._walk

    def _wait(self, seconds: float) -> Next | None:
        self.progress.state = dict(self.work.state)
        until = time.monotonic() + seconds
        if until >= self.pace.until and not self.hold.stop_requested:
            return partial(self._give_back, seconds)
        while not self.hold.stop_requested and (left := until - time.monotonic()) > 0:
            self.hold.sleep(min(left, 1.0))
        return self._go_on

    def _give_back(self, wait_s: float = 0.0) -> None:
        wait_ms = int(wait_s * 1000)
        self._saved(lambda: claims.give_back(self.claim, self.progress, wait_ms))

    def _turn(self) -> Next | None:
        """The point of no return: nobody is in an effect, and the job moves on with its bucket."""
        phase = self._phase()
        draft = dataclasses.replace(self.progress, turned=True)
        if not self._enter_next(draft):
            draft.phase = ""

        def change() -> None:
            self.work.state = draft.state = copy.deepcopy(self.progress.state)
            with (
                slots.exclusive(slots.WORK, self.claim.job.bucket_id, self.hold.pulse),
                claims.turning(self.claim, draft) as first,
            ):
                if first:
                    self.kind.turn(self.work, phase.name)

        self._retried(change)
        self.progress = draft
        self._open_work()
        return self._go_on if draft.phase else self._finish

    # -- the ends ------------------------------------------------------------------------

    def _finish(
        self, draft: Progress | None = None, troubles: Sequence[Trouble] = (), *, whole: bool = True
    ) -> None:
        end = draft or self.progress
        if self.claim.job.standing:
            end.last_error = ""
            more = End(Event.SUCCEED) if whole else End(Event.SUCCEED, keeps=True, due_s=0)
            return self._end_run(more, end, troubles)

        def settle(event: Event) -> None:
            self._saved(lambda: claims.settle(self.claim, event, end, troubles))

        if not end.unwinding:
            end.last_error = ""
            return settle(Event.SUCCEED)
        try:
            settle(Event.FAIL)
        except Cancelled:
            settle(Event.SETTLE_CANCEL)

    def _end_run(self, end: End, progress: Progress | None = None, troubles: Sequence[Trouble] = ()) -> None:
        """A rule's run is over; its job lives on."""
        self.hold.ending = True
        at = progress or self.progress
        told = dataclasses.replace(end, detail=runs.report(self.kind, at.state))
        self._saved(lambda: claims.end_run(self.claim, told, at, troubles))

    def _defer(self, signal: Deferred) -> Next | None:
        """Something else must come first: the run ends; a one-off goes back in line."""
        log.info("%s: deferred: %s", self.claim.job.public_id, signal)
        self.progress.last_error = str(signal)
        if not self.claim.job.standing:
            return partial(self._give_back, signal.wait_s)
        wait_s = signal.wait_s
        return partial(self._end_run, End(Event.DEFER, DEFERRED, keeps=True, due_s=wait_s, rest_s=wait_s))

    def _fail(
        self, trouble: Trouble, others: Sequence[Trouble] = (), *, keeps: bool | None = None
    ) -> Next | None:
        """An error that retries did not cure. After the turn it only makes the success amber.

        `keeps`: whether the next run of a rule goes on where this one failed. If that is not known, it
        does if this one got on: what can never be done must not hold up all that comes before it.
        """
        log.warning("%s: %s: %s", self.claim.job.public_id, trouble.code, trouble.message)
        progress, troubles = self.progress, [*others, trouble]
        self.fails += 1
        progress.failed += 1
        if progress.turned or progress.unwinding:
            return partial(self._finish, progress, troubles)
        progress.last_error = f"{trouble.code}: {trouble.message}"
        if self.claim.job.standing:
            kept = progress.pages > 0 if keeps is None else keeps
            return partial(self._end_run, End(Event.FAIL, keeps=kept), progress, troubles)
        return partial(self._unwind, troubles)

    def _unwind(self, troubles: Sequence[Trouble] = ()) -> Next | None:
        """Undo what was done, if anything was, and then end as failed or cancelled."""
        self.hold.ending = True
        draft = dataclasses.replace(self.progress, unwinding=True)
        if self.kind.unwind is None or not self.claim.job.has_effects:
            return partial(self._finish, draft, troubles)
        draft.enter(self.kind.unwind.name)
        self._checkpoint(draft, troubles)
        self._open_work()
        return self._walk

    def _stop(self) -> Next | None:
        """An operator ended the rest of a job that can only succeed: what is left is listed."""
        phase, progress = self.progress.phase, self.progress
        page = self._retried(lambda: self.kind.page(self.work, phase, progress.token))
        keys = [item.key for item in page.items] or [""]
        troubles = [Trouble(phase, key, "Stopped", "Left as it is: the job was stopped.") for key in keys]
        total = page.total or progress.phase_total or 0
        progress.failed += max(len(troubles), total - progress.phase_done)
        return partial(self._finish, progress, troubles)

    # -- saved, whatever the database does -------------------------------------------------

    def _checkpoint(
        self, draft: Progress, troubles: Sequence[Trouble] = (), *, closing: bool = False
    ) -> None:
        since = local_ms()
        self._saved(lambda: claims.checkpoint(self.claim, draft, troubles, closing=closing))
        self.hold.renewed(since)
        self.progress = draft
