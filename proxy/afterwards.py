"""Small notes in the control database that no request waits for: one thread of the process makes them.

For what may be lost and must cost nothing: when a key was last used, which signatures were wrong.
A note that fails is logged and forgotten; beyond `MOST_WAITING` new ones are dropped.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from queue import Empty, Full, Queue

from django.db import Error, connection

log = logging.getLogger("sluicegate.afterwards")

Note = Callable[[], object]

MOST_WAITING = 1000
_IDLE_SECONDS = 1.0

_waiting: Queue[Note] = Queue(MOST_WAITING)
_started = threading.Lock()


def later(note: Note) -> bool:
    """Have the note made soon, after those before it; False if too many wait."""
    try:
        _waiting.put_nowait(note)
    except Full:
        return False
    _start()
    return True


def _start() -> None:
    if _started.acquire(blocking=False):
        threading.Thread(target=_work, name="afterwards", daemon=True).start()


def _work() -> None:
    """Make notes until there are none for a while; the connection goes with the thread."""
    try:
        while (note := _next()) is not None:
            _make(note)
        _make(connection.close)
    finally:
        _started.release()
        if not _waiting.empty():
            _start()  # for one that came while nobody listened any more


def _next() -> Note | None:
    try:
        return _waiting.get(timeout=_IDLE_SECONDS)
    except Empty:
        return None


def _make(note: Note) -> None:
    try:
        note()
    except Error as error:
        log.warning("a note in the control database was lost: %s", error)
        connection.close()
    except Exception:
        log.exception("a note in the control database was lost")


def _after_fork() -> None:
    global _waiting, _started
    _waiting = Queue(MOST_WAITING)
    _started = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)
