"""One rule under any order of events: reloads, operators, schedulers, and workers that stop and go on.

Every worker keeps its claims for ever and uses them at any later time, as one does that was stopped
for long. A model of a few lines says whose writes may succeed.
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
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from jobs import claims, recovery, standing, transitions
from jobs.claims import Claim
from jobs.errors import WorkSignal
from jobs.models import Failure, Job, Run
from jobs.progress import Progress
from jobs.runs import DEFERRED, STOPPED, End
from jobs.standing import Declared
from jobs.states import ACTIVE, Event, Status, sources
from tests.jobs.machines import BOUNDS, TTL_MS, Machine
from tests.jobs.ruled import Ruled

MODES = ("reconcile", "events")
ENDS = [
    End(Event.SUCCEED),
    End(Event.SUCCEED, keeps=True, due_s=0),
    End(Event.FAIL, keeps=True),
    End(Event.FAIL),
    End(Event.DEFER, DEFERRED, keeps=True, due_s=5, rest_s=5),
    End(Event.STOP, STOPPED, keeps=True),
]


class Rule(RuleBasedStateMachine):
    """One rule, its runs one after another, and everybody who ever claimed one."""

    grants = Bundle("grants")
    names = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        Job.objects.all().delete()
        Machine.now_ms, Machine.boot = 1_000_000, 1
        self.kind, self.revision, self.epoch = Ruled(), 1, 0
        self.holder: Claim | None = None
        self.ends_ms = 0
        self.ended: dict[int, Any] = {}
        self.declared()

    # -- the model -----------------------------------------------------------------------

    def row(self) -> Job:
        return Job.objects.get()

    def declared(self, enabled: bool = True) -> None:
        said = Declared("r", "r", "b", {"interval_s": 60}, str(self.revision), enabled)
        standing.declare(self.kind, said)

    def alive(self, claim: Claim | None) -> bool:
        """Whether this claim still has the job."""
        return claim is not None and self.holder is claim and Machine.now_ms <= self.ends_ms

    def wanted(self) -> bool:
        row = self.row()
        return (row.enabled and row.declared) or row.run_anyway

    def write(self, claim: Claim, allowed: bool, act: Callable[[], Any]) -> bool:
        """Do it; it must succeed if and only if the model allows it."""
        before = self.everything()
        try:
            act()
        except WorkSignal:
            assert not (allowed and self.alive(claim)), "a write was refused"
            assert self.everything() == before, "a refused write changed something"
            return False
        assert allowed and self.alive(claim), "a write went through"
        return True

    def everything(self) -> list[Any]:
        return [list(model.objects.order_by("pk").values()) for model in (Job, Run, Failure)]

    def progress(self, claim: Claim, more: int) -> Progress:
        """What a worker believes, who has done so much more since it last saved."""
        progress = Progress.of(self.row() if self.alive(claim) else claim.job)
        progress.phase, progress.token = "reconcile", str(progress.processed + more)
        progress.processed += more
        return progress

    # -- what happens ----------------------------------------------------------------------

    @rule(ms=strategies.sampled_from([1, 6_000, TTL_MS - 1, TTL_MS, TTL_MS + 1]))
    def time_passes(self, ms: int) -> None:
        Machine.now_ms += ms

    @rule()
    def the_machine_starts_anew(self) -> None:
        Machine.now_ms, Machine.boot, self.holder = 1_000, Machine.boot + 1, None

    @rule(enabled=strategies.booleans())
    def the_rules_are_taken_over(self, enabled: bool) -> None:
        self.declared(enabled)

    @rule()
    def the_rule_is_changed(self) -> None:
        self.revision += 1
        self.declared()
        self.holder, self.epoch = None, self.epoch + 1
        row = self.row()
        assert (row.phase, row.kept, row.state) == ("", {}, {}) and row.status not in ACTIVE

    @rule()
    def the_rule_goes_away(self) -> None:
        standing.withdraw(self.row())

    @rule()
    def an_operator_pauses(self) -> None:
        assert standing.pause(self.row()) or self.row().paused

    @rule()
    def an_operator_resumes(self) -> None:
        assert standing.resume(self.row()) or not self.row().paused

    @rule(mode=strategies.sampled_from(MODES), anyway=strategies.booleans())
    def somebody_begins_a_run(self, mode: str, anyway: bool) -> None:
        row = self.row()
        awake = row.enabled and not row.paused
        run = standing.enqueue(row, mode, "tests", anyway=anyway)
        assert (run is not None) is (
            row.status in sources(Event.ENQUEUE) and row.declared and (awake or anyway)
        )
        if run is not None:
            now = self.row()
            assert [now.phase, now.token] == row.kept.get(mode, ["", None]) and now.processed == 0

    @rule(target=grants, first=strategies.booleans())
    def a_worker_claims(self, first: bool) -> Any:
        """`first`: whatever is in the way of a run is seen to."""
        if first:
            self.declared()
            standing.resume(self.row())
            standing.enqueue(self.row(), MODES[0], "tests")
        row = self.row()
        going = not row.paused or row.run_anyway
        allowed = row.status == Status.QUEUED and self.wanted() and going
        claim = claims.claim(row, f"worker {next(self.names)}", has_effects=False)
        assert (claim is not None) is allowed
        if claim is None:
            return multiple()
        self.holder, self.epoch, self.ends_ms = claim, self.epoch + 1, Machine.now_ms + TTL_MS
        return claim

    @rule(claim=grants)
    def it_renews(self, claim: Claim) -> None:
        assert claims.renew(claim) is self.alive(claim)
        if self.alive(claim):
            self.ends_ms = Machine.now_ms + TTL_MS

    @rule(claim=grants)
    def it_saves_a_page(self, claim: Claim) -> None:
        progress = self.progress(claim, 3)
        if self.write(claim, True, lambda: claims.checkpoint(claim, progress)):
            self.ends_ms = Machine.now_ms + TTL_MS

    @rule(claim=grants, late=strategies.booleans())
    def it_gives_the_job_back(self, claim: Claim, late: bool) -> None:
        """`late`: its rule has been disabled since it looked."""
        if late:
            self.declared(enabled=False)
        progress = self.progress(claim, 0)
        if self.write(claim, self.wanted(), lambda: claims.give_back(claim, progress)):
            self.holder = None

    @rule(claim=grants, end=strategies.sampled_from(ENDS))
    def it_ends_the_run(self, claim: Claim, end: End) -> None:
        progress, before = self.progress(claim, 1), self.row()
        if not self.write(claim, True, lambda: claims.end_run(claim, end, progress)):
            return
        self.holder, row = None, self.row()
        others = {mode: at for mode, at in before.kept.items() if mode != before.mode}
        kept = {before.mode: [progress.phase, progress.token]} if end.keeps else {}
        assert row.kept == {**others, **kept} and not row.run_anyway

    @rule()
    def recovery_runs(self) -> None:
        row = self.row()
        zombie = row.status == Status.RUNNING and not self.alive(self.holder)
        assert recovery.recover().failed == int(zombie)
        if zombie:
            self.holder = None
            assert self.row().crashes == (row.crashes + 1) % transitions.MOST_LOST
            assert Failure.objects.latest("pk").code == "WorkerLost"

    # -- what always holds -------------------------------------------------------------------

    @invariant()
    def running_means_leased_and_on_its_way_means_an_open_run(self) -> None:
        row = self.row()
        assert (row.holder != "") is (row.status == Status.RUNNING) and row.epoch == self.epoch
        assert Run.objects.filter(finished_at=None).count() == int(row.status in ACTIVE)

    @invariant()
    def nothing_waits_that_nobody_may_take(self) -> None:
        assert self.row().status != Status.QUEUED or self.wanted()

    @invariant()
    def the_history_is_true_and_never_changes(self) -> None:
        for run in Run.objects.exclude(finished_at=None).values():
            assert self.ended.setdefault(run["id"], run) == run
        total = sum(run["objects_processed"] for run in self.ended.values())
        assert self.row().lifetime_objects == total


@pytest.mark.django_db(transaction=True)
def test_no_order_of_events_breaks_a_rules_lease_cursor_or_history(
    home: Path, machine: None, settings: Any
) -> None:
    settings.LEASE_SECONDS = TTL_MS // 1000
    run_state_machine_as_test(Rule, settings=BOUNDS)
