"""The supervisor's loop: judge each child, act on it, and end all of them in order."""

from __future__ import annotations

import itertools
import logging
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType

from jobsite.supervisor.decisions import Action, Child, Signs, after_death, after_start, judge
from jobsite.supervisor.processes import Group, has_terminal, now

log = logging.getLogger("sluicegate.supervisor")
STEP = 0.2


@dataclass(frozen=True)
class Spec:
    """A child: how it is started, looked at, and ended."""

    name: str
    command: Sequence[str]
    signs: Callable[[float], Signs]
    patience: float
    """Seconds that it may take to end after SIGTERM."""
    orphaned: signal.Signals = signal.SIGKILL
    """What it gets if the supervisor itself is killed."""
    turn: int = 0
    """The children are ended in this order; those of one number at the same time."""
    reloads: bool = False
    """It takes SIGHUP, with which the supervisor is told of a new configuration."""


@dataclass
class Ward:
    """One child under watch."""

    spec: Spec
    environ: Mapping[str, str]
    child: Child = field(default_factory=Child)
    group: Group | None = None
    stopped_at: float | None = None
    deadline: float = 0.0
    """When it is killed, once it was asked to end."""

    def step(self, moment: float) -> None:
        """Look, decide, act."""
        child, signs = self.child, Signs()
        if self.group is not None:
            child = Child(child.started, self.group.exited(), child.deaths, child.died)
            signs = self._signs(moment)
        verdict = judge(child, signs, moment)
        if verdict.action is Action.START:
            self._start(moment)
        elif verdict.action is Action.KILL:
            self._kill(moment, verdict.reason)

    def _signs(self, moment: float) -> Signs:
        assert self.group is not None
        if not self.group.stopped():
            self.stopped_at = None
        elif self.stopped_at is None:
            self.stopped_at = moment
        signs = self.spec.signs(moment)
        stopped = moment - self.stopped_at if self.stopped_at is not None else 0.0
        return Signs(signs.looked, signs.silence, signs.limit, stopped)

    def _start(self, moment: float) -> None:
        held = {signal.SIGHUP} if self.spec.reloads else set()
        self.group = Group(self.spec.command, self.environ, self.spec.orphaned, held)
        self.child, self.stopped_at = after_start(self.child, moment), None
        log.info("%s started, pid %d", self.spec.name, self.group.pid)

    def _kill(self, moment: float, reason: str) -> None:
        assert self.group is not None
        status = self.group.kill()
        self.group, self.child = None, after_death(self.child, moment)
        log.error(
            "%s: %s (exit status %d); its processes were killed, starting anew",
            self.spec.name,
            reason,
            status,
        )

    def reload(self) -> None:
        """SIGHUP, to a child that takes it."""
        if self.group is not None and self.spec.reloads:
            self.group.signal(signal.SIGHUP)

    def terminate(self) -> None:
        """SIGTERM; `end` waits for it."""
        if self.group is not None:
            self.group.signal(signal.SIGTERM)
        self.deadline = now() + self.spec.patience

    def end(self, hurry: Callable[[], bool]) -> bool:
        """Wait, then SIGKILL what is left; whether it went by itself."""
        if self.group is None:
            return True
        while not self.group.exited() and now() < self.deadline and not hurry():
            time.sleep(0.05)
        went = self.group.exited()
        self.group.kill()
        self.group = None
        log.info("%s ended%s", self.spec.name, "" if went else ": it had to be killed")
        return went


class Supervisor:
    """Keeps its children alive until SIGINT or SIGTERM; a second signal kills them at once.

    SIGHUP is passed on to those that take it, unless it says that our terminal was closed: that ends us.
    """

    def __init__(self, specs: Sequence[Spec], environ: Mapping[str, str]) -> None:
        self._wards = sorted((Ward(spec, environ) for spec in specs), key=lambda ward: ward.spec.turn)
        self._signals = 0
        self._reload = False
        self._terminal = has_terminal()

    def run(self, each_step: Callable[[], None]) -> bool:
        """Until a signal; then end the children in their order. Whether all went by themselves."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)
        signal.signal(signal.SIGHUP, self._hang_up)
        try:
            while not self._signals:
                for ward in self._wards:
                    ward.step(now())
                self._pass_on()
                each_step()
                time.sleep(STEP)
        finally:
            went = self._end()
        return went

    def _pass_on(self) -> None:
        if self._reload:
            self._reload = False
            for ward in self._wards:
                ward.reload()

    def _end(self) -> bool:
        went = []
        for _, wards in itertools.groupby(self._wards, lambda ward: ward.spec.turn):
            together = list(wards)
            for ward in together:
                ward.terminate()
            went += [ward.end(lambda: self._signals > 1) for ward in together]
        return all(went)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1

    def _hang_up(self, number: int, frame: FrameType | None) -> None:
        if self._terminal and not has_terminal():
            self._note(number, frame)
        self._reload = True
