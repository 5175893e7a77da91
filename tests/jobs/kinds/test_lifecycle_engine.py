"""Lifecycle rules through the engine: queued, claimed, deferred, taken up again, retried."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from jobs import standing
from jobs.engine import work
from jobs.kinds.base import Item, Outcome, Page, Work
from jobs.kinds.lifecycle import Lifecycle
from jobs.kinds.lifecycle_rules.ground import Steps
from jobs.models import Failure, Job, Run
from jobs.standing import Declared
from proxy import gate, routes
from proxy.errors import AccessDenied
from proxy.store import Store
from tests.jobs.kinds.conftest import storage
from tests.jobs.kinds.ruling import FEW, aged, bucket, bucket_of, days, rule, spec
from tests.jobs.kinds.world import HOLDER, closed, keys, put
from tests.jobs.support import FAST

pytestmark = pytest.mark.django_db(transaction=True)

OLD = spec(rule(action="delete", after_s=days(10), prefix="logs/"))
NEWEST = spec(rule(action="retain-newest", count=3, prefix="logs/"))


@pytest.fixture(autouse=True)
def in_a_folder(settings: Any, tmp_path: Path, home: Path) -> Iterator[None]:
    settings.STORAGE = storage("filesystem", "filesystem", tmp_path)
    yield
    for name in routes.backend_names():
        getattr(routes.backend(name), "close", lambda: None)()


class Hooked(Lifecycle):
    """Calls `before` each page, with its number."""

    def __init__(self, before: Callable[[int], None], steps: Steps = FEW) -> None:
        super().__init__(steps)
        self._before, self.pages = before, 0

    def page(self, work: Work, phase: str, token: str | None) -> Page:
        self._before(self.pages)
        self.pages += 1
        return super().page(work, phase, token)


def declared(asked: dict[str, Any], revision: str = "1") -> Job:
    return standing.declare(Lifecycle(), Declared("old", "old", asked["bucket"], asked, revision=revision))


def run(job: Job, kind: Lifecycle, mode: str = "run", keys: tuple[str, ...] = ()) -> Job:
    """One run, to its end, whatever that is."""
    assert standing.enqueue(Job.objects.get(pk=job.pk), mode, "tests", keys=keys) is not None
    work(job.pk, kinds={"lifecycle": kind}, limits=FAST)
    return Job.objects.get(pk=job.pk)


def fill(number: int = 20) -> Store:
    store = bucket_of()
    for each in range(number):
        aged(store, f"logs/{each:02}", 11 + each)
    aged(store, "other", 100)
    return store


def test_a_run_tells_what_it_did() -> None:
    store = fill()
    job = run(declared(OLD), Lifecycle(FEW))
    assert keys(store) == ["other"]
    assert (job.status, job.deleted, job.lifetime_objects, job.failed) == ("succeeded", 20, 20, 0)
    only = Run.objects.get(job=job)
    assert (only.status, only.objects_deleted, only.objects_processed, only.mode) == (
        "succeeded", 20, 20, "run",
    )  # fmt: skip
    assert only.detail["tally"]["decided"] == {"delete": {"objects": 20, "bytes": 80}}


@pytest.mark.parametrize(("asked", "at"), [(OLD, 4), (NEWEST, 11)], ids=["by age", "the newest"])
def test_a_gate_that_closes_in_the_middle_defers_and_the_next_run_does_the_rest(
    asked: dict[str, Any], at: int
) -> None:
    store = fill()

    def close(page: int) -> None:
        if page == at:
            closed(bucket())

    job = declared(asked)
    deferred = run(job, Hooked(close))
    assert (deferred.status, Run.objects.get(job=job).status_raw) == ("idle", "deferred")
    assert "photos" in deferred.last_error and HOLDER in deferred.last_error
    assert 4 < len(keys(store)) < 21
    assert gate.open(bucket().id, HOLDER)
    again = run(job, Lifecycle(FEW))
    assert again.status == "succeeded"
    assert keys(store) == (["other"] if asked is OLD else ["logs/00", "logs/01", "logs/02", "other"])
    counts = list(Run.objects.filter(job=job).order_by("pk").values_list("objects_deleted", flat=True))
    assert sum(counts) == (20 if asked is OLD else 17)
    if asked is OLD:
        scanned = Run.objects.filter(job=job).order_by("pk").values_list("objects_scanned", flat=True)
        assert sum(scanned) == 20, "it went on where it was"


def test_what_fails_is_told_by_its_code_and_can_be_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    store = fill(5)
    real = Store.delete_all

    def forbidding(self: Store, deletions: Any) -> Any:
        done = real(self, [each for each in deletions if each.key != "logs/03"])
        ends = iter(done)
        return [AccessDenied() if each.key == "logs/03" else next(ends) for each in deletions]

    monkeypatch.setattr(Store, "delete_all", forbidding)
    job = run(declared(OLD), Lifecycle(FEW))
    assert (job.status, job.failed, job.deleted) == ("succeeded", 1, 4)
    assert list(Failure.objects.values_list("key", "code")) == [("logs/03", "AccessDenied")]
    monkeypatch.undo()
    retried = run(job, Lifecycle(FEW), mode="retry", keys=("logs/03",))
    assert (retried.status, retried.failed, retried.deleted) == ("succeeded", 0, 1)
    assert keys(store) == ["other"]


def test_another_definition_forgets_where_the_old_one_was() -> None:
    store = fill()

    def close(page: int) -> None:
        if page == 3:
            closed(bucket())

    job = declared(OLD)
    run(job, Hooked(close))
    gate.open(bucket().id, HOLDER)
    put(store, "logs/00", b"new")
    changed = spec(rule(action="delete", after_s=0))
    done = run(declared(changed, "2"), Lifecycle(FEW))
    assert done.status == "succeeded" and keys(store) == []


def test_ten_thousand_objects_are_deleted_and_how_long_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    store, number = bucket_of(), 10_000

    def fill_some(start: int) -> None:
        for each in range(start, number, 16):
            aged(store, f"logs/{each:05}", 11 + each % 7)
        connections.close_all()

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(fill_some, range(16)))
    job, began = declared(OLD), time.perf_counter()
    done = run(job, Lifecycle())
    took = time.perf_counter() - began
    assert done.status == "succeeded" and done.deleted == number and keys(store) == []
    began = time.perf_counter()
    assert run(job, Lifecycle()).deleted == 0
    with capsys.disabled():
        print(f"\n{number} objects deleted by their age in {took:.1f} s: {number / took:.0f}/s")


def test_an_item_of_several_objects_counts_each_of_them() -> None:
    store = fill(7)
    seen: list[Outcome] = []

    class Told(Lifecycle):
        def apply(self, work: Work, phase: str, item: Item) -> Outcome:
            seen.append(super().apply(work, phase, item))
            return seen[-1]

    run(declared(OLD), Told(FEW))
    assert sorted(each.deleted for each in seen) == [1, 1, 1, 2, 2] and keys(store) == ["other"]
