"""A circuit breaker: a service that fails is left alone for a while, then tried by one call at a time.

The states and their changes are pure, with time (seconds, monotonic) passed in; `Breaker` keeps the
state of one service for the threads of this process.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace

_log = logging.getLogger(__name__)

CLOSED, OPEN, TRYING = "closed", "open", "trying"

IN_A_ROW = 5
"""So many failures without a success between them open it,"""
WINDOW_SECONDS = 10.0
LEAST_CALLS = 20
SHARE = 0.5
"""or this share of at least LEAST_CALLS within a window."""
FIRST_REST = 1.0
LONGEST_REST = 30.0
"""Seconds that it stays open: twice as long after each trial that failed."""
TRIAL_SECONDS = 60.0
"""A trial that is not heard of for so long does not keep the next one away."""


@dataclass(frozen=True, slots=True)
class State:
    """`turn` counts changes of phase: what a call of an earlier turn reports is no news."""

    phase: str = CLOSED
    turn: int = 0
    in_a_row: int = 0
    calls: int = 0
    failures: int = 0
    window_ends: float = 0.0
    until: float = 0.0
    rest: float = FIRST_REST


def admit(state: State, now: float) -> tuple[State, bool]:
    """Whether a call may go out at this moment."""
    if state.phase == CLOSED:
        return state, True
    if now < state.until:
        return state, False
    return replace(state, phase=TRYING, turn=state.turn + 1, until=now + TRIAL_SECONDS), True


def succeeded(state: State, turn: int, now: float) -> State:
    """A call of that turn was answered."""
    if turn != state.turn:
        return state
    if state.phase != CLOSED:
        return State(turn=state.turn + 1)
    return replace(_counted(state, now), in_a_row=0)


def failed(state: State, turn: int, now: float) -> State:
    """A call of that turn failed in a way that says that the service is ill."""
    if turn != state.turn:
        return state
    if state.phase == TRYING:
        return _open(state, now, min(state.rest * 2, LONGEST_REST))
    counted = _counted(state, now)
    counted = replace(counted, in_a_row=state.in_a_row + 1, failures=counted.failures + 1)
    many = counted.calls >= LEAST_CALLS and counted.failures >= SHARE * counted.calls
    return _open(counted, now, FIRST_REST) if many or counted.in_a_row >= IN_A_ROW else counted


def withdrawn(state: State, turn: int, now: float) -> State:
    """A call of that turn ended by itself and says nothing about the service."""
    if turn == state.turn and state.phase == TRYING:
        return replace(state, phase=OPEN, turn=state.turn + 1, until=now)
    return state


def _counted(state: State, now: float) -> State:
    if now >= state.window_ends:
        return replace(state, calls=1, failures=0, window_ends=now + WINDOW_SECONDS)
    return replace(state, calls=state.calls + 1)


def _open(state: State, now: float, rest: float) -> State:
    return State(phase=OPEN, turn=state.turn + 1, until=now + rest, rest=rest)


class Breaker:
    """The state of one service in this process. Forked children begin closed: see `renew`."""

    def __init__(self, backend: str) -> None:
        self.backend = backend
        self.state = State()
        self._lock = threading.Lock()

    def admit(self, now: float) -> int | None:
        """The turn of the call, or None if it must not go out."""
        if self.state.phase == CLOSED:
            return self.state.turn
        with self._lock:
            self.state, may = admit(self.state, now)
            return self.state.turn if may else None

    def succeeded(self, turn: int, now: float) -> None:
        with self._lock:
            self.state = succeeded(self.state, turn, now)

    def failed(self, turn: int, now: float) -> None:
        with self._lock:
            before = self.state.phase
            self.state = failed(self.state, turn, now)
            opened = self.state.phase == OPEN and before == CLOSED
        if opened:
            _log.warning("backend %s failed again and again and is left alone for a while", self.backend)

    def withdrawn(self, turn: int, now: float) -> None:
        with self._lock:
            self.state = withdrawn(self.state, turn, now)

    def wait(self, now: float) -> float:
        """Seconds until a call may be tried; 0 if one may now."""
        state = self.state
        return 0.0 if state.phase == CLOSED else max(0.0, state.until - now)

    def renew(self) -> None:
        """As new; the lock may have been held by a thread that a fork left behind."""
        self.state, self._lock = State(), threading.Lock()


class NeverOpen(Breaker):
    """One that lets every call pass, whatever becomes of them."""

    def failed(self, turn: int, now: float) -> None:
        pass
