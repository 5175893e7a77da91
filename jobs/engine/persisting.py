"""Calls that go on while a backend or the database does not answer, as long as the lease lasts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from random import Random
from typing import TypeVar

from jobs.engine.hold import Hold
from jobs.engine.retrying import DATABASE_GONE, Backoff, forget_connection, retrying

log = logging.getLogger(__name__)

T = TypeVar("T")


class Persistence:
    """How a slice calls what may fail for a while. Signals of the hold end every wait."""

    def __init__(self, hold: Hold, backoff: Backoff, rng: Random) -> None:
        self._hold, self._backoff, self._rng = hold, backoff, rng

    def retried(self, call: Callable[[], T]) -> T:
        """Some times. Raises GaveUp, WorkSignal."""
        return retrying(call, self._backoff, self._rng, self._hold.sleep)

    def saved(self, save: Callable[[], None]) -> None:
        """Save, again and again while the database does not answer. Raises WorkSignal."""
        attempt = 0
        while True:
            attempt += 1
            try:
                return save()
            except DATABASE_GONE as error:
                log.warning("%s: the database does not answer: %s", self._hold.claim.job.public_id, error)
                forget_connection()
            self._hold.sleep(self._backoff.pause(attempt, self._rng))
