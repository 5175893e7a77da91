"""Schedulers and workers as processes that are killed and stopped: `python -m tests.crash.schedulers SCENE`.

The process of a scene forks them and looks at the database only through the product's code.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connections  # noqa: E402

from jobs import engine, leases, scheduler, scheduling, standing, transitions  # noqa: E402
from jobs.kinds import KINDS  # noqa: E402
from jobs.kinds.base import Item, Outcome, Page, Work  # noqa: E402
from jobs.models import Job, Leader, Run  # noqa: E402
from jobs.scheduler import DUTIES, Duty, Scheduler  # noqa: E402
from jobs.states import TERMINAL  # noqa: E402
from tests.jobs.actors import fork, join, scratch  # noqa: E402
from tests.jobs.ruled import Ruled, make_rule  # noqa: E402
from tests.jobs.support import FAST, make_bucket, wait_for  # noqa: E402

RULES = 4
ITEMS = 6
TICK_S = 0.05
LOST = "failed"
"""How a run ends whose worker is killed."""


@dataclass
class Marking(Ruled):
    """Each effect leaves a line: whose it is by the run, the epoch of the lease, and the item."""

    def page(self, work: Work, phase: str, token: str | None) -> Page:
        start = int(token or 0)
        end = start + 2
        keys = [Item(str(number)) for number in range(start, end)]
        return Page(keys, str(end) if end < ITEMS else None, end < ITEMS, total=ITEMS)

    def apply(self, work: Work, phase: str, item: Item) -> Outcome:
        with work.effect():
            time.sleep(0.01)
            claim = work._hold.claim  # type: ignore[attr-defined]
            mark(self.log, work.job_id, claim.run_id, claim.grant.epoch, item.key)
        return Outcome(size=1)


def mark(log: Path | None, *words: object) -> None:
    assert log is not None
    with log.open("a") as file:
        file.write(" ".join(map(str, words)) + "\n")


def marks(log: Path) -> list[tuple[int, ...]]:
    return [tuple(map(int, line.split())) for line in log.read_text().splitlines()]


def prepare(interval_s: int = 1) -> Path:
    """Rules that are due at once, and where their effects leave their lines."""
    settings.LEASE_SECONDS = 1
    log = scratch() / "effects"
    log.touch()
    KINDS["ruled"] = Marking(log=log)
    make_bucket("b")
    for number in range(RULES):
        make_rule(f"rule-{number}", interval_s=interval_s)
    return log


# -- the processes ------------------------------------------------------------------------------


def schedule(duties: tuple[Duty, ...] = DUTIES) -> None:
    Scheduler(interval_s=TICK_S, duties=duties).run_forever(threading.Event())


def work() -> None:
    """Whatever could be worked on, as if each message came to every worker."""
    while True:
        for job_id in list(
            Job.objects.filter(transitions.claimable(), holder="").values_list("pk", flat=True)
        ):
            engine.work(job_id, limits=FAST)
        time.sleep(TICK_S)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    join(pid)


def led_by(pid: int) -> bool:
    led = Leader.objects.exclude(holder="").filter(~leases.lapsed(), name=scheduler.DUTY).first()
    process = leases.process_of(led.holder) if led is not None else None
    return process is not None and process.pid == pid


def succeeded() -> int:
    return Run.objects.filter(status="succeeded").count()


# -- the scenes --------------------------------------------------------------------------------


def storm(seed: str, seconds: str) -> None:
    """Two schedulers and two workers, one of them killed again and again, at any moment."""
    log, dice = prepare(), random.Random(int(seed))
    roles: list[Callable[[], None]] = [schedule, schedule, work, work]
    pids = [fork(role) for role in roles]
    kills, until = 0, time.monotonic() + float(seconds)
    while time.monotonic() < until:
        time.sleep(dice.uniform(0.05, 0.4))
        victim = dice.randrange(len(pids))
        kill(pids[victim])
        kills += 1
        pids[victim] = fork(roles[victim])
    _all_go_on()
    for job in Job.objects.all():
        standing.withdraw(job)
    wait_for(lambda: not Run.objects.filter(finished_at=None).exists())
    for pid in pids:
        kill(pid)
    _check_runs()
    _check_effects(log)
    print(f"{kills} kills, {succeeded()} runs succeeded, {Run.objects.filter(status=LOST).count()} were lost")


def _all_go_on() -> None:
    """Nothing is stuck: each rule has runs that begin from now on and succeed."""
    last = Run.objects.order_by("-pk").values_list("pk", flat=True)[0]
    for job in Job.objects.all():
        after = Run.objects.filter(job=job, pk__gt=last, status="succeeded")
        wait_for(lambda after=after: after.count() >= 2, 60.0)  # type: ignore[misc]


def _check_runs() -> None:
    """Each run that was begun has one end, and begins when the one before it has ended."""
    for job in Job.objects.all():
        assert not job.holder and job.status in {"idle", *TERMINAL}, (job.rule, job.status)
        runs = list(job.runs.order_by("pk"))
        assert {run.triggered_by for run in runs} == {"scheduler"}
        assert {run.status for run in runs} <= {"succeeded", LOST, "idle"}
        for before, after in pairwise(runs):
            assert before.finished_at is not None and before.finished_at <= after.started_at
        assert job.runs.filter(status=LOST).count() <= job.failures.filter(code="WorkerLost").count()


def _check_effects(log: Path) -> None:
    """No job is in two hands at once, and a run that succeeded did all, or went on where one was lost."""
    seen = marks(log)
    for job in Job.objects.all():
        mine = [line for line in seen if line[0] == job.pk]
        epochs = [epoch for _, _, epoch, _ in mine]
        assert epochs == sorted(epochs), "a former holder did something after the next one"
        lost: set[int] = set()
        for run in job.runs.order_by("pk"):
            did = {item for _, run_id, _, item in mine if run_id == run.pk}
            if run.status != "succeeded":
                lost |= did
                continue
            assert did | lost == set(range(ITEMS)), (run.pk, did, lost)
            lost = set()


def leader_killed() -> None:
    """The leader is killed: the other one leads when the lease is over, and what is due runs."""
    prepare()
    schedulers, worker = [fork(schedule) for _ in range(2)], fork(work)
    wait_for(lambda: any(map(led_by, schedulers)) and succeeded() > 0)
    [old] = [pid for pid in schedulers if led_by(pid)]
    epoch = Leader.objects.get().epoch
    kill(old)
    schedulers.remove(old)
    wait_for(lambda: led_by(schedulers[0]))
    assert Leader.objects.get().epoch == epoch + 1
    before = succeeded()
    wait_for(lambda: succeeded() >= before + RULES)
    for pid in [*schedulers, worker]:
        kill(pid)


def leader_stopped(where: str) -> None:
    """The leader is stopped in the middle of its tick for longer than its lease, and then continued.

    Meanwhile another one has begun what was due, and that has ended.
    """
    prepare(interval_s=3600)
    log = scratch() / "duties"
    log.touch()

    def tell(duty: str) -> Callable[[], None]:
        return lambda: mark(log, duty, os.getpid())

    def stopping() -> None:
        real, stopped = scheduling.begin, []

        def begin(*given: object) -> Run | None:
            if not stopped and where == "between reading and beginning":
                stopped.append(1)
                _stop_here()
            return real(*given)  # type: ignore[arg-type]

        vars(scheduling)["begin"] = begin
        scheduling.begin_due()
        if not stopped:
            _stop_here()
        tell("went on")()

    old = fork(lambda: schedule((Duty("due", stopping), Duty("after", tell("after")))))
    os.waitpid(old, os.WUNTRACED)
    connections.close_all()
    wait_for(lambda: not led_by(old))
    new = fork(lambda: schedule((Duty("due", scheduling.begin_due), Duty("after", tell("after")))))
    worker = fork(work)
    wait_for(lambda: led_by(new) and succeeded() == RULES)
    before = list(Run.objects.order_by("pk").values()), list(Job.objects.order_by("pk").values())
    os.kill(old, signal.SIGCONT)
    wait_for(lambda: _told(log, "went on", old) == 1)
    ticks = _told(log, "after", new)
    wait_for(lambda: _told(log, "after", new) > ticks + 3)
    assert _told(log, "after", old) == 0, "its tick went on"
    assert before == (list(Run.objects.order_by("pk").values()), list(Job.objects.order_by("pk").values()))
    assert led_by(new)
    for pid in (old, new, worker):
        kill(pid)


def _told(log: Path, word: str, pid: int) -> int:
    return log.read_text().splitlines().count(f"{word} {pid}")


def _stop_here() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(0.3)


SCENES: dict[str, Callable[..., None]] = {
    scene.__name__: scene for scene in (storm, leader_killed, leader_stopped)
}

if __name__ == "__main__":
    try:
        SCENES[sys.argv[1]](*sys.argv[2:])
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os.killpg(0, signal.SIGKILL)  # the processes of the scene too
