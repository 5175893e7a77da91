"""Every Kind in KINDS: killed anywhere and taken up again it ends the same; undone, nothing is left.

The workers are real processes that die by SIGKILL at each boundary of effect, checkpoint, turn
and settle, one boundary after the other, until the job has ended.
"""

from __future__ import annotations

from typing import Any

import pytest

from jobs.kinds import KINDS
from jobs.kinds.base import Action, Phase, Shape, by_rule, course
from tests.contracts.samples import SAMPLES
from tests.contracts.work_place import Services, Workers
from tests.sites import Site

pytestmark = pytest.mark.crash

Case = tuple[str, int]
"""A kind, and which of its samples."""

CASES = [(name, index) for name, samples in SAMPLES.items() for index in range(len(samples))]
QUIET = [(name, index) for name, index in CASES if SAMPLES[name][index].meanwhile is None]
"""Those in which only the job changes something."""
KILLED = [(name, index) for name, index in QUIET if not SAMPLES[name][index].spared]
FIRST = {(name, SAMPLES[name][index].mode): (name, index) for name, index in reversed(CASES)}
"""The first sample of each mode of a kind."""
ALL = {name: kind for name, kind in KINDS.items() if name in SAMPLES}


def _phases(case: Case) -> list[Phase]:
    """The phases that a sample goes through."""
    name, index = case
    return list(course(ALL[name], SAMPLES[name][index].mode))


def _turn(case: Case) -> str | None:
    return next((phase.name for phase in _phases(case) if phase.shape is Shape.TURN), None)


def _up_to_the_turn(case: Case) -> list[str]:
    names = [phase.name for phase in _phases(case)]
    turn = _turn(case)
    return names if turn is None else names[: names.index(turn) + 1]


IN_PHASES = [(*case, phase) for case in FIRST.values() for phase in _up_to_the_turn(case)]
BEFORE_TURN = [each for each in IN_PHASES if Action.CANCEL in ALL[each[0]].actions]
WALKS = [each for each in IN_PHASES if each[2] != _turn(each[:2])]


def _failed(case: Case) -> int:
    return SAMPLES[case[0]][case[1]].failed


def _expected(workers: Workers, case: Case) -> Any:
    return SAMPLES[case[0]][case[1]].ends(workers.before)


def _without_seals(state: dict[str, Any]) -> dict[str, Any]:
    """What clients can see: how bodies are sealed is no matter of theirs, and need not be undone."""
    return {name: value for name, value in state.items() if name not in ("sealing", "keys")}


def test_every_kind_has_a_sample() -> None:
    assert set(SAMPLES) == set(KINDS)


@pytest.mark.parametrize("name", ALL)
def test_a_kind_says_what_the_engine_must_know(name: str) -> None:
    kind = ALL[name]
    names = [phase.name for phase in (*kind.phases, kind.unwind) if phase is not None]
    assert kind.name == name
    assert kind.subsystem and ":" not in kind.subsystem
    assert len(set(names)) == len(names)
    assert kind.concurrency >= 1
    turns = [phase for phase in kind.phases if phase.shape is Shape.TURN]
    for mode in kind.modes:
        phases = course(kind, mode)
        assert phases and sum(phase.shape is Shape.TURN for phase in phases) <= 1
        assert sum(phase.counted for phase in phases) <= 1
        assert sum(phase.share for phase in phases) == 100
    assert by_rule(kind) == ("" not in kind.modes), "a one-off has one way through that needs no name"
    assert not by_rule(kind) or (not kind.gated and kind.unwind is None and not turns)


@pytest.mark.parametrize("case", QUIET, ids=str)
def test_a_job_that_nobody_disturbs_ends_as_its_sample_says(
    case: Case, sqlite_site: Site, s3_services: Services
) -> None:
    workers = Workers(sqlite_site, *case, s3_services)
    row = workers.work()
    assert (row["status"], row["failed"], row["error"]) == ("succeeded", _failed(case), "")
    assert workers.ask("state") == _expected(workers, case)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("case", KILLED, ids=str)
def test_killed_at_each_boundary_it_comes_to_the_same_end(
    case: Case, sqlite_site: Site, s3_services: Services
) -> None:
    workers = Workers(sqlite_site, *case, s3_services)
    row = workers.work(kill=True)
    assert row["status"] == "succeeded"
    *lost, last = row["runs"]
    assert last == "succeeded"
    if by_rule(ALL[case[0]]):
        assert lost == ["failed"] * (workers.kills - 1), "all but the worker that was lost after the end"
    else:
        assert (lost, row["failed"]) == ([], _failed(case))
    assert workers.ask("state") == _expected(workers, case)
    assert workers.kills > 15
    print(f"{case}: {workers.kills} workers were killed")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("case", [case for case in CASES if case not in QUIET], ids=str)
def test_killed_at_each_boundary_while_a_client_writes_nothing_of_it_is_lost(
    case: Case, sqlite_site: Site
) -> None:
    """Both places are equal in the end, with all that was acknowledged before the gate closed."""
    workers = Workers(sqlite_site, *case)
    row = workers.work(kill=True)
    assert (row["status"], row["failed"], row["runs"]) == ("succeeded", _failed(case), ["succeeded"])
    after = workers.ask("state")
    assert (after["backend"], after["gate"]) == ("archive", None)
    assert after["beside"] == [after["bucket"]]
    written = {key for key in workers.acknowledged if key is not None}
    assert len(written) > 5
    assert written <= {version["key"] for version in after["bucket"]["history"]}
    print(f"{case}: {workers.kills} workers were killed, {len(written)} keys were written meanwhile")


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("name", "index", "phase"), BEFORE_TURN)
def test_cancelled_in_any_phase_before_the_turn_nothing_is_left(
    name: str, index: int, phase: str, sqlite_site: Site
) -> None:
    """The unwinding is killed at each of its boundaries too."""
    workers = Workers(sqlite_site, name, index)
    workers.until(phase)
    workers.ask("cancel", job=workers.job)
    row = workers.work(kill=True)
    assert row["status"] == "cancelled"
    assert row["runs"] == ["cancelled"]
    assert _without_seals(workers.ask("state")) == _without_seals({**workers.before, "gate": None})


@pytest.mark.parametrize(("name", "index", "phase"), WALKS)
def test_a_token_that_is_refused_is_dropped_once_and_the_end_is_the_same(
    name: str, index: int, phase: str, sqlite_site: Site
) -> None:
    workers = Workers(sqlite_site, name, index)
    workers.until(phase)
    workers.ask("spoil", job=workers.job)
    row = workers.work()
    assert row["status"] == "succeeded"
    assert workers.ask("state") == _expected(workers, (name, index))


@pytest.mark.parametrize(("name", "index"), [case for case in QUIET if _turn(case) is not None])
def test_cancelled_after_the_turn_it_succeeds_and_leaves_the_rest_as_it_is(
    name: str, index: int, sqlite_site: Site, s3_services: Services
) -> None:
    workers = Workers(sqlite_site, name, index, s3_services)
    workers.until(_phases((name, index))[len(_up_to_the_turn((name, index)))].name)
    turned = workers.ask("state")
    workers.ask("cancel", job=workers.job)
    assert workers.work(kill=True)["status"] == "succeeded"
    assert workers.ask("state") == {**turned, "gate": None}
