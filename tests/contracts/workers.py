"""A process whose forked children work on a job of a kind and are killed where they are told.

It sets Django up once and opens nothing itself, as django-q2's cluster does; each child is a
worker of its own with its own connections. One JSON command per line, one answer per line.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402

from jobs import claims, engine, leases, recovery, standing, transitions  # noqa: E402
from jobs.engine import Limits  # noqa: E402
from jobs.kinds.base import Item, Kind, Outcome, Page, Work, by_rule  # noqa: E402
from jobs.models import Job, Run  # noqa: E402
from jobs.progress import Progress  # noqa: E402
from jobs.standing import Declared  # noqa: E402
from proxy import routes  # noqa: E402
from proxy.records import BucketRecord, find_bucket  # noqa: E402
from tests.contracts import samples  # noqa: E402

PATIENT = Limits(crashes=1_000_000)


class Killer:
    """Kills this process at a boundary that no process before it has seen."""

    def __init__(self, seen: Path) -> None:
        self._path = seen
        self._seen = set(seen.read_text().splitlines()) if seen.exists() else set()

    def __call__(self, *boundary: object) -> None:
        name = json.dumps([str(part) for part in boundary])
        if name not in self._seen:
            with self._path.open("a") as file:
                file.write(name + "\n")
            os.kill(os.getpid(), signal.SIGKILL)


def harmless(*_: object) -> None:
    """Lives on."""


class Hooked:
    """A kind that tells `happens` of each boundary."""

    def __init__(self, kind: Kind, happens: Callable[..., None]) -> None:
        self._kind, self._happens = kind, happens

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kind, name)

    def page(self, work: Work, phase: str, token: str | None) -> Page:
        self._happens("page", phase, token)
        return self._kind.page(work, phase, token)

    def apply(self, work: Work, phase: str, item: Item) -> Outcome:
        return self._kind.apply(HookedWork(work, self._happens, (phase, item)), phase, item)

    def turn(self, work: Work, phase: str) -> None:
        self._happens("before the turn", phase)
        self._kind.turn(work, phase)
        self._happens("before the commit of the turn", phase)


class HookedWork:
    """Tells of the beginning and the end of each effect."""

    def __init__(self, work: Work, happens: Callable[..., None], about: tuple[object, ...]) -> None:
        self._work, self._happens, self._about = work, happens, about

    def __getattr__(self, name: str) -> Any:
        return getattr(self._work, name)

    @contextlib.contextmanager
    def effect(self) -> Iterator[None]:
        with self._work.effect():
            self._happens("effect begins", *self._about)
            yield
            self._happens("effect ended", *self._about)

    @contextlib.contextmanager
    def writing(self, bucket_name: str) -> Iterator[BucketRecord]:
        with self._work.writing(bucket_name) as bucket:
            self._happens("effect begins", *self._about)
            yield bucket
            self._happens("effect ended", *self._about)


def _around(name: str, happens: Callable[..., None]) -> None:
    """Before and after a claim's own UPDATE."""
    real = getattr(claims, name)

    def hooked(claim: claims.Claim, *arguments: Any, **options: Any) -> Any:
        place = [(each.phase, each.token) for each in arguments if isinstance(each, Progress)]
        happens(f"before {name}", place)
        result = real(claim, *arguments, **options)
        happens(f"after {name}", place)
        return result

    setattr(claims, name, hooked)


# -- what a child does ------------------------------------------------------------------------


def prepare(kind: str, index: int) -> Any:
    samples.prepare(samples.SAMPLES[kind][index])
    return samples.state()


def state() -> Any:
    return samples.state()


def create(kind: str, index: int) -> int:
    sample = samples.SAMPLES[kind][index]
    bucket, made = find_bucket(samples.BUCKET), sample.kind()
    if by_rule(made):
        declared = Declared("sample", "sample", bucket.name, sample.params, revision="1")
        return _begun(standing.declare(made, declared), sample)
    return transitions.create_job(made, made.plan(bucket, sample.params), bucket, "tests").pk


def _begun(rule: Job, sample: samples.Sample) -> int:
    """A run of a rule has begun; the rule's job."""
    assert standing.enqueue(rule, sample.mode, "tests", keys=sample.keys) is not None
    return rule.pk


def work(kind: str, index: int, job: int, kill: bool) -> None:
    """One slice of the job, or less."""
    sample = samples.SAMPLES[kind][index]
    sample.before_work()
    happens: Callable[..., None] = Killer(Path(settings.HOME) / "seen") if kill else harmless
    for name in ("checkpoint", "settle", "end_run", "give_back"):
        _around(name, happens)
    engine.work(job, kinds={kind: Hooked(sample.kind(), happens)}, limits=PATIENT)


def meanwhile(kind: str, index: int) -> str | None:
    """What a client does between two slices."""
    client = samples.SAMPLES[kind][index].meanwhile
    return None if client is None else client()


def one_slice(kind: str, index: int, job: int) -> Any:
    """Work on the job for a slice that is over after its first page; where it stands then."""
    settings.SLICE_SECONDS = 0
    work(kind, index, job, kill=False)
    row = Job.objects.get(pk=job)
    return {"phase": row.phase, "token": row.token, "status": row.status}


def die(kind: str, index: int, job: int, boundary: str) -> None:
    """Work on the job until the first such boundary."""

    def here(at: str, *about: object) -> None:
        if at == boundary:
            os.kill(os.getpid(), signal.SIGKILL)

    sample = samples.SAMPLES[kind][index]
    sample.before_work()
    engine.work(job, kinds={kind: Hooked(sample.kind(), here)}, limits=PATIENT)


def halt(kind: str, index: int, job: int, boundary: str, phase: str) -> None:
    """Work on the job, stop (SIGSTOP) at the first such boundary, and go on as if nothing had been."""
    sample, halted = samples.SAMPLES[kind][index], False

    def stop(at: str, *about: Any) -> None:
        nonlocal halted
        if not halted and at == boundary and phase in json.dumps(about, default=str):
            halted = True
            os.kill(os.getpid(), signal.SIGSTOP)

    sample.before_work()
    for name in ("checkpoint", "settle", "end_run"):
        _around(name, stop)
    engine.work(job, kinds={kind: Hooked(sample.kind(), stop)}, limits=PATIENT)


def until(kind: str, index: int, job: int, phase: str) -> None:
    """Work on the job and leave it, without a word, as soon as `phase` begins."""

    def leave(boundary: str, *about: object) -> None:
        if boundary in ("page", "before the turn") and about[0] == phase:
            os.kill(os.getpid(), signal.SIGKILL)

    sample = samples.SAMPLES[kind][index]
    sample.before_work()
    engine.work(job, kinds={kind: Hooked(sample.kind(), leave)}, limits=PATIENT)


def recover(kind: str, index: int, job: int, hurry: bool = True) -> Any:
    """The lease is over (`hurry`: from now on), and somebody looks: the job's row then.

    A rule whose worker was lost begins its next run.
    """
    if hurry:
        Job.objects.filter(pk=job).exclude(holder="").update(lease_expires_ms=1)
    before = Job.objects.get(pk=job)
    transitions.MOST_LOST = PATIENT.crashes
    recovered = recovery.recover()
    row = Job.objects.get(pk=job)
    if recovered.failed:
        assert not before.phase or row.kept == {before.mode: [before.phase, before.token]}
        _begun(row, samples.SAMPLES[kind][index])
        row = Job.objects.get(pk=job)
        assert (row.phase, row.token) == (before.phase, before.token)
    runs = Run.objects.filter(job=row).order_by("pk").values_list("status", flat=True)
    return {"status": row.status, "failed": row.failed, "error": row.last_error, "runs": list(runs)}


def lapse(job: int) -> str:
    """Wait until the job's lease is over by itself; its holder."""
    while not Job.objects.filter(leases.lapsed(), pk=job).exists():
        time.sleep(0.05)
    return Job.objects.get(pk=job).holder


def snapshot(job: int) -> Any:
    """Everything that a worker could change: the job's row, its runs, every place and its seq."""
    row = Job.objects.filter(pk=job).values().get()
    runs = list(Run.objects.filter(job=job).values())
    seqs = [
        (name, place.incarnation, routes.backend(name).head_seq(place))
        for name in routes.backend_names()
        for place in routes.backend(name).places(samples.BUCKET)
    ]
    return json.loads(json.dumps([row, runs, seqs, samples.state()], default=str))


def cancel(job: int) -> None:
    transitions.request_cancel(job)


def spoil(job: int) -> None:
    """The cursor's token is no good any more."""
    Job.objects.filter(pk=job).update(token="no token of ours")


_DEEDS: dict[str, Callable[..., Any]] = {
    each.__name__: each
    for each in (
        prepare,
        state,
        create,
        work,
        meanwhile,
        one_slice,
        die,
        halt,
        until,
        recover,
        lapse,
        snapshot,
        cancel,
        spoil,
    )
}


def _behind(do: str, **arguments: Any) -> dict[str, Any]:
    """A child that nobody waits for; its process id."""
    child = os.fork()
    if child == 0:
        try:
            _DEEDS[do](**arguments)
        finally:
            os._exit(0)
    return {"value": child}


def _state_of(pid: int) -> str:
    """`T` stopped, `Z` ended, `R` or `S` at work. Source: proc(5)."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _goes_on(pid: int, seconds: float) -> dict[str, Any]:
    """SIGCONT, and wait for its end: the exit status, negative for a signal."""
    os.kill(pid, signal.SIGCONT)
    deadline = time.monotonic() + seconds
    while (ended := os.waitpid(pid, os.WNOHANG)) == (0, 0):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{pid} does not end")
        time.sleep(0.02)
    return {"value": os.waitstatus_to_exitcode(ended[1])}


def _in_a_child(do: str, **arguments: Any) -> dict[str, Any]:
    """What a forked child answers, or that it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            answer = {"value": _DEEDS[do](**arguments)}
        except BaseException:
            answer = {"error": traceback.format_exc()}
        with os.fdopen(writing, "w") as pipe:
            json.dump(answer, pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return {"killed": True} if status == -signal.SIGKILL else json.loads(text)


def _answer(order: dict[str, Any]) -> dict[str, Any]:
    match order.pop("how", ""):
        case "behind":
            return _behind(**order)
        case "state":
            return {"value": _state_of(order["pid"])}
        case "goes on":
            return _goes_on(order["pid"], 30.0)
    return _in_a_child(**order)


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
