"""Cancel, in every phase and from every side."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from pytest_django import Settings

from jobs import recovery, transitions
from jobs.engine import hold, work
from jobs.kinds.base import Item, Page, Phase, Work
from jobs.models import Job
from tests.jobs.support import FAST, Walker, gate_is_open, lapse, make_bucket, make_job

pytestmark = pytest.mark.django_db(transaction=True)


def run(kind: Walker, job: Job) -> Job:
    work(job.pk, kinds={kind.name: kind}, limits=FAST)
    return Job.objects.get(pk=job.pk)


def cancelling_at(phase: str) -> Walker:
    """A kind in whose phase an operator cancels."""

    def cancel(work: Work, at: str, token: str | None) -> None:
        if at == phase and Job.objects.get(pk=work.job_id).status == "running":
            transitions.request_cancel(work.job_id)

    return Walker(before_page=cancel)


@pytest.mark.parametrize("phase", ["stage", "copy"])
def test_a_cancel_before_the_turn_undoes_and_opens_the_gate(home: Path, tmp_path: Path, phase: str) -> None:
    kind, bucket = cancelling_at(phase), make_bucket()
    kind.log = tmp_path / "log"
    job = run(kind, make_job(kind, bucket))
    assert (job.status, job.turned) == ("cancelled", False)
    assert gate_is_open(bucket.name)
    assert sum(deed.startswith("unwind") for deed in kind.deeds()) == 10
    assert job.runs.get().status == "cancelled"


def test_a_cancel_at_the_turn_itself_comes_first_or_too_late(home: Path) -> None:
    """The turn's guard is the status: a cancel that was committed before it wins."""
    kind, bucket = Walker(), make_bucket()

    def cancel_before_the_last_checkpoint(work: Work, phase: str, item: Item) -> None:
        if item.key == "copy-9":
            transitions.request_cancel(work.job_id)

    kind.before_item = cancel_before_the_last_checkpoint
    job = run(kind, make_job(kind, bucket))
    assert (job.status, job.turned) == ("cancelled", False)
    assert gate_is_open(bucket.name)


def test_a_cancel_after_the_turn_stops_the_cleanup_and_lists_what_is_left(
    home: Path, settings: Settings
) -> None:
    kind = Walker()

    def cancel(work: Work, phase: str, token: str | None) -> None:
        if phase == "cleanup" and token == "3":
            transitions.request_cancel(work.job_id)
            time.sleep(1.1)

    kind.before_page = cancel
    job = run(kind, make_job(kind))
    assert (job.status, job.turned) == ("succeeded", True)
    left = {row.key for row in job.failures.filter(code="Stopped")}
    assert "cleanup-9" not in left and len(left) == 3
    assert job.failed == 10 - 6, "what is left is counted, though only some of it is listed"


def test_a_cancel_between_slices_after_the_turn_ends_amber(home: Path, settings: Settings) -> None:
    settings.SLICE_SECONDS = 0
    kind = Walker()
    job = make_job(kind)
    while not (job := run(kind, job)).turned:
        pass
    assert job.status == "queued"
    assert transitions.request_cancel(job.pk).status == "queued"
    job = run(kind, job)
    assert (job.status, job.failed) == ("succeeded", 10)


def test_a_cancel_while_a_wait_after_the_turn_lasts_is_heard(home: Path, settings: Settings) -> None:
    settings.SLICE_SECONDS = 0

    def wait(page: Page, phase: str, token: str | None) -> Page:
        return Page(token=token, wait_s=3600) if phase == "cleanup" else page

    kind = Walker(page_of=wait)
    job = make_job(kind)
    while not (job := run(kind, job)).not_before_ms:
        pass
    transitions.request_cancel(job.pk)
    job = run(kind, job)
    assert (job.status, job.failures.get().code) == ("succeeded", "Stopped")


def test_a_cancel_between_slices_unwinds_in_the_next(home: Path, settings: Settings) -> None:
    settings.SLICE_SECONDS = 0
    kind, bucket = Walker(), make_bucket()
    job = run(kind, make_job(kind, bucket))
    assert job.status == "queued" and job.has_effects
    assert transitions.request_cancel(job.pk).status == "cancelling"
    for _ in range(20):
        if (job := run(kind, job)).terminal:
            break
        assert (job.status, job.holder) == ("cancelling", ""), "between the slices of its unwinding"
        assert not gate_is_open(bucket.name)
        assert recovery.recover().requeued == 0, "that is no zombie"
    assert job.status == "cancelled" and gate_is_open(bucket.name)


def test_a_cancel_is_heard_inside_a_large_object(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold, "LOOK_MS", 20)
    inside = threading.Event()

    def long(work: Work, phase: str, item: Item) -> None:
        if phase == "copy":
            inside.set()
            while True:
                work.pulse()
                time.sleep(0.005)

    kind, bucket = Walker(before_item=long), make_bucket()
    job = make_job(kind, bucket)
    worker = threading.Thread(target=lambda: run(kind, job))
    worker.start()
    assert inside.wait(10)
    asked = time.monotonic()
    assert transitions.request_cancel(job.pk).status == "cancelling"
    worker.join(10)
    assert not worker.is_alive() and time.monotonic() - asked < 5
    assert Job.objects.get().status == "cancelled" and gate_is_open(bucket.name)


def test_a_cancelled_job_whose_worker_died_is_unwound_by_another(home: Path) -> None:
    kind, bucket = Walker(), make_bucket()
    job = make_job(kind, bucket)

    def cancel_and_vanish(work: Work, phase: str, token: str | None) -> None:
        if token == "3":
            transitions.request_cancel(work.job_id)
            lapse(work.job_id)

    kind.before_page = cancel_and_vanish
    assert run(kind, job).status == "cancelling"
    assert recovery.recover().requeued == 1
    kind.before_page = lambda *_: None
    assert run(kind, job).status == "cancelled"
    assert gate_is_open(bucket.name)


def test_a_cancelled_job_without_effects_is_settled_by_recovery(home: Path) -> None:
    kind = Walker(unwind=None, phases=(Phase("copy", counted=True),))
    bucket = make_bucket()
    job = make_job(kind, bucket)

    def cancel_and_vanish(work: Work, phase: str, token: str | None) -> None:
        transitions.request_cancel(work.job_id)
        lapse(work.job_id)

    kind.before_page = cancel_and_vanish
    assert run(kind, job).status == "cancelling"
    assert recovery.recover().cancelled == 1
    job.refresh_from_db()
    assert (job.status, job.runs.get().status) == ("cancelled", "cancelled")
    assert gate_is_open(bucket.name)


def test_a_cancel_while_a_failed_job_unwinds_makes_it_cancelled(home: Path, settings: Settings) -> None:
    settings.SLICE_SECONDS = 0
    kind, bucket = Walker(), make_bucket()

    def fail(work: Work, phase: str, token: str | None) -> None:
        if phase == "copy":
            raise ZeroDivisionError

    kind.before_page = fail
    job = make_job(kind, bucket)
    while not (job := run(kind, job)).unwinding:
        pass
    assert job.status == "queued"
    transitions.request_cancel(job.pk)
    while not (job := run(kind, job)).terminal:
        pass
    assert job.status == "cancelled" and "ZeroDivisionError" in job.last_error
    assert gate_is_open(bucket.name)


def test_an_unwinding_that_fails_still_ends_and_says_what_is_left(home: Path) -> None:
    def fail(work: Work, phase: str, item: Item) -> None:
        if item.key in ("copy-1", "unwind-5"):
            raise PermissionError("no")

    kind, bucket = Walker(before_item=fail), make_bucket()
    job = run(kind, make_job(kind, bucket))
    assert job.status == "failed" and gate_is_open(bucket.name)
    assert {row.key for row in job.failures.all()} == {"copy-1", "unwind-5"}
