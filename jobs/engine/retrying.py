"""Retrying what may go away by itself: exponential backoff with jitter."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

from jobs.errors import WorkSignal
from proxy.errors import RequestTimeout, S3Error

T = TypeVar("T")

DATABASE_GONE = (OperationalError, InterfaceError)
_PASSING = {errno.EAGAIN, errno.EINTR, errno.ETIMEDOUT, errno.ENETUNREACH, errno.EHOSTUNREACH}


@dataclass(frozen=True, slots=True)
class Backoff:
    """`attempts` in all, the pauses between them doubling from `base_s` up to `cap_s` seconds."""

    attempts: int = 8
    base_s: float = 0.25
    cap_s: float = 8.0

    def pause(self, attempt: int, rng: Random) -> float:
        """Seconds after the `attempt`-th try: half is certain, half is chance."""
        full = min(self.cap_s, self.base_s * 2.0 ** (attempt - 1))
        return full / 2 + rng.random() * full / 2


class GaveUp(Exception):
    """The last error of a call, and how often it was tried."""

    def __init__(self, error: Exception, attempts: int) -> None:
        super().__init__(str(error))
        self.error = error
        self.attempts = attempts


def transient(error: BaseException) -> bool:
    """Whether the same call may succeed later: S3's 503 and timeouts, sockets, a busy database."""
    if isinstance(error, S3Error):
        return error.status == 503 or isinstance(error, RequestTimeout)
    if isinstance(error, OSError):
        return isinstance(error, (TimeoutError, ConnectionError)) or error.errno in _PASSING
    return isinstance(error, DATABASE_GONE)


def retrying(call: Callable[[], T], backoff: Backoff, rng: Random, wait: Callable[[float], None]) -> T:
    """Call until it succeeds, fails for good, or the attempts are spent. Raises GaveUp, WorkSignal.

    `wait` sleeps that many seconds and may raise a WorkSignal to end it all.
    """
    attempt = 0
    while True:
        attempt += 1
        try:
            return call()
        except WorkSignal:
            raise
        except Exception as error:
            if attempt >= backoff.attempts or not transient(error):
                raise GaveUp(error, attempt) from error
            if isinstance(error, DATABASE_GONE):
                forget_connection()
        wait(backoff.pause(attempt, rng))


def forget_connection() -> None:
    """This thread's connection to the database is no good; the next query makes a new one."""
    if not connection.in_atomic_block:
        connection.close()
