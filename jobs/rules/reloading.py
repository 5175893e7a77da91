"""A scheduler's own part: it takes the rules over when it starts, and whenever it is told to."""

from __future__ import annotations

import logging
import socket
import threading

from django.conf import settings
from django.db import Error, connection

from jobs.rules.syncing import Synced, sync

log = logging.getLogger(__name__)

AGAIN_SECONDS = 5.0
"""After a database that did not answer."""
START, RELOAD = "scheduler: start", "scheduler: SIGHUP"
"""What is said of who took the rules over."""


def keep_taking_over(stop: threading.Event, reload: threading.Event) -> None:
    """Take over at once, then each time that `reload` is set, until `stop` is; set both to end it."""
    by = START
    while not stop.is_set():
        reload.clear()
        if take_over(by):
            reload.wait()
            by = RELOAD
        else:
            stop.wait(AGAIN_SECONDS)


def take_over(by: str) -> bool:
    """One attempt, with a line in the log for what came of it; False if the database did not answer."""
    try:
        tell(sync(by, socket.gethostname()))
    except Error as error:
        log.error("rules: the database does not answer: %s", error)
        return False
    except Exception:
        log.exception("rules: the attempt failed")
    finally:
        connection.close()
    return True


def tell(done: Synced) -> None:
    """Log what an attempt did."""
    for line, text in done.findings:
        log.error("rules refused: %s:%d: %s", settings.RULES_SOURCE, line, text)
    for line, text in done.notes:
        log.warning("rules: %s:%d: %s", settings.RULES_SOURCE, line, text)
    if not done.refused:
        counts = ", ".join(f"{number} {name}" for name, number in done.difference.counts().items())
        log.info("rules taken over: %s", counts)
