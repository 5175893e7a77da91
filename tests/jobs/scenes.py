"""Scenes with real processes, each run by `python -m tests.jobs.scenes NAME ...`.

The process that runs a scene forks its actors: workers that die where they are told to, or
that are stopped and continued. It looks at the database only through the product's code.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection, connections  # noqa: E402

from jobs import claims, clock, leases, recovery, transitions  # noqa: E402
from jobs.engine.claiming import take  # noqa: E402
from jobs.kinds.base import Work  # noqa: E402
from jobs.models import Failure, Heartbeat, Job, Run  # noqa: E402
from tests.jobs.actors import fork, fresh, join, run, scratch  # noqa: E402
from tests.jobs.rule_scenes import RULE_SCENES  # noqa: E402
from tests.jobs.support import (  # noqa: E402
    FAST,
    Walker,
    die,
    gate_is_open,
    lapse,
    make_bucket,
    make_job,
)
from tests.jobs.troubles import (  # noqa: E402
    a_database_that_is_gone,
    a_task_past_its_timeout,
    long_object,
    poison_pill,
)

# -- one wins -------------------------------------------------------------------------------


def claim_race(rounds: str, processes: str, threads: str) -> None:
    """Processes with threads claim one job; every round has one winner."""
    folder, kind = scratch(), Walker()
    for number in range(int(rounds)):
        job = make_job(kind)
        start = clock.local_ms() + 150

        def compete(job: Job = job, start: int = start, number: int = number) -> None:
            def one(name: str) -> None:
                while clock.local_ms() < start:
                    pass
                if take(job.pk, {kind.name: kind}, FAST):
                    (folder / f"{number}-{os.getpid()}-{name}").touch()
                connections.close_all()

            hands = [threading.Thread(target=one, args=[str(n)]) for n in range(int(threads))]
            for hand in hands:
                hand.start()
            for hand in hands:
                hand.join()

        assert [join(pid) for pid in [fork(compete) for _ in range(int(processes))]] == [0] * int(processes)
        winners = list(folder.glob(f"{number}-*"))
        assert len(winners) == 1, winners
        now = fresh(job)
        assert (now.status, now.epoch, now.runs.count()) == ("running", 1, 1)


def bucket_named(name: str) -> None:
    """A bucket row, for processes that ask for it."""
    make_bucket(name)


def duplicate_delivery() -> None:
    """One message delivered to four workers at once, again and again until the job ends."""
    settings.SLICE_SECONDS = 0
    kind = Walker(objects=30, log=scratch() / "log")
    job = make_job(kind)
    rounds = 0
    while not fresh(job).terminal:
        rounds += 1
        assert rounds < 60
        assert [join(pid) for pid in [fork(lambda: run(kind, job)) for _ in range(4)]] == [0] * 4
    assert fresh(job).status == "succeeded"
    deeds = kind.deeds()
    assert len(deeds) == len(set(deeds)) == 61, "each effect once"


# -- killed anywhere ------------------------------------------------------------------------


@contextlib.contextmanager
def dying_at(point: int, reached: list[str]) -> Iterator[None]:
    """SIGKILL this process at the `point`-th of the moments before and after each thing that counts."""

    def moment(name: str) -> None:
        reached.append(name)
        if len(reached) == point:
            die()

    def around(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*given: Any, **named: Any) -> Any:
            moment(f"before {name}")
            result = call(*given, **named)
            moment(f"after {name}")
            return result

        return wrapped

    for name in ("claim", "checkpoint", "settle", "give_back"):
        setattr(claims, name, around(name, getattr(claims, name)))
    real_turning = claims.turning

    @contextlib.contextmanager
    def turning(*given: Any) -> Iterator[bool]:
        moment("before the turn")
        with real_turning(*given) as first:
            yield first
            moment("in the turn's transaction")
        moment("after the turn")

    vars(claims)["turning"] = turning
    Walker.note = around("an effect", Walker.note)  # type: ignore[method-assign]
    yield


def kill_everywhere(ending: str) -> None:
    """Kill a worker at every moment of a job's life, recover, go on: the end is always the same."""
    point = 0
    while True:
        point += 1
        kind, bucket = Walker(objects=4, size=2, concurrency=1, log=scratch() / "log"), make_bucket()
        if ending != "succeeded":
            kind.before_page = _fail_or_cancel(ending)
        job = make_job(kind, bucket)

        def worker(kind: Walker = kind, job: Job = job, point: int = point) -> None:
            with dying_at(point, []):
                run(kind, job)

        code = join(fork(worker))
        if code == 0:
            _check_end(job, kind, ending)
            break
        assert code == -signal.SIGKILL, (point, code)
        _check_middle(job)
        lapse(job.pk)
        recovery.recover()
        assert join(fork(lambda job=job, kind=kind: run(kind, job))) == 0  # type: ignore[misc]
        _check_end(job, kind, ending)
    print(f"{point - 1} moments")


def _fail_or_cancel(ending: str) -> Callable[[Work, str, str | None], None]:
    def hook(work: Work, phase: str, token: str | None) -> None:
        if phase == "copy" and token == "2":
            if ending == "failed":
                raise ZeroDivisionError("a bug")
            transitions.request_cancel(work.job_id)

    return hook


def _check_middle(job: Job) -> None:
    now = fresh(job)
    assert now.runs.count() <= 1
    assert gate_is_open(now.bucket_name) is (now.terminal or now.turned)


def _check_end(job: Job, kind: Walker, ending: str) -> None:
    now = fresh(job)
    assert now.status == ending, (now.status, now.last_error)
    assert gate_is_open(now.bucket_name)
    only = now.runs.get()
    assert only.status == ending and only.finished_at is not None and not now.holder
    deeds = set(kind.deeds())
    if ending == "succeeded":
        wanted = {"stage-0"} | {f"{phase}-{n}" for phase in ("copy", "cleanup") for n in range(4)}
        assert deeds == wanted and now.processed == 4 and now.failed == 0
    else:
        assert {f"unwind-{n}" for n in range(4)} <= deeds and not now.turned
        assert not any(deed.startswith("cleanup") for deed in deeds)


# -- stopped and continued --------------------------------------------------------------------


def stop_here() -> None:
    """SIGSTOP this process, and leave the calling thread no time to go on before that takes effect."""
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(0.3)


def _stop_once(marker: Path) -> Callable[..., None]:
    def stop(*_: Any) -> None:
        if not marker.exists():
            marker.touch()
            stop_here()

    return stop


def _stopped_at(where: str, kind: Walker, job: Job) -> int:
    """The pid of a worker that stopped itself there, its lease lapsed."""
    settings.LEASE_SECONDS = 1
    stop = _stop_once(scratch() / "stopped")

    def worker() -> None:
        slow = Walker(objects=4, size=2, concurrency=1, log=kind.log)
        if where == "an effect":
            slow.before_item = lambda work, phase, item: stop() if item.key == "copy-2" else None
        elif where == "turn":
            slow.before_turn = stop
        else:
            real = getattr(claims, where)

            def stopping(*given: Any, **options: Any) -> Any:
                stop()
                return real(*given, **options)

            setattr(claims, where, stopping)
        run(slow, job)

    pid = fork(worker)
    os.waitpid(pid, os.WUNTRACED)
    time.sleep(1.2)
    return pid


def stopped_and_continued(where: str) -> None:
    """A worker is stopped for longer than its lease, another ends the job, the first goes on: no change."""
    kind = Walker(objects=4, size=2, concurrency=1, log=scratch() / "log")
    job = make_job(kind)
    pid = _stopped_at(where, kind, job)
    recovered = recovery.recover()
    assert (recovered.requeued, recovered.killed) == (1, 0), "it is in no effect: it may live"
    assert join(fork(lambda: run(kind, job))) == 0
    assert fresh(job).status == "succeeded"
    before = _everything(kind)
    os.kill(pid, signal.SIGCONT)
    assert join(pid) == 0, "it ends by itself"
    assert _everything(kind) == before, "and changed nothing"


def stopped_at_the_turn(where: str) -> None:
    """A worker that stops where it is alone in its bucket is killed; the job turns once."""
    kind = Walker(objects=4, size=2, concurrency=1, log=scratch() / "log")
    job = make_job(kind)
    pid = _stopped_at(where, kind, job)
    assert fresh(job).phase == "flip"
    recovered = recovery.recover()
    assert (recovered.requeued, recovered.killed) == (1, 1)
    assert join(pid) == -signal.SIGKILL
    assert not fresh(job).turned and not gate_is_open(job.bucket_name)
    assert join(fork(lambda: run(kind, job))) == 0
    assert fresh(job).status == "succeeded" and gate_is_open(job.bucket_name)


def _everything(kind: Walker) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM proxy_bucket ORDER BY id")
        buckets = cursor.fetchall()
    rows = [list(model.objects.order_by("pk").values()) for model in (Job, Run, Failure)]
    return [rows, buckets, kind.deeds()]


def stopped_in_an_effect() -> None:
    """A worker that is stopped inside an effect is killed by recovery, and only then is the job claimed."""
    settings.LEASE_SECONDS = 1
    folder = scratch()
    kind, bucket = Walker(objects=4, size=2, concurrency=1, log=folder / "log"), make_bucket()
    job = make_job(kind, bucket)

    def first() -> None:
        def stop(self: Walker, work: Work, text: str) -> None:
            stop_here()

        Walker.note = stop  # type: ignore[method-assign]
        run(kind, job)

    pid = fork(first)
    os.waitpid(pid, os.WUNTRACED)
    time.sleep(1.2)
    Job.objects.filter(pk=job.pk).update(holder=leases.holder_id().replace(f"/{os.getpid()}/", "/1/"))
    Heartbeat.objects.update(beat_ms=clock.now_ms() + 60_000)
    assert recovery.recover().killed == 0, "it is not the holder by the row, and gives signs of life"
    assert take(job.pk, {kind.name: kind}, FAST) is None, "the slot is not to be had"
    now = fresh(job)
    assert now.status == "queued" and f"process {pid} on" in now.last_error, now.last_error
    started = leases.started(pid)
    Job.objects.filter(pk=job.pk).update(
        status="running", holder=f"{leases.this_host()}/{pid}/{started}/x", lease_expires_ms=1
    )
    assert recovery.recover().killed == 1
    assert join(pid) == -signal.SIGKILL
    assert join(fork(lambda: run(kind, job))) == 0
    assert fresh(job).status == "succeeded"


SCENES: dict[str, Callable[..., None]] = {
    scene.__name__: scene
    for scene in (
        claim_race,
        bucket_named,
        duplicate_delivery,
        kill_everywhere,
        stopped_and_continued,
        stopped_at_the_turn,
        stopped_in_an_effect,
        long_object,
        a_task_past_its_timeout,
        poison_pill,
        a_database_that_is_gone,
    )
} | RULE_SCENES

if __name__ == "__main__":
    SCENES[sys.argv[1]](*sys.argv[2:])
