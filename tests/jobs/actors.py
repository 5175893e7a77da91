"""Forked actors of the scenes with real processes, and how a scene waits for them."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connections  # noqa: E402

from jobs.engine import work  # noqa: E402
from jobs.models import Job  # noqa: E402
from tests.jobs.support import (  # noqa: E402
    FAST,
    Walker,
)


def fork(act: Callable[[], None]) -> int:
    """Run it in a child with connections of its own; the child's pid."""
    connections.close_all()
    pid = os.fork()
    if pid:
        return pid
    try:
        act()
        connections.close_all()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def join(pid: int) -> int:
    """Its exit code, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def run(kind: Walker, job: Job) -> None:
    work(job.pk, kinds={kind.name: kind}, limits=FAST)


def fresh(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def scratch() -> Path:
    return Path(tempfile.mkdtemp(dir=settings.HOME))
