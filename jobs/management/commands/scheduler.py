"""Run the scheduler: it leads if no other does, else it stands by."""

from __future__ import annotations

import logging
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, connection

from jobs.feeds import FeedWatch
from jobs.rules.reloading import keep_taking_over
from jobs.scheduler import Scheduler
from proxy import routes
from proxy.errors import S3Error

log = logging.getLogger(__name__)

ENDS = {signal.SIGTERM, signal.SIGINT}
RELOAD = signal.SIGHUP
LOOK_SECONDS = 60.0


class Command(BaseCommand):
    help = (
        "Begin the runs of rules, bring back lost jobs, send lost messages again, prune history. One of all"
        " schedulers leads. SIGHUP: take over the rules of the configuration."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        stop, reload = threading.Event(), threading.Event()
        # A thread waits for them: no handler, no half tick.
        signal.pthread_sigmask(signal.SIG_BLOCK, {*ENDS, RELOAD})
        threading.Thread(target=_wait_for_the_end, args=[stop, reload], daemon=True).start()
        threading.Thread(target=keep_taking_over, args=[stop, reload], name="rules", daemon=True).start()
        threading.Thread(target=_look_at_backends, args=[stop], name="backends", daemon=True).start()
        for name in routes.backend_names():
            watch = FeedWatch(name)
            threading.Thread(
                target=watch.run_forever, args=[stop], name=f"feeds of {name}", daemon=True
            ).start()
        Scheduler().run_forever(stop)


def _look_at_backends(stop: threading.Event) -> None:
    """Apart from the tick, for one may be slow. A backend that is looked at takes care of itself."""
    away: set[str] = set()
    while not stop.is_set():
        for name in routes.backend_names():
            try:
                routes.backend(name).check()
                away.discard(name)
            except (S3Error, DatabaseError) as error:
                if name not in away:
                    log.warning("backend %s is not there: %s", name, error)
                away.add(name)
        connection.close()
        stop.wait(LOOK_SECONDS)


def _wait_for_the_end(stop: threading.Event, reload: threading.Event) -> None:
    while signal.sigwait({*ENDS, RELOAD}) == RELOAD:
        reload.set()
    stop.set()
    reload.set()
