"""How long a slice is, and how many items are worked on side by side."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.conf import settings

from jobs import queue
from jobs.kinds.base import Kind
from jobs.models import Job

SHORT_S = 1.0
"""In a lane of its own a slice is over after this while other jobs of the lane are in line."""


class Pace:
    """The time of one slice of a job."""

    def __init__(self, lane: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._lane, self._monotonic = lane, monotonic
        self.until = monotonic() + settings.SLICE_SECONDS
        """When the slice is over at the latest, on the clock that was given."""
        self._look = monotonic() + SHORT_S

    def over(self) -> bool:
        """Whether it is another job's turn. Asks the database about once a second, if at all."""
        now = self._monotonic()
        if now >= self.until:
            return True
        if not self._lane or now < self._look:
            return False
        self._look = now + SHORT_S
        return queue.others_wait(self._lane)


def concurrency(job: Job, kind: Kind) -> int:
    """How many items side by side: a rule may say so itself."""
    wanted = job.spec.get("concurrency")
    return wanted if isinstance(wanted, int) and wanted > 0 else kind.concurrency
