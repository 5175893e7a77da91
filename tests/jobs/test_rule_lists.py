"""Rules among other jobs: found by their names, filtered, counted, sorted and paged."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs import actions
from jobs.actions import Actor, Filters
from jobs.actions.listing import SORTS
from jobs.errors import BadRequest, NotFound
from jobs.models import Heartbeat, Job
from jobs.presentation import job_row, run_row
from tests.jobs.rule_rows import LIFECYCLE, make_rule, make_run
from tests.jobs.test_actions import beat
from tests.jobs.windows import NOW, make_job

pytestmark = pytest.mark.django_db
BOSS = Actor("admin", "10.0.0.1")


def ids(**asked: Any) -> list[str]:
    return [shown.job.public_id for shown in actions.listing(BOSS, **asked).jobs]


@pytest.fixture
def mixed() -> list[str]:
    """Three rules between five one-offs, in the order in which they are shown."""
    one_offs = [make_job("succeeded", bucket_name=f"b{number}") for number in range(2)]
    for kind, name in (("replication", "same"), ("lifecycle", "zebra"), ("lifecycle", "same")):
        make_rule(kind, name)
    one_offs += [make_job("failed", bucket_name="releases") for _ in range(3)]
    return [
        "lifecycle:same",
        "replication:same",
        "lifecycle:zebra",
        *[job.public_id for job in reversed(one_offs)],
    ]


def test_every_rule_stands_before_the_newest_one_offs(mixed: list[str]) -> None:
    assert ids() == mixed
    assert ids(oneoffs=2) == mixed[:5]


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7, 8])
def test_pages_are_exact_over_both(mixed: list[str], sort: str, limit: int) -> None:
    whole = ids(sort=sort, limit=200)
    assert sorted(whole) == sorted(mixed)
    seen: list[str] = []
    cursor, first = None, True
    while cursor or first:
        page = actions.listing(BOSS, limit=limit, cursor=cursor, sort=sort)
        seen += [shown.job.public_id for shown in page.jobs]
        assert len(page.jobs) == limit or page.next_cursor is None
        cursor, first = page.next_cursor, False
    assert seen == whole


def test_a_page_without_a_limit_goes_on_with_one_offs_alone(mixed: list[str]) -> None:
    first = actions.listing(BOSS, oneoffs=2)
    rest = actions.listing(BOSS, oneoffs=3, cursor=first.next_cursor)
    assert [shown.job.public_id for shown in rest.jobs] == mixed[5:] and rest.next_cursor is None


def test_a_cursor_of_another_order_is_refused(mixed: list[str]) -> None:
    cursor = actions.listing(BOSS, limit=1, sort="-created").next_cursor
    with pytest.raises(BadRequest, match="another sort order"):
        actions.listing(BOSS, cursor=cursor, sort="created")


def test_what_is_new_meanwhile_moves_no_page(mixed: list[str]) -> None:
    first = actions.listing(BOSS, limit=4)
    make_rule("lifecycle", "aardvark")
    make_job("queued", bucket_name="new")
    rest = actions.listing(BOSS, limit=200, cursor=first.next_cursor)
    assert [shown.job.public_id for shown in rest.jobs] == mixed[4:]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(trigger="continuous"), ["replication:mirror"]),
        (Filters(trigger="scheduled"), ["lifecycle:expire", "lifecycle:move"]),
        (Filters(trigger="oneoff"), ["maintenance"]),
        (Filters(paused="true"), ["lifecycle:expire"]),
        (Filters(paused="false", kind="lifecycle"), ["lifecycle:move"]),
        (Filters(kind="replication"), ["replication:mirror"]),
        (Filters(status="idle"), ["lifecycle:expire", "replication:mirror"]),
        (Filters(bucket="releases"), ["replication:mirror"]),
        (Filters(bucket="releases-dr"), ["replication:mirror"]),
        (Filters(bucket="cellar"), ["lifecycle:move"]),
        (Filters(bucket="db-archive"), ["lifecycle:expire", "lifecycle:move"]),
        (Filters(q="MIRR"), ["replication:mirror"]),
        (Filters(q="lifecycle:move"), ["lifecycle:move"]),
        (Filters(q="replication:move"), []),
        (Filters(q="releases"), ["replication:mirror"]),
    ],
)
def test_filters_know_rules(filters: Filters, expected: list[str]) -> None:
    make_rule()
    make_rule("lifecycle", "expire", paused=True)
    moving = dict(LIFECYCLE["rules"][0]) | {"destination": {"bucket": "cellar", "prefix": ""}}
    make_rule("lifecycle", "move", "succeeded", spec=LIFECYCLE | {"rules": [moving]})
    make_job("succeeded", bucket_name="logs")
    found = [name.partition(":")[0] if name.startswith("maint") else name for name in ids(filters=filters)]
    assert sorted(found) == expected


@pytest.mark.parametrize(
    "filters", [Filters(kind="x"), Filters(trigger="x"), Filters(paused="yes"), Filters(status="paused")]
)
def test_a_wrong_filter_is_refused(filters: Filters) -> None:
    with pytest.raises(BadRequest):
        actions.listing(BOSS, filters)


def test_the_number_of_a_rules_row_is_not_its_id() -> None:
    job = make_rule("replication", "7")
    assert actions.lookup(BOSS, "replication:7").job == job
    bucket_rule = make_rule("lifecycle", "bucket:photos")
    assert actions.lookup(BOSS, "lifecycle:bucket:photos").job == bucket_rule
    for wrong in (
        f"replication:{job.pk + 1000}",
        f"lifecycle:{bucket_rule.pk}",
        "maintenance:7",
        "lifecycle:7",
    ):
        with pytest.raises(NotFound):
            actions.lookup(BOSS, wrong)
    assert ids(filters=Filters(q=str(bucket_rule.pk + 500))) == []


def test_counts_by_status_take_rules_in() -> None:
    make_rule()
    make_rule("lifecycle", "expire", "queued")
    make_rule("lifecycle", "move", "running")
    make_job("queued", bucket_name="x", open_run=True)
    found = {status.value: number for status, number in actions.counts(BOSS).items() if number}
    assert found == {"idle": 1, "queued": 1, "running": 2}


def test_a_queued_run_of_a_rule_is_no_running_one() -> None:
    job = make_rule(status="queued")
    assert actions.lookup(BOSS, job.public_id).status == "queued"
    job.runs.update(status="running")
    assert actions.lookup(BOSS, job.public_id).status == "running", "between two slices"
    Job.objects.update(paused=True)
    assert actions.lookup(BOSS, job.public_id).status == "queued", "it waits until it is resumed"
    assert actions.workers(BOSS).row()["paused"] == 1 and actions.workers(BOSS).working == 0
    Job.objects.update(run_anyway=True)
    assert actions.lookup(BOSS, job.public_id).status == "running", "it runs although it is paused"


def test_rules_make_no_bucket_busy() -> None:
    make_rule(status="running")
    make_rule("lifecycle", "expire", "running", bucket_name="releases")
    assert actions.busy("releases") is None
    job = make_job("queued", bucket_name="releases", gated=True)
    found = actions.busy("releases")
    assert found is not None and found.job == job


def test_a_long_list_costs_no_more_statements_than_a_short_one() -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as seen:
            for shown in actions.listing(BOSS).jobs:
                job_row(shown, NOW, listed=True)
        return len(seen)

    make_run(make_rule())
    make_job("succeeded")
    few = statements()
    for number in range(20):
        make_run(make_rule("lifecycle", f"r{number}", "succeeded"))
        make_job("succeeded", bucket_name=f"b{number}")
    assert statements() == few


def test_runs_are_read_without_what_they_reported_where_nobody_shows_it() -> None:
    job = make_rule()
    for _ in range(3):
        make_run(job, detail={"verify": "long"})
    with CaptureQueriesContext(connection) as seen:
        rows = [run_row(run) for run in actions.runs(BOSS, job.public_id, details=False)]
    assert not any("detail" in row for row in rows) and len(seen) == 2
    assert "detail" in run_row(actions.runs(BOSS, job.public_id)[0])


def test_failures_of_all_kept_runs_are_counted() -> None:
    job = make_rule(status="succeeded", failed=1)
    make_run(job, errors=300)
    make_run(job, errors=1)
    assert actions.failures(BOSS, job.public_id).total == 301


def test_the_plan_of_a_long_list_uses_indexes() -> None:
    Job.objects.bulk_create(Job(kind="migrate", subsystem="maintenance", name=str(n)) for n in range(300))
    with CaptureQueriesContext(connection) as seen:
        actions.listing(BOSS)
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN QUERY PLAN " + seen[-1]["sql"])
        plan = " ".join(str(row[-1]) for row in cursor.fetchall())
    assert "TEMP B-TREE" not in plan.upper(), plan


# -- why nothing runs ---------------------------------------------------------------------------


def test_a_lane_that_nobody_serves_is_told_although_others_work() -> None:
    beat("worker")
    make_job("running")
    assert actions.workers(BOSS).why() == ""
    make_rule(status="queued")
    assert "manage.py cluster --lane events" in actions.workers(BOSS).why()
    Heartbeat.objects.update(lane="events")
    assert actions.workers(BOSS).why() == ""


def test_rules_without_a_scheduler_are_told_before_anything_is_queued() -> None:
    beat("worker")
    assert actions.workers(BOSS).why() == "Nothing is queued."
    make_rule()
    assert "no rule runs by itself" in actions.workers(BOSS).why()
    Job.objects.update(enabled=False)
    assert actions.workers(BOSS).why() == "Nothing is queued."
