"""The breaker's states, with time as a number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.backends.s3.breaker import (
    CLOSED,
    FIRST_REST,
    IN_A_ROW,
    LEAST_CALLS,
    LONGEST_REST,
    OPEN,
    TRIAL_SECONDS,
    TRYING,
    WINDOW_SECONDS,
    Breaker,
    NeverOpen,
    State,
    admit,
    failed,
    succeeded,
    withdrawn,
)


def _opened(now: float = 0.0) -> State:
    state = State()
    for _ in range(IN_A_ROW):
        state = failed(state, state.turn, now)
    return state


def test_failures_in_a_row_open_it_and_a_success_between_them_does_not() -> None:
    state = State()
    for _ in range(IN_A_ROW - 1):
        state = failed(state, state.turn, 0.0)
    assert admit(state, 0.0)[1]
    state = succeeded(state, state.turn, 0.0)
    for _ in range(IN_A_ROW - 1):
        state = failed(state, state.turn, 0.0)
    assert state.phase == CLOSED
    assert failed(state, state.turn, 0.0).phase == OPEN


def test_a_share_of_failures_within_a_window_opens_it() -> None:
    state = State()
    for number in range(LEAST_CALLS - 1):
        state = (failed if number % 2 else succeeded)(state, state.turn, 0.0)
    assert state.phase == CLOSED
    assert failed(state, state.turn, 0.0).phase == OPEN


def test_failures_of_an_earlier_window_do_not_count() -> None:
    state = State()
    for number in range(10 * LEAST_CALLS):
        now = number * (WINDOW_SECONDS / (LEAST_CALLS - 2))
        state = (failed if number % 2 else succeeded)(state, state.turn, now)
    assert state.phase == CLOSED


def test_while_open_nothing_passes_then_one_trial_at_a_time() -> None:
    state = _opened()
    assert not admit(state, FIRST_REST - 0.01)[1]
    state, may = admit(state, FIRST_REST)
    assert (may, state.phase) == (True, TRYING)
    assert not admit(state, FIRST_REST + 1)[1]
    closed = succeeded(state, state.turn, FIRST_REST + 1)
    assert (closed.phase, closed.in_a_row) == (CLOSED, 0)


def test_each_failed_trial_doubles_the_rest_up_to_a_bound() -> None:
    state, now, rests = _opened(), 0.0, []
    for _ in range(10):
        now = state.until
        state, may = admit(state, now)
        assert may
        state = failed(state, state.turn, now)
        rests.append(state.until - now)
    assert rests[:3] == [FIRST_REST * 2, FIRST_REST * 4, FIRST_REST * 8]
    assert rests[-1] == LONGEST_REST


def test_a_trial_that_is_not_heard_of_does_not_keep_the_next_one_away() -> None:
    state, _ = admit(_opened(), FIRST_REST)
    lost = state.turn
    assert not admit(state, FIRST_REST + TRIAL_SECONDS - 0.01)[1]
    state, may = admit(state, FIRST_REST + TRIAL_SECONDS)
    assert may
    assert succeeded(state, lost, FIRST_REST + TRIAL_SECONDS) == state


def test_a_trial_that_says_nothing_gives_its_turn_to_the_next() -> None:
    state, _ = admit(_opened(), FIRST_REST)
    state = withdrawn(state, state.turn, FIRST_REST)
    assert admit(state, FIRST_REST)[1]
    assert withdrawn(State(), 0, 0.0) == State()


@pytest.mark.parametrize("report", [succeeded, failed, withdrawn])
def test_what_a_call_of_an_earlier_turn_reports_is_no_news(report: object) -> None:
    state = _opened()
    assert report(state, 0, 1.0) == state  # type: ignore[operator]


@given(st.lists(st.tuples(st.sampled_from(["ok", "bad", "gone"]), st.floats(0, 100)), max_size=80))
def test_it_always_comes_back(steps: list[tuple[str, float]]) -> None:
    state, now = State(), 0.0
    report = {"ok": succeeded, "bad": failed, "gone": withdrawn}
    for what, passed in steps:
        now += passed
        state, may = admit(state, now)
        if may:
            state = report[what](state, state.turn, now)
        assert state.until <= now + max(LONGEST_REST, TRIAL_SECONDS)
    state, may = admit(state, max(now, state.until))
    assert may
    assert succeeded(state, state.turn, now).phase == CLOSED


def test_the_breaker_of_threads_says_how_long_to_wait() -> None:
    breaker = Breaker("cloud")
    for _ in range(IN_A_ROW):
        turn = breaker.admit(10.0)
        assert turn is not None
        breaker.failed(turn, 10.0)
    assert breaker.admit(10.5) is None
    assert breaker.wait(10.25) == FIRST_REST - 0.25
    breaker.renew()
    assert (breaker.admit(10.5), breaker.wait(10.5)) == (0, 0.0)


def test_one_that_never_opens() -> None:
    breaker = NeverOpen("cloud")
    for _ in range(100):
        turn = breaker.admit(0.0)
        assert turn is not None
        breaker.failed(turn, 0.0)
