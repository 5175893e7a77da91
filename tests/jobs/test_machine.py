"""Lease, cursor and gate under any order of events: workers that stop and go on, cancels, reboots.

Every worker keeps its claims for ever and uses them at any later time, as one does that was
stopped for long. A model of ten lines says whose writes may succeed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from jobs import claims, recovery, transitions
from jobs.claims import Claim
from jobs.errors import BucketBusy, Conflict, WorkSignal
from jobs.models import Job, Run
from jobs.progress import Progress
from jobs.states import ACTIVE, TERMINAL, Event
from proxy import gate
from proxy.models import Bucket
from tests.jobs.machines import BOUNDS, TTL_MS, Machine
from tests.jobs.support import Walker, gate_is_open, make_bucket, make_job


class Life(RuleBasedStateMachine):
    """One bucket, its jobs one after another, and everybody who ever claimed one."""

    grants = Bundle("grants")
    names = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        Job.objects.all().delete()
        Bucket.objects.all().delete()
        Machine.now_ms, Machine.boot = 1_000_000, 1
        self.kind, self.bucket = Walker(), make_bucket()
        self.job = make_job(self.kind, self.bucket)
        self.holder: Claim | None = None
        self.ends_ms = 0
        self.ended: dict[int, Any] = {}
        self.pages = 0
        self.epoch = 0

    # -- the model -----------------------------------------------------------------------

    def row(self) -> Job:
        return Job.objects.get(pk=self.job.pk)

    def alive(self, claim: Claim) -> bool:
        """Whether this claim still has its job."""
        return self.holder is claim and Machine.now_ms <= self.ends_ms

    def write(self, claim: Claim, allowed: bool, act: Callable[[], Any]) -> bool:
        """Do it; it must succeed if and only if the model allows it."""
        before = list(Job.objects.order_by("pk").values())
        try:
            act()
        except WorkSignal:
            assert not (allowed and self.alive(claim)), "a write was refused"
            assert list(Job.objects.order_by("pk").values()) == before, "a refused write changed something"
            return False
        assert allowed and self.alive(claim), "a write went through"
        return True

    def progress(self, **change: Any) -> Progress:
        progress = Progress.of(self.row())
        for name, value in change.items():
            setattr(progress, name, value)
        return progress

    # -- what happens ----------------------------------------------------------------------

    @rule(ms=strategies.sampled_from([1, TTL_MS // 3, TTL_MS - 1, TTL_MS, TTL_MS + 1, 10 * TTL_MS]))
    def time_passes(self, ms: int) -> None:
        Machine.now_ms += ms

    @rule()
    def the_machine_starts_anew(self) -> None:
        Machine.now_ms, Machine.boot, self.holder = 1_000, Machine.boot + 1, None

    @rule()
    def another_job_is_asked_for(self) -> None:
        if self.row().status in ACTIVE:
            with pytest.raises(BucketBusy):
                make_job(self.kind, self.bucket)
        else:
            self.job, self.holder, self.pages, self.epoch = make_job(self.kind, self.bucket), None, 0, 0

    @rule(target=grants)
    def a_worker_claims(self) -> Any:
        row = self.row()
        free = self.holder is None or not self.alive(self.holder)
        wanted = (row.status == "queued" and not row.holder) or (row.status == "cancelling" and free)
        claim = claims.claim(row, f"worker {next(self.names)}", has_effects=True)
        assert (claim is not None) is wanted
        if claim is None:
            return multiple()
        assert claim.grant.epoch == self.epoch + 1
        self.holder, self.epoch, self.ends_ms = claim, self.epoch + 1, Machine.now_ms + TTL_MS
        return claim

    @rule(claim=grants)
    def it_renews(self, claim: Claim) -> None:
        assert claims.renew(claim) is self.alive(claim)
        if self.alive(claim):
            self.ends_ms = Machine.now_ms + TTL_MS

    @rule(claim=grants)
    def it_saves_a_page(self, claim: Claim) -> None:
        row = self.row()
        allowed = row.status == "running" or (row.status == "cancelling" and row.unwinding)
        progress = self.progress(pages=self.pages + 1, token=str(self.pages))
        if self.write(claim, allowed, lambda: claims.checkpoint(claim, progress)):
            self.pages, self.ends_ms = self.pages + 1, Machine.now_ms + TTL_MS

    @rule(claim=grants)
    def it_begins_to_unwind(self, claim: Claim) -> None:
        row = self.row()
        progress = self.progress(unwinding=True, turned=False)
        allowed = row.status in ("running", "cancelling") and not row.turned
        if self.write(claim, allowed, lambda: claims.checkpoint(claim, progress)):
            self.ends_ms = Machine.now_ms + TTL_MS

    @rule(claim=grants)
    def it_gives_the_job_back(self, claim: Claim) -> None:
        row, progress = self.row(), self.progress()
        allowed = row.status == "running" or (row.status == "cancelling" and row.unwinding)
        if self.write(claim, allowed, lambda: claims.give_back(claim, progress)):
            self.holder = None

    @rule(claim=grants)
    def it_turns(self, claim: Claim) -> None:
        row, progress = self.row(), self.progress(turned=True)

        def turn() -> None:
            with claims.turning(claim, progress) as first:
                assert first is not row.turned
                assert not first or gate.open(self.bucket.id, row.gate_name)

        allowed = row.turned or (row.status == "running" and not row.unwinding)
        if row.unwinding and not row.turned:
            return  # the engine never turns while it unwinds
        if self.write(claim, allowed, turn) and not row.turned:
            self.ends_ms = Machine.now_ms + TTL_MS

    @rule(claim=grants, event=strategies.sampled_from([Event.SUCCEED, Event.FAIL, Event.SETTLE_CANCEL]))
    def it_settles(self, claim: Claim, event: Event) -> None:
        row, progress = self.row(), self.progress()
        if row.turned and event is Event.FAIL:
            return  # the engine never fails what has turned
        allowed = row.status == ("cancelling" if event is Event.SETTLE_CANCEL else "running")
        if self.write(claim, allowed, lambda: claims.settle(claim, event, progress)):
            self.holder = None

    @rule(claim=consumes(grants))
    def it_dies(self, claim: Claim) -> None:
        """And is never heard of again."""

    @rule()
    def an_operator_cancels(self) -> None:
        row = self.row()
        if row.terminal:
            with pytest.raises(Conflict):
                transitions.request_cancel(row.pk)
        else:
            asked = transitions.request_cancel(row.pk)
            assert asked.status in ("cancelling", "cancelled") or (row.turned and asked.stop_requested)

    @rule()
    def recovery_runs(self) -> None:
        row = self.row()
        zombie = row.holder and not (self.holder and self.alive(self.holder))
        done = recovery.recover()
        assert done.requeued == int(bool(zombie)) and done.gates_opened == 0
        if zombie:
            self.holder = None

    @precondition(lambda self: self.holder is not None)
    @rule()
    def a_window_reads_it(self) -> None:
        assert recovery.refresh(self.job.pk) is not self.alive(self.holder)  # type: ignore[arg-type]
        if not self.alive(self.holder):  # type: ignore[arg-type]
            self.holder = None

    # -- what always holds -------------------------------------------------------------------

    @invariant()
    def the_gate_is_closed_while_the_job_needs_it(self) -> None:
        row = self.row()
        assert gate_is_open(self.bucket.name) is (row.terminal or row.turned)

    @invariant()
    def running_means_leased(self) -> None:
        row = self.row()
        assert (row.holder != "") is (row.status == "running") or row.status == "cancelling"
        assert row.epoch == self.epoch and row.pages == self.pages

    @invariant()
    def a_turned_job_can_only_succeed(self) -> None:
        row = self.row()
        assert not row.turned or row.status in ("queued", "running", "succeeded")

    @invariant()
    def what_has_ended_never_changes(self) -> None:
        for row in Job.objects.filter(status__in=TERMINAL).values():
            assert self.ended.setdefault(row["id"], row) == row
        assert not Run.objects.filter(job__status__in=TERMINAL, finished_at=None).exists()
        assert Run.objects.count() <= Job.objects.count()


@pytest.mark.django_db(transaction=True)
def test_no_order_of_events_breaks_lease_cursor_or_gate(home: Path, machine: None, settings: Any) -> None:
    settings.LEASE_SECONDS = TTL_MS // 1000
    run_state_machine_as_test(Life, settings=BOUNDS)
