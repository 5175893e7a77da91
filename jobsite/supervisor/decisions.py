"""What to do with a child: pure. Times are seconds of `processes.now`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

BACKOFF_FIRST = 0.5
BACKOFF_MOST = 30.0
HEALTHY_SECONDS = 60.0
"""Alive for so long: the next death is a first one again."""
START_SECONDS = 45.0
"""What a child may take for its first sign of life."""


class Action(StrEnum):
    """What is to be done with a child now."""

    NONE = "none"
    START = "start"
    KILL = "kill"  # its whole process group


@dataclass(frozen=True, slots=True)
class Child:
    """What the supervisor knows of one child. `started` is None while it is down."""

    started: float | None = None
    exited: bool = False
    deaths: int = 0
    """In a row, without a healthy time between them."""
    died: float = 0.0


@dataclass(frozen=True, slots=True)
class Signs:
    """What was seen of a child from outside.

    `silence`: seconds since its last sign of life, None if there never was one or nobody could
    look; `looked`: whether somebody could. `limit`: how long it may be silent. `stopped`:
    seconds for which its first process has been stopped by a signal.
    """

    looked: bool = False
    silence: float | None = None
    limit: float = 30.0
    stopped: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    action: Action
    reason: str = ""


def backoff(deaths: int) -> float:
    """Seconds to wait before the start after that many deaths in a row: doubling, bounded."""
    return 0.0 if deaths == 0 else min(BACKOFF_MOST, BACKOFF_FIRST * 2.0 ** min(deaths - 1, 20))


def judge(child: Child, signs: Signs, now: float) -> Verdict:
    """Start it, kill its group, or leave it alone."""
    if child.started is None:
        due = now >= child.died + backoff(child.deaths)
        return Verdict(Action.START if due else Action.NONE)
    if child.exited:
        return Verdict(Action.KILL, "it ended")
    if signs.stopped > signs.limit:
        return Verdict(Action.KILL, f"it has been stopped for {signs.stopped:.0f} s")
    if not signs.looked:
        return Verdict(Action.NONE)
    age = now - child.started
    if signs.silence is None or signs.silence > age:  # what was heard is from an earlier life
        silence, limit = age, max(START_SECONDS, signs.limit)
    else:
        silence, limit = signs.silence, signs.limit
    if silence > limit:
        return Verdict(Action.KILL, f"no sign of life for {silence:.0f} s")
    return Verdict(Action.NONE)


def after_death(child: Child, now: float) -> Child:
    """The same child, down."""
    healthy = child.started is not None and now - child.started >= HEALTHY_SECONDS
    return Child(deaths=1 if healthy else child.deaths + 1, died=now)


def after_start(child: Child, now: float) -> Child:
    return Child(started=now, deaths=child.deaths)
