"""Run the django-q2 cluster whose workers do the jobs, with signs of life for its supervisor."""

from __future__ import annotations

import logging
import multiprocessing
import time
from typing import Any

from django.conf import settings
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connection

from jobs import heartbeat, liveness, orphans, queue, scheduler

log = logging.getLogger("sluicegate.cluster")


class Command(BaseCommand):
    help = "Run the workers that do the jobs (a django-q2 cluster). SIGTERM ends it after the slices in hand."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--lane", choices=queue.LANES, default="", help="the lane of the queue that they serve"
        )

    def handle(self, *args: Any, lane: str, **options: Any) -> None:
        queue.serve(lane)
        heartbeat.in_lane(lane)
        _resend(lane)
        connection.close()  # nothing open crosses a fork
        orphans.end_forks_with_parents()
        call_command("qcluster")
        sentinels = multiprocessing.active_children()
        beat_at = 0.0
        while any(sentinel.is_alive() for sentinel in sentinels):
            if time.monotonic() >= beat_at:
                beat_at = time.monotonic() + settings.FREEZE_SECONDS / 6
                _beat(lane)
            time.sleep(0.2)
        if any(sentinel.exitcode for sentinel in sentinels):
            raise CommandError("The cluster's first process was killed.")


def _resend(lane: str) -> None:
    """What the cluster before this one had taken from the queue and not begun went with it."""
    try:
        scheduler.resend_lost(0, (lane,))
    except DatabaseError as error:
        log.warning("messages are not sent again yet: %s", error)


def _beat(lane: str) -> None:
    try:
        heartbeat.beat(liveness.CLUSTER)
        liveness.ping(lane)
    except DatabaseError as error:
        log.warning("no heartbeat: %s", error)
        connection.close()
