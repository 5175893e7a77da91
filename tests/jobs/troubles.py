"""Scenes of long effects, poisonous pages and a control database that is gone."""

from __future__ import annotations

import time

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection, connections  # noqa: E402

from jobs import recovery  # noqa: E402
from jobs.engine import work  # noqa: E402
from jobs.kinds.base import Item, Work  # noqa: E402
from tests.jobs.actors import fork, fresh, join, run, scratch  # noqa: E402
from tests.jobs.support import (  # noqa: E402
    Walker,
    die,
    gate_is_open,
    lapse,
    make_bucket,
    make_job,
    wait_for,
)

# -- long, poisonous, and without a database ----------------------------------------------------


def long_object() -> None:
    """One effect that takes three leases keeps its lease; nobody else gets the job."""
    settings.LEASE_SECONDS = 1
    kind = Walker(objects=1, concurrency=1, log=scratch() / "log")
    job = make_job(kind)

    def slow() -> None:
        def wait(work: Work, phase: str, item: Item) -> None:
            if phase == "copy":
                until = time.monotonic() + 3
                while time.monotonic() < until:
                    work.pulse()
                    time.sleep(0.05)

        kind.before_item = wait
        run(kind, job)

    pid = fork(slow)
    wait_for(lambda: fresh(job).phase == "copy")
    until = time.monotonic() + 2.5
    while time.monotonic() < until:
        assert recovery.recover().requeued == 0
        time.sleep(0.1)
    assert join(pid) == 0
    assert fresh(job).status == "succeeded" and fresh(job).epoch == 1


def a_task_past_its_timeout() -> None:
    """The queue ends a slice that hangs, by SIGALRM: its job is recovered and done by another."""
    from django_q.timeout import TimeoutHandler

    settings.LEASE_SECONDS = 2
    kind = Walker(objects=4, size=2, log=scratch() / "log")
    job = make_job(kind)

    def hang() -> None:
        def wait(work: Work, phase: str, item: Item) -> None:
            time.sleep(60 if item.key == "copy-2" else 0)

        kind.before_item = wait
        with TimeoutHandler(1):
            run(kind, job)

    started = time.monotonic()
    assert join(fork(hang)) == 1 and time.monotonic() - started < 15
    wait_for(lambda: recovery.recover().requeued == 1)
    assert join(fork(lambda: run(kind, job))) == 0
    now = fresh(job)
    assert (now.status, now.processed) == ("succeeded", 4)


def poison_pill(phase: str) -> None:
    """A page that kills every worker ends the job after five; before the turn it is undone first."""
    kind, bucket = Walker(objects=4, size=2, log=scratch() / "log"), make_bucket()

    def poison(work: Work, at: str, item: Item) -> None:
        if at == phase and item.key.endswith("2"):
            die()
        if phase == "unwind" and item.key == "copy-3":
            raise ZeroDivisionError("this is what has to be undone")

    kind.before_item = poison
    job = make_job(kind, bucket)
    killed = 0
    while not fresh(job).terminal:
        code = join(fork(lambda: run(kind, job)))
        if code:
            killed += 1
            assert killed < 20
            assert not gate_is_open(bucket.name) or fresh(job).turned
            lapse(job.pk)
            recovery.recover()
    now = fresh(job)
    assert killed == 5, killed
    assert gate_is_open(bucket.name)
    assert now.failures.filter(code="PoisonPill").exists()
    if phase == "cleanup":
        assert (now.status, now.failed) == ("succeeded", 1)
    else:
        assert now.status == "failed"
        assert ("ZeroDivisionError" if phase == "unwind" else "5 workers in a row") in now.last_error


def a_database_that_is_gone(seconds: str) -> None:
    """The control database does not answer for a while in mid-run: the job goes on or is recovered."""
    settings.LEASE_SECONDS = 60
    kind = Walker(objects=200, size=5, log=scratch() / "log")
    kind.before_item = lambda work, phase, item: time.sleep(0.02)
    job = make_job(kind)
    pid = fork(lambda: work(job.pk, kinds={kind.name: kind}))
    wait_for(lambda: fresh(job).processed >= 20)
    gone = {"postgresql": _refuse_connections, "sqlite": _lock_database}[connection.vendor]
    gone(float(seconds))
    assert join(pid) == 0
    while not fresh(job).terminal:
        assert join(fork(lambda: work(job.pk, kinds={kind.name: kind}))) == 0
    now = fresh(job)
    assert (now.status, now.processed, now.failed) == ("succeeded", 200, 0), (now.status, now.last_error)
    assert gate_is_open(now.bucket_name)


def _refuse_connections(seconds: float) -> None:
    import psycopg

    given = settings.DATABASES["default"]
    connections.close_all()
    with psycopg.connect(
        host=given["HOST"], user=given["USER"], dbname="postgres", autocommit=True
    ) as server:
        name = given["NAME"]
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        time.sleep(seconds)
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def _lock_database(seconds: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute("BEGIN EXCLUSIVE")
        time.sleep(seconds)
        cursor.execute("COMMIT")
