"""How fast copies go, and how long one may take.

Only bytes that come through this process count: what a backend links or a service copies by itself calls
for no piece.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from proxy.backends.values import PIECE_BYTES, Pulse
from proxy.errors import RequestTimeout

Monotonic = Callable[[], float]
Sleep = Callable[[float], None]

_NAP_S = 0.2


class Throttle:
    """So many bytes per second over all threads: a token bucket that begins empty and holds one second."""

    def __init__(self, rate: int, monotonic: Monotonic = time.monotonic) -> None:
        self._rate = rate
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._tokens = 0.0
        self._filled = monotonic()

    def take(self, amount: int) -> float:
        """Take tokens for so many bytes; how many seconds to wait until they are there."""
        with self._lock:
            now = self._monotonic()
            self._tokens = min(self._rate, self._tokens + (now - self._filled) * self._rate) - amount
            self._filled = now
            return max(0.0, -self._tokens / self._rate)


@dataclass(frozen=True, slots=True)
class Pacing:
    """The terms of copies: the pulse of the work, seconds for one object, and bytes per second for all."""

    pulse: Pulse
    timeout_s: float | None = None
    throttle: Throttle | None = None
    monotonic: Monotonic = time.monotonic
    sleep: Sleep = time.sleep

    def begin(self, length: int) -> Pace:
        """For one body of so many bytes, which begins now."""
        return Pace(self, length)


class Pace:
    """The pulse of one body, called once for each piece of at most PIECE_BYTES.

    The time that the throttle takes is not the object's.
    """

    def __init__(self, pacing: Pacing, length: int) -> None:
        self._pacing = pacing
        self._left = length
        self._until = pacing.monotonic() + (pacing.timeout_s or float("inf"))
        self.moved = 0

    def __call__(self) -> None:
        """Raises RequestTimeout, and what the pulse of the work raises."""
        self._pacing.pulse()
        amount = min(PIECE_BYTES, self._left)
        self._left -= amount
        self.moved += amount
        if self._pacing.throttle is not None:
            self._wait(self._pacing.throttle.take(amount))
        if self._pacing.monotonic() > self._until:
            raise RequestTimeout(f"The copy took longer than {self._pacing.timeout_s:g} seconds.")

    def _wait(self, seconds: float) -> None:
        self._until += seconds
        while seconds > 0:
            self._pacing.sleep(min(seconds, _NAP_S))
            self._pacing.pulse()
            seconds -= _NAP_S
