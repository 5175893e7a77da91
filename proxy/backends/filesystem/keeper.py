"""One quiet thread per process that sweeps the places which this process has open."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable

from proxy.errors import S3Error

_log = logging.getLogger(__name__)

ROUND_S = 60.0


class Keeper:
    """Calls `sweep` of its owner every minute, from the first `wake` on, as long as the owner lives."""

    def __init__(self, sweep: Callable[[], None]) -> None:
        self._sweep = weakref.WeakMethod(sweep)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def wake(self) -> None:
        """Start unless it runs; after a fork the child starts its own."""
        if self._thread is not None and self._thread.is_alive():
            return
        # Only tried: whoever has it starts the thread, and a fork may have left it taken.
        if not self._lock.acquire(blocking=False):
            return
        try:
            self._thread = threading.Thread(
                target=_rounds, args=(self._sweep, self._stop), name="store-keeper", daemon=True
            )
            self._thread.start()
        finally:
            self._lock.release()

    def stop(self) -> None:
        self._stop.set()


def _rounds(sweep: weakref.WeakMethod[Callable[[], None]], stop: threading.Event) -> None:
    while not stop.wait(ROUND_S):
        method = sweep()
        if method is None:
            return
        try:
            method()
        except S3Error as error:
            _log.warning("sweeping the store was put off: %s", error)
        except Exception:
            _log.exception("sweeping the store failed")
        del method
