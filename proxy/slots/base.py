"""What a slot is, and the one way to wait for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from proxy.errors import SlowDown

POLL_SECONDS = 0.01


class SlotBusy(SlowDown):
    """Somebody else has the slot in a way that excludes this taking; nothing was waited for."""

    text = "Another operation has this bucket at the moment. Try again."


class Slot(Protocol):
    """One taking of a slot. Whoever took it gives it back; the death of the process does too."""

    def held(self) -> bool:
        """Proof: nobody can have had the slot exclusively between the taking and this call."""
        ...

    def release(self) -> None:
        """Give it back. Doing it again is no error."""
        ...


class Slots(Protocol):
    """A mechanism that hands out slots to the threads of any number of processes."""

    def take(self, name: str, *, exclusive: bool) -> Slot:
        """Try once, without waiting. Raises SlotBusy, or ServiceUnavailable if nothing can be locked."""
        ...

    def holders(self, name: str) -> tuple[str, ...]:
        """Who has the slot now, for messages to operators; empty if nobody or not known."""
        ...


T = TypeVar("T")


def poll(take: Callable[[], T], pulse: Callable[[], None], poll_s: float = POLL_SECONDS) -> T:
    """Try until it is not busy, every `poll_s` seconds; `pulse` runs between tries and may raise."""
    while True:
        try:
            return take()
        except SlotBusy:
            pulse()
            time.sleep(poll_s)
