"""A job goes only through the phases of its mode, and its gate closes when the first one needs it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from django.db import connections

from jobs import transitions
from jobs.engine import work
from jobs.errors import BucketBusy
from jobs.kinds.base import Item, Phase, Plan, Shape, Work
from jobs.models import Job
from jobs.presentation import Shown, busy_row
from jobs.states import Status
from proxy import gate
from proxy.errors import NoSuchBucket
from proxy.models import Bucket
from proxy.records import BucketRecord
from tests.jobs.support import FAST, Walker, gate_is_open, make_bucket, make_job, wait_for

pytestmark = pytest.mark.django_db(transaction=True)

PHASES = (
    Phase("stage", share=1, writable=True),
    Phase("copy", share=90, counted=True, writable=True),
    Phase("delta", share=1),
    Phase("flip", Shape.TURN, share=1),
    Phase("cleanup", share=7, fatal=False),
)
MODES = {"": ("delta", "flip", "cleanup"), "late": ("stage", "copy", "delta", "flip", "cleanup")}


def late(**hooks: object) -> Walker:
    return Walker(phases=PHASES, modes=MODES, **hooks)  # type: ignore[arg-type]


def start(kind: Walker, bucket: BucketRecord, mode: str = "late") -> Job:
    return transitions.create_job(kind, Plan("walk", {}, mode=mode), bucket, "tester")


def run(kind: Walker, job: Job) -> Job:
    work(job.pk, kinds={kind.name: kind}, limits=FAST)
    return Job.objects.get(pk=job.pk)


def test_a_bucket_takes_writes_in_the_writable_phases_and_in_no_other(home: Path, tmp_path: Path) -> None:
    seen: dict[str, set[bool]] = {}
    bucket = make_bucket()

    def look(work: Work, phase: str, item: Item) -> None:
        seen.setdefault(phase, set()).add(gate_is_open(bucket.name))

    kind = late(before_item=look, log=tmp_path / "log")
    job = start(kind, bucket)
    assert gate_is_open(bucket.name)
    assert run(kind, job).status == "succeeded"
    assert seen == {"stage": {True}, "copy": {True}, "delta": {False}, "cleanup": {True}}
    assert gate_is_open(bucket.name)


def test_the_phase_that_closes_the_gate_waits_for_writes_that_are_on_their_way(home: Path) -> None:
    bucket, begun = make_bucket(), threading.Event()

    def begins(work: Work, phase: str, token: str | None) -> None:
        if phase == "delta":
            begun.set()

    kind = late(before_page=begins)
    job = start(kind, bucket)

    def slice_of_work() -> None:
        run(kind, job)
        connections.close_all()

    worker = threading.Thread(target=slice_of_work)
    with gate.enter(bucket.name):
        worker.start()
        wait_for(lambda: not gate_is_open(bucket.name))
        wait_for(lambda: Job.objects.get().phase == "delta")
        assert not begun.is_set()
    worker.join()
    assert begun.is_set() and Job.objects.get().status == "succeeded"


def test_a_job_of_another_mode_closes_the_gate_at_once(home: Path) -> None:
    kind, bucket = late(), make_bucket()
    job = start(kind, bucket, "")
    assert not gate_is_open(bucket.name)
    assert run(kind, job).status == "succeeded"


def test_with_an_open_gate_it_is_the_one_job_of_its_bucket_all_the_same(home: Path) -> None:
    kind, bucket = late(), make_bucket()
    first = start(kind, bucket)
    with pytest.raises(BucketBusy) as refused:
        make_job(Walker(), bucket)
    assert refused.value.fields == {"job": first.public_id}


def test_a_gate_that_another_holds_refuses_it_at_the_start(home: Path) -> None:
    kind, bucket = late(), make_bucket()
    gate.close(bucket.id, "somebody")
    with pytest.raises(BucketBusy):
        start(kind, bucket)
    assert not Job.objects.exists()


def test_a_gate_that_another_took_meanwhile_fails_it_and_what_it_did_is_undone(
    home: Path, tmp_path: Path
) -> None:
    bucket = make_bucket()

    def take(work: Work, phase: str, item: Item) -> None:
        if item.key == "copy-9":
            gate.close(bucket.id, "somebody")

    kind = late(before_item=take, log=tmp_path / "log")
    job = run(kind, start(kind, bucket))
    assert job.status == "failed" and job.last_error.startswith("BucketBusy")
    assert sum(deed.startswith("unwind") for deed in kind.deeds()) == 10
    assert not gate_is_open(bucket.name), "it is the other's to open"


def test_a_failure_with_an_open_gate_undoes_and_ends(home: Path, tmp_path: Path) -> None:
    def fail(work: Work, phase: str, item: Item) -> None:
        if item.key == "copy-4":
            raise ZeroDivisionError("a bug")

    kind, bucket = late(before_item=fail, log=tmp_path / "log"), make_bucket()
    job = run(kind, start(kind, bucket))
    assert job.status == "failed" and gate_is_open(bucket.name)
    assert sum(deed.startswith("unwind") for deed in kind.deeds()) == 10


@pytest.mark.parametrize("at", ["page", "slice"])
def test_what_was_done_is_undone_though_the_bucket_was_deleted_meanwhile(
    at: str, home: Path, tmp_path: Path
) -> None:
    """Its owner may do so as long as the gate is open."""
    bucket = make_bucket()

    def delete(work: Work, phase: str, item: Item) -> None:
        if item.key == "copy-9":
            Bucket.objects.all().delete()
            if at == "page":
                raise NoSuchBucket

    kind = late(before_item=delete, log=tmp_path / "log")
    job = run(kind, start(kind, bucket))
    assert (job.status, job.unwinding) == ("failed", True)
    assert sum(deed.startswith("unwind") for deed in kind.deeds()) == 10


def test_a_mode_that_the_kind_does_not_know_fails_the_job(home: Path) -> None:
    kind, bucket = late(), make_bucket()
    job = start(kind, bucket, "")
    Job.objects.update(mode="sideways")
    job = run(kind, job)
    assert job.status == "failed" and "no mode 'sideways'" in job.last_error
    assert gate_is_open(bucket.name)


@pytest.mark.parametrize(
    ("phase", "turned", "gated"),
    [("", False, False), ("precopy", False, False), ("copy", False, True), ("cleanup", True, False)],
)
def test_what_is_told_of_a_busy_bucket_says_whether_it_takes_writes(
    phase: str, turned: bool, gated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    phases = (Phase("precopy", writable=True), Phase("copy"), Phase("cleanup"))
    kind = Walker(phases=phases)
    monkeypatch.setattr("jobs.presentation.shown.KINDS", {"walker": kind})
    job = Job(kind="walker", status="running", gated=True, phase=phase, turned=turned)
    job.created_at = None  # type: ignore[assignment]
    assert busy_row(Shown(job, Status.RUNNING))["gated"] is gated
