"""Writes of jobs that hold no gate: they go through the gates of others, as clients' writes do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from pytest_django import Settings

from jobs import standing
from jobs.engine import work
from jobs.engine.claiming import take
from jobs.engine.hold import Hold
from jobs.engine.work import JobWork
from jobs.errors import Deferred, LeaseLost, Withdrawn
from jobs.kinds.base import Item, Work
from jobs.models import Job
from proxy import gate, slots
from proxy.errors import NoSuchBucket, SlowDown
from proxy.models import Bucket
from proxy.records import BucketRecord, find_bucket
from tests.jobs.ruled import Ruled, make_rule
from tests.jobs.support import FAST, make_bucket

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def target(home: Path) -> BucketRecord:
    make_bucket("b")
    return make_bucket("target")


@pytest.fixture
def working(target: BucketRecord) -> JobWork:
    """The work of a claimed rule."""
    kind = Ruled()
    assert standing.enqueue(make_rule("mirror", kind), "reconcile", "tests") is not None
    claim = take(Job.objects.get().pk, {kind.name: kind}, FAST)
    assert claim is not None
    return JobWork(Hold(claim), {}, find_bucket("b"))


def close(bucket: BucketRecord) -> None:
    assert gate.close(bucket.id, "maintenance:7") is not None


def looks_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "LOOK_SECONDS", 0.0)


def test_it_writes_to_where_the_bucket_is_now(working: JobWork, target: BucketRecord) -> None:
    Bucket.objects.filter(pk=target.id).update(backend="archive")
    with working.writing("target") as there:
        assert (there.id, there.route.backend) == (target.id, "archive")
        assert slots.holders(slots.WORK, f"job-{working.job_id}") and slots.holders(slots.WRITE, target.id)
    assert not slots.holders(slots.WORK, f"job-{working.job_id}")
    assert not slots.holders(slots.WRITE, target.id)


def test_a_closed_gate_defers_it_and_says_who_has_which_bucket(
    working: JobWork, target: BucketRecord
) -> None:
    close(target)
    with (
        pytest.raises(Deferred, match=r"Bucket target .* maintenance:7") as deferred,
        working.writing("target"),
    ):
        raise AssertionError("must not get here")
    assert deferred.value.wait_s == 5


def test_a_gate_that_closes_on_the_way_in_defers_it(
    working: JobWork, target: BucketRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = slots.take

    def closing(kind: str, bucket_id: str, **options: Any) -> slots.Slot:
        if kind == slots.WRITE:
            close(target)
        return real(kind, bucket_id, **options)

    monkeypatch.setattr(slots, "take", closing)
    with pytest.raises(Deferred, match="maintenance:7"), working.writing("target"):
        raise AssertionError("must not get here")
    assert not slots.holders(slots.WRITE, target.id)


def test_a_write_that_is_alone_in_the_bucket_is_waited_for_by_trying_again(
    working: JobWork, target: BucketRecord
) -> None:
    alone = slots.take(slots.WRITE, target.id, exclusive=True)
    with pytest.raises(SlowDown), working.writing("target"):
        raise AssertionError("must not get here")
    alone.release()
    with working.writing("target"):
        pass


def test_a_bucket_that_is_gone_is_said_to_be(working: JobWork) -> None:
    Bucket.objects.filter(name="target").delete()
    with pytest.raises(NoSuchBucket), working.writing("target"):
        raise AssertionError("must not get here")


def test_a_gate_that_closes_in_mid_body_is_heard_between_the_pieces(
    working: JobWork, target: BucketRecord, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    looks_always(monkeypatch)
    settings.GATE_GRACE_SECONDS = 3600
    with working.writing("target"):
        working.pulse()
        close(target)
        working.pulse()
    gate.open(target.id, "maintenance:7")
    settings.GATE_GRACE_SECONDS = 0
    with pytest.raises(Deferred, match="maintenance:7"), working.writing("target"):
        close(target)
        working.pulse()
        raise AssertionError("must not get here")
    working.pulse()
    assert not slots.holders(slots.WRITE, target.id), "so a drain ends"


def test_a_thread_hears_of_the_gate_that_it_is_in_and_of_no_other(
    working: JobWork, target: BucketRecord, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    looks_always(monkeypatch)
    settings.GATE_GRACE_SECONDS = 0
    heard: list[str] = []

    def elsewhere() -> None:
        with working.writing("b"):
            working.pulse()
            heard.append("nothing")
        connections.close_all()

    with pytest.raises(Deferred), working.writing("target"):
        close(target)
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        working.pulse()
    assert heard == ["nothing"]


def test_a_drain_waits_for_it(working: JobWork, target: BucketRecord) -> None:
    order: list[str] = []
    tried = threading.Event()

    def drain() -> None:
        gate.drain(target.id, tried.set)
        order.append("drained")

    thread = threading.Thread(target=drain)
    with working.writing("target"):
        close(target)
        thread.start()
        assert tried.wait(20)
        order.append("written")
    thread.join()
    assert order == ["written", "drained"]


@pytest.mark.parametrize(
    ("change", "signal"),
    [({"epoch": 99}, LeaseLost), ({"holder": "you"}, LeaseLost), ({"enabled": False}, Withdrawn)],
)
def test_it_begins_nothing_once_the_job_is_not_ours_or_not_wanted(
    working: JobWork, change: dict[str, Any], signal: type[Exception]
) -> None:
    Job.objects.update(**change)
    with pytest.raises(signal), working.writing("target"):
        raise AssertionError("must not get here")


def test_who_claims_it_next_waits_until_it_is_out(working: JobWork, target: BucketRecord) -> None:
    kind = Ruled()
    with working.writing("target"):
        Job.objects.update(status="queued", holder="")
        assert take(working.job_id, {kind.name: kind}, FAST) is None
        assert "ruled:mirror" in Job.objects.get().last_error
    assert take(working.job_id, {kind.name: kind}, FAST) is not None


# -- in whole runs ----------------------------------------------------------------------------


def writer(then: Callable[[Work, Item], None]) -> Ruled:
    def write(work: Work, phase: str, item: Item) -> None:
        with work.writing("target"):
            then(work, item)

    return Ruled(objects=6, before_item=write, concurrency=1)


def one_run(kind: Ruled) -> Job:
    job = make_rule("mirror", kind)
    assert standing.enqueue(job, "reconcile", "tests") is not None
    work(job.pk, kinds={kind.name: kind}, limits=FAST)
    return Job.objects.get()


@pytest.mark.parametrize("when", ["before", "in mid body"])
def test_a_run_into_a_bucket_that_is_gated_ends_deferred_and_the_next_one_goes_on(
    when: str, target: BucketRecord, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    looks_always(monkeypatch)
    settings.GATE_GRACE_SECONDS = 0
    done: list[str] = []

    def then(work: Work, item: Item) -> None:
        if (
            item.key == "reconcile-4"
            and "reconcile-4" not in done
            and find_bucket("target").gate.holder is None
        ):
            close(target)
            if when == "before":
                return
        work.pulse()
        done.append(item.key)

    job = one_run(writer(then))
    assert (job.status, job.kept) == ("idle", {"reconcile": ["reconcile", "3"]})
    assert job.runs.get().status_raw == "deferred"
    assert job.last_error == "Bucket target takes no writes now: maintenance:7 has it."
    gate.open(target.id, "maintenance:7")
    again = one_run(writer(lambda work, item: done.append(item.key)))
    assert again.status == "succeeded" and set(done) == {f"reconcile-{n}" for n in range(6)}
