"""Run the scheduler: it leads if no other does, else it stands by."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from jobs.scheduler import Scheduler

ENDS = {signal.SIGTERM, signal.SIGINT}


class Command(BaseCommand):
    help = "Bring back lost jobs, send lost messages again, prune history. One of all schedulers leads."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)  # a thread waits for them: no handler, no half tick
        threading.Thread(target=_wait_for_the_end, args=[stop], daemon=True).start()
        Scheduler().run_forever(stop)


def _wait_for_the_end(stop: threading.Event) -> None:
    signal.sigwait(ENDS)
    stop.set()
