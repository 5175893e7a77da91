"""Every Kind in KINDS: killed anywhere and taken up again it ends the same; undone, nothing is left.

The workers are real processes that die by SIGKILL at each boundary of effect, checkpoint, turn
and settle, one boundary after the other, until the job has ended.
"""

from __future__ import annotations

from typing import Any

import pytest

from jobs.kinds import KINDS
from jobs.kinds.base import Shape
from tests.contracts.samples import SAMPLES
from tests.contracts.work_place import Services, Workers
from tests.sites import Site

pytestmark = pytest.mark.crash

CASES = [(name, index) for name, samples in SAMPLES.items() for index in range(len(samples))]
TURNS = {
    name: [phase.name for phase in kind.phases if phase.shape is Shape.TURN] for name, kind in KINDS.items()
}
BEFORE_TURN = [
    (name, phase.name)
    for name, kind in KINDS.items()
    for phase in kind.phases
    if not TURNS[name] or kind.phases.index(phase) <= [p.name for p in kind.phases].index(TURNS[name][0])
]


def _failed(case: tuple[str, int]) -> int:
    return SAMPLES[case[0]][case[1]].failed


def _expected(workers: Workers, case: tuple[str, int]) -> Any:
    return SAMPLES[case[0]][case[1]].ends(workers.before)


def _without_seals(state: dict[str, Any]) -> dict[str, Any]:
    """What clients can see: how bodies are sealed is no matter of theirs, and need not be undone."""
    return {name: value for name, value in state.items() if name not in ("sealing", "keys")}


def test_every_kind_has_a_sample() -> None:
    assert set(SAMPLES) == set(KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_says_what_the_engine_must_know(name: str) -> None:
    kind = KINDS[name]
    names = [phase.name for phase in (*kind.phases, kind.unwind) if phase is not None]
    assert kind.name == name
    assert kind.subsystem and ":" not in kind.subsystem
    assert len(set(names)) == len(names)
    assert sum(phase.shape is Shape.TURN for phase in kind.phases) <= 1
    assert sum(phase.counted for phase in kind.phases) <= 1
    assert sum(phase.share for phase in kind.phases) == 100
    assert kind.concurrency >= 1


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_job_that_nobody_disturbs_ends_as_its_sample_says(
    case: tuple[str, int], sqlite_site: Site, s3_services: Services
) -> None:
    workers = Workers(sqlite_site, *case, s3_services)
    row = workers.work()
    assert (row["status"], row["failed"], row["error"]) == ("succeeded", _failed(case), "")
    assert workers.ask("state") == _expected(workers, case)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_killed_at_each_boundary_it_comes_to_the_same_end(
    case: tuple[str, int], sqlite_site: Site, s3_services: Services
) -> None:
    workers = Workers(sqlite_site, *case, s3_services)
    row = workers.work(kill=True)
    assert (row["status"], row["failed"]) == ("succeeded", _failed(case))
    assert row["runs"] == ["succeeded"]
    assert workers.ask("state") == _expected(workers, case)
    assert workers.kills > 50
    print(f"{case}: {workers.kills} workers were killed")


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("name", "phase"), BEFORE_TURN)
def test_cancelled_in_any_phase_before_the_turn_nothing_is_left(
    name: str, phase: str, sqlite_site: Site
) -> None:
    """The unwinding is killed at each of its boundaries too."""
    workers = Workers(sqlite_site, name, 0)
    workers.until(phase)
    workers.ask("cancel", job=workers.job)
    row = workers.work(kill=True)
    assert row["status"] == "cancelled"
    assert row["runs"] == ["cancelled"]
    assert _without_seals(workers.ask("state")) == _without_seals({**workers.before, "gate": None})


@pytest.mark.parametrize(("name", "phase"), [each for each in BEFORE_TURN if each[1] not in TURNS[each[0]]])
def test_a_token_that_is_refused_is_dropped_once_and_the_end_is_the_same(
    name: str, phase: str, sqlite_site: Site
) -> None:
    workers = Workers(sqlite_site, name, 0)
    workers.until(phase)
    workers.ask("spoil", job=workers.job)
    row = workers.work()
    assert row["status"] == "succeeded"
    assert workers.ask("state") == _expected(workers, (name, 0))


@pytest.mark.parametrize(("name", "index"), [case for case in CASES if TURNS[case[0]]])
def test_cancelled_after_the_turn_it_succeeds_and_leaves_the_rest_as_it_is(
    name: str, index: int, sqlite_site: Site, s3_services: Services
) -> None:
    workers = Workers(sqlite_site, name, index, s3_services)
    phases = [phase.name for phase in KINDS[name].phases]
    workers.until(phases[phases.index(TURNS[name][0]) + 1])
    turned = workers.ask("state")
    workers.ask("cancel", job=workers.job)
    assert workers.work(kill=True)["status"] == "succeeded"
    assert workers.ask("state") == {**turned, "gate": None}
