"""Scenes of rules with real processes: killed, stopped and continued, and everybody at once."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402

from jobs import claims, leases, recovery, standing  # noqa: E402
from jobs.kinds.base import Work  # noqa: E402
from jobs.models import Failure, Job, Run  # noqa: E402
from jobs.standing import Declared  # noqa: E402
from jobs.states import ACTIVE, Event, sources  # noqa: E402
from tests.jobs.actors import fork, fresh, join, run, scratch  # noqa: E402
from tests.jobs.ruled import Ruled, make_rule  # noqa: E402
from tests.jobs.support import die, lapse, make_bucket, wait_for  # noqa: E402

MODE = "reconcile"
NOTED = {"large": [{"key": "a\0b"}]}
"""A key may hold any character."""


def _rule(kind: Ruled) -> Job:
    make_bucket("b")
    return make_rule("mirror", kind)


def _small() -> Ruled:
    return Ruled(objects=4, size=2, concurrency=1, log=scratch() / "log")


def _begin(job: Job) -> None:
    assert standing.enqueue(fresh(job), MODE, "tests") is not None


# -- killed anywhere --------------------------------------------------------------------------


@contextlib.contextmanager
def _dying_at(point: int) -> Iterator[None]:
    """SIGKILL this process at the `point`-th of the moments around each thing that counts."""
    reached: list[str] = []

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

    for name in ("claim", "checkpoint", "end_run"):
        setattr(claims, name, around(name, getattr(claims, name)))
    Ruled.note = around("an effect", Ruled.note)  # type: ignore[method-assign]
    yield


def rule_killed_everywhere() -> None:
    """Whenever its worker dies the run fails, and the next one does what is left."""
    kind, point = _small(), 0
    kind.before_page = lambda work, phase, token: work.state.update(NOTED)
    job = _rule(kind)
    while True:
        point += 1
        assert kind.log is not None
        kind.log.unlink(missing_ok=True)
        before = fresh(job).runs.count()
        _begin(job)

        def worker(point: int = point) -> None:
            with _dying_at(point):
                run(kind, job)

        code = join(fork(worker))
        if code == 0:
            break
        assert code == -signal.SIGKILL, (point, code)
        _go_on(kind, job, before)
        assert set(kind.deeds()) == {f"reconcile-{number}" for number in range(4)}, point
    print(f"{point - 1} moments")


def _go_on(kind: Ruled, job: Job, before: int) -> None:
    """What became of the run whose worker died: whole, still to be had, or failed and gone on with."""
    lapse(job.pk)
    recovery.recover()
    now = fresh(job)
    if now.status == "failed":
        assert now.failures.latest("pk").code == "WorkerLost"
        _begin(job)
    if now.status != "succeeded":
        assert join(fork(lambda: run(kind, job))) == 0
    now = fresh(job)
    assert (now.status, now.kept, now.holder) == ("succeeded", {}, ""), now.last_error
    assert NOTED.items() <= now.state.items()
    ends = list(now.runs.order_by("pk").values_list("status", flat=True))[before:]
    assert ends in (["succeeded"], ["failed", "succeeded"]), ends


# -- stopped and continued --------------------------------------------------------------------


def _stopped_at(where: str, job: Job, log: Path) -> int:
    """The pid of a worker that stopped itself there, its lease lapsed."""
    settings.LEASE_SECONDS = 0.5
    marker = scratch() / "stopped"

    def stop(*_: Any) -> None:
        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGSTOP)
            time.sleep(0.3)

    def worker() -> None:
        slow = Ruled(objects=4, size=2, concurrency=1, log=log)
        if where == "before an effect":
            slow.before_item = lambda work, phase, item: stop() if item.key == "reconcile-2" else None
        elif where == "in an effect":
            real_note = Ruled.note

            def note(self: Ruled, work: Work, text: str) -> None:
                stop()
                real_note(self, work, text)

            Ruled.note = note  # type: ignore[method-assign]
        else:
            real = getattr(claims, where)

            def stopping(*given: Any, **options: Any) -> Any:
                stop()
                return real(*given, **options)

            setattr(claims, where, stopping)
        run(slow, job)

    pid = fork(worker)
    os.waitpid(pid, os.WUNTRACED)
    time.sleep(0.7)
    return pid


def rule_stopped_and_continued() -> None:
    """A worker is stopped past its lease, another run ends well, the first goes on: it changes nothing."""
    kind = _small()
    job = _rule(kind)
    for where in ("before an effect", "in an effect", "checkpoint", "end_run"):
        _stop_and_continue(where, kind, job)


def _stop_and_continue(where: str, kind: Ruled, job: Job) -> None:
    """Where it is in nobody's way it is let live; in an effect it is killed, so that the job can go on."""
    _begin(job)
    assert kind.log is not None
    pid = _stopped_at(where, job, kind.log)
    recovered = recovery.recover()
    inside = where == "in an effect"
    assert (recovered.failed, recovered.killed) == (1, int(inside)), where
    _begin(job)
    assert join(fork(lambda: run(kind, job))) == 0
    assert fresh(job).status == "succeeded"
    before = _everything(kind)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
    assert join(pid) == (-signal.SIGKILL if inside else 0), where
    assert _everything(kind) == before, where


def rule_replaced_while_its_worker_is_stopped() -> None:
    """Another definition, another run; the worker of the old one wakes up and changes nothing."""
    kind = _small()
    job = _rule(kind)
    _begin(job)
    assert kind.log is not None
    pid = _stopped_at("checkpoint", job, kind.log)
    standing.declare(kind, Declared("mirror", "mirror", "b", {"interval_s": 60}, "another"))
    assert fresh(job).runs.get().status_raw == "replaced"
    _begin(job)
    assert join(fork(lambda: run(kind, job))) == 0
    before = _everything(kind)
    os.kill(pid, signal.SIGCONT)
    assert join(pid) == 0
    assert _everything(kind) == before and fresh(job).status == "succeeded"


def rule_replaced_while_its_worker_is_stopped_in_an_effect() -> None:
    """The row names that worker no more, which is in everybody's way: its last sign of life tells."""
    kind = _small()
    job = _rule(kind)
    _begin(job)
    assert kind.log is not None
    pid = _stopped_at("in an effect", job, kind.log)
    standing.declare(kind, Declared("mirror", "mirror", "b", {"interval_s": 60}, "another"))
    _begin(job)
    assert recovery.recover().killed == 1
    assert join(pid) == -signal.SIGKILL
    assert join(fork(lambda: run(kind, job))) == 0
    assert fresh(job).status == "succeeded" and recovery.recover().killed == 0


def _everything(kind: Ruled) -> list[Any]:
    rows = [list(model.objects.order_by("pk").values()) for model in (Job, Run, Failure)]
    return [rows, kind.deeds()]


# -- everybody at once --------------------------------------------------------------------------


class Alone(Ruled):
    """Complains where an effect finds a living process of another claim in one of its own."""

    folder: Path

    def note(self, work: Work, text: str) -> None:
        mine = self.folder / f"{os.getpid()}-{threading.get_ident()}"
        mine.touch()
        for other in self.folder.glob("*-*"):
            pid = int(other.name.partition("-")[0])
            if pid != os.getpid() and leases.started(pid) is not None and other.exists():
                (self.folder / "violated").touch()
        time.sleep(0.002)
        mine.unlink()


def everybody_at_once(seconds: str) -> None:
    """Schedulers, workers, an operator and a reloading file on one rule; workers die all the time."""
    settings.LEASE_SECONDS, settings.SLICE_SECONDS = 1, 0.05
    kind = Alone(objects=30, size=3, concurrency=2)
    kind.folder = scratch()
    job = _rule(kind)
    until = time.monotonic() + float(seconds)
    others = [fork(lambda act=act: _again(act, kind, job, until)) for act in (_schedule, _schedule, _operate)]  # type: ignore[misc]
    workers = [fork(lambda: _again(_work, kind, job, until)) for _ in range(3)]
    killed = 0
    while time.monotonic() < until - 0.5:
        time.sleep(random.uniform(0.05, 0.25))
        victim = workers.pop(0)
        os.kill(victim, signal.SIGKILL)
        killed += join(victim) == -signal.SIGKILL
        workers.append(fork(lambda: _again(_work, kind, job, until)))
    assert [join(pid) for pid in others] == [0] * len(others)
    assert {join(pid) for pid in workers} <= {0}
    _settle(kind, job)
    _check_history(kind, job)
    print(f"{killed} killed, {Run.objects.count()} runs")


def _again(act: Callable[[Ruled, Job], None], kind: Ruled, job: Job, until: float) -> None:
    random.seed(os.getpid())
    while time.monotonic() < until:
        act(kind, job)


def _work(kind: Ruled, job: Job) -> None:
    run(kind, job)
    time.sleep(0.01)


def _schedule(kind: Ruled, job: Job) -> None:
    recovery.recover()
    due = Job.objects.filter(standing.startable(), pk=job.pk).first()
    if due is not None:
        standing.enqueue(due, MODE, "scheduler")
    time.sleep(0.02)


def _operate(kind: Ruled, job: Job) -> None:
    now = fresh(job)
    acts: dict[Callable[[], object], int] = {
        lambda: standing.pause(now): 1,
        lambda: standing.resume(now): 3,
        lambda: standing.enqueue(now, MODE, "tests", anyway=True): 2,
        lambda: standing.enqueue(standing.make_way(now), MODE, "tests", anyway=True): 2,
        lambda: standing.declare(kind, _declared(now)): 3,
        lambda: standing.declare(kind, _declared(now, enabled=False)): 1,
        lambda: standing.declare(kind, _declared(now, revision=str(random.random()))): 1,
        lambda: standing.withdraw(now): 1,
    }
    random.choices(list(acts), list(acts.values()))[0]()
    time.sleep(random.uniform(0.01, 0.1))


def _declared(job: Job, **changes: Any) -> Declared:
    said = {"rule": job.rule, "name": job.name, "bucket_name": "b", "spec": {"interval_s": 60}}
    return Declared(**{**said, "revision": job.revision, "enabled": True, **changes})


def _settle(kind: Ruled, job: Job) -> None:
    """Everything that is on its way comes to its end, and then one more run does."""
    standing.declare(kind, _declared(fresh(job)))
    standing.resume(fresh(job))

    def ended() -> bool:
        recovery.recover()
        run(kind, job)
        return fresh(job).status not in ACTIVE

    wait_for(ended)
    assert fresh(job).status in sources(Event.ENQUEUE)
    _begin(job)
    wait_for(ended)
    assert fresh(job).status == "succeeded", fresh(job).last_error


def _check_history(kind: Alone, job: Job) -> None:
    now = fresh(job)
    assert not (kind.folder / "violated").exists(), "two workers were in effects at once"
    assert not Run.objects.filter(finished_at=None).exists(), "no run is left open"
    ends = set(Run.objects.values_list("status", "status_raw"))
    assert ends <= {
        ("succeeded", "succeeded"),
        ("failed", "failed"),
        ("idle", "stopped"),
        ("idle", "replaced"),
    }
    assert now.lifetime_objects == sum(Run.objects.values_list("objects_processed", flat=True))
    lost = Run.objects.filter(status="failed").count()
    assert Failure.objects.filter(code="WorkerLost").count() == min(lost, settings.FAILURE_RING)


RULE_SCENES: dict[str, Callable[..., None]] = {
    scene.__name__: scene
    for scene in (
        rule_killed_everywhere,
        rule_stopped_and_continued,
        rule_replaced_while_its_worker_is_stopped,
        rule_replaced_while_its_worker_is_stopped_in_an_effect,
        everybody_at_once,
    )
}
