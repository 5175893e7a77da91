"""Short work done in the event loop itself, for as long as it proves to be short.

Handing a request to a thread and back costs more than the request where that reads one row. Such
work waits for nobody but the disk; and if the disk keeps it waiting once, the threads do all of
it for a while: so a slow disk costs the other clients of this worker one stop now and then.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

LONG_SECONDS = 0.05
REST_SECONDS = 10.0


class Shortcut:
    """Belongs to one event loop; does nothing until `open` says that there is no need for threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._closed_until = float("inf")

    def open(self) -> None:
        self._closed_until = 0.0

    def try_to(self, work: Callable[..., T], *arguments: Any) -> T | None:
        """What `work` gives; None if it was not even tried, and if it gave up."""
        began = self._clock()
        if began < self._closed_until:
            return None
        try:
            return work(*arguments)
        finally:
            ended = self._clock()
            if ended - began > LONG_SECONDS:
                self._closed_until = ended + REST_SECONDS
