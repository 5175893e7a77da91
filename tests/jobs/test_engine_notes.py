"""A kind's notes are saved with the page whose items they speak of; an item may stand for several objects."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.engine import work
from jobs.kinds.base import Item, Outcome, Phase, Work
from jobs.models import Failure, Job
from proxy.errors import AccessDenied, SlowDown
from tests.jobs.support import FAST, Walker, make_bucket, make_job

pytestmark = pytest.mark.django_db(transaction=True)

TOLERANT = (Phase("copy", share=100, counted=True, fatal=False),)


def run(kind: Walker) -> Job:
    job = make_job(kind, make_bucket())
    work(job.pk, kinds={kind.name: kind}, limits=FAST)
    return Job.objects.get(pk=job.pk)


def test_a_page_whose_items_failed_leaves_the_notes_as_they_were(home: Path) -> None:
    def fail(work: Work, phase: str, item: Item) -> None:
        if item.key == "copy-4":
            raise AccessDenied()

    job = run(Walker(before_item=fail, unwind=None))
    assert (job.status, job.token) == ("failed", "3")
    assert job.state["seen"] == "copy 3"


def test_a_page_that_is_asked_for_again_finds_the_notes_as_they_were(home: Path) -> None:
    seen = []

    def stumble(work: Work, phase: str, token: str | None) -> None:
        work.state["tries"] = work.state.get("tries", 0) + 1
        seen.append(work.state["tries"])
        if len(seen) == 2:
            raise SlowDown()

    job = run(Walker(before_page=stumble, phases=TOLERANT))
    assert job.status == "succeeded"
    assert seen == [1, 2, 2, 3, 4] and job.state["tries"] == 4


def test_what_an_item_leaves_is_done_on_its_own_with_its_own_retries_and_failure(home: Path) -> None:
    tries: dict[str, int] = {}

    def trouble(work: Work, phase: str, item: Item) -> None:
        tries[item.key] = tries.get(item.key, 0) + 1
        if item.key == "stumbles" and tries[item.key] < 3:
            raise SlowDown()
        if item.key == "fails":
            raise AccessDenied()

    def outcome(phase: str, item: Item) -> Outcome:
        if item.key == "copy-0":
            return Outcome(objects=14, left=10, size=40, again=(Item("stumbles"), Item("fails")))
        return Outcome(size=1)

    job = run(Walker(objects=1, before_item=trouble, outcome_of=outcome, phases=TOLERANT))
    assert (job.status, job.processed, job.skipped, job.failed, job.bytes_done) == (
        "succeeded",
        15,
        10,
        1,
        41,
    )
    assert tries == {"copy-0": 1, "stumbles": 3, "fails": 1}
    assert list(Failure.objects.values_list("key", "code")) == [("fails", "AccessDenied")]
