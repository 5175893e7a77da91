"""Slots: who is at work in a bucket right now, over all processes and hosts.

Each bucket has two. Its **write** slot is taken shared by every client write, exclusively by
a drain and by bucket-writes; its **work** slot shared around every effect of a job,
exclusively by a new claim and by the flip. A slot vanishes with the process that held it.

The control database decides what they are made of: with SQLite all processes are on one host
and lock files serve; with PostgreSQL its advisory locks do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection

from proxy.slots.advisory import AdvisorySlots
from proxy.slots.base import POLL_SECONDS, Slot, SlotBusy, Slots, poll
from proxy.slots.files import FileSlots

__all__ = [
    "MECHANISMS",
    "POLL_SECONDS",
    "WORK",
    "WRITE",
    "Slot",
    "SlotBusy",
    "exclusive",
    "holders",
    "poll",
    "shared",
    "take",
]

WRITE = "write"
WORK = "work"

MECHANISMS: dict[str, Callable[[], Slots]] = {
    "sqlite": lambda: FileSlots(settings.HOME / "locks"),
    "postgresql": AdvisorySlots,
}
"""What slots are made of, by the vendor of the control database."""
_made: dict[tuple[str, str], Slots] = {}
_making = threading.Lock()


def _slots() -> Slots:
    key = (connection.vendor, str(settings.HOME))
    made = _made.get(key)
    if made is None:
        with _making:
            made = _made.setdefault(key, MECHANISMS[connection.vendor]())
    return made


def _name(kind: str, bucket_id: str) -> str:
    return f"{bucket_id}.{kind}"


def take(kind: str, bucket_id: str, *, exclusive: bool = False) -> Slot:
    """Try once; the caller releases it. Raises SlotBusy, ServiceUnavailable."""
    return _slots().take(_name(kind, bucket_id), exclusive=exclusive)


@contextmanager
def shared(kind: str, bucket_id: str) -> Iterator[Slot]:
    """Be one of many in a slot. Raises SlotBusy at once if somebody has it exclusively."""
    slot = take(kind, bucket_id)
    try:
        yield slot
    finally:
        slot.release()


@contextmanager
def exclusive(
    kind: str, bucket_id: str, pulse: Callable[[], None], poll_s: float = POLL_SECONDS
) -> Iterator[Slot]:
    """Be alone in a slot: tries every `poll_s` seconds, calls `pulse` (which may raise) in between."""
    slot = poll(lambda: take(kind, bucket_id, exclusive=True), pulse, poll_s)
    try:
        yield slot
    finally:
        slot.release()


def holders(kind: str, bucket_id: str) -> tuple[str, ...]:
    """The processes that have a slot now, in words for operators; empty if none is known."""
    return _slots().holders(_name(kind, bucket_id))
