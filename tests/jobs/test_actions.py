"""What operators can do: rights, the audit trail, refusals, and real migrations of real buckets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobs import actions, clock
from jobs.actions import EVERYTHING, Actor, Filters, Right
from jobs.errors import (
    ActionNotSupported,
    BadRequest,
    BucketBusy,
    Conflict,
    Forbidden,
    JobError,
    NotFound,
    TargetNotEmpty,
)
from jobs.kinds import KINDS
from jobs.models import ApiToken, AuditEntry, Heartbeat, Job, Leader
from jobs.presentation import APPLIES
from proxy import routes
from proxy.records import find_bucket
from tests.jobs.windows import NOW, make_bucket, make_failure, make_job, two_backends

pytestmark = pytest.mark.django_db(transaction=True)

BOSS = Actor("admin", "10.0.0.1")
READER = Actor("reader", "10.0.0.2", frozenset({Right.VIEW}))
NOBODY = Actor("nobody", "10.0.0.3", frozenset())


@pytest.fixture
def site(settings: Any, tmp_path: Path) -> None:
    two_backends(settings, tmp_path)


def audit() -> list[tuple[str, str, str]]:
    return [(row.actor, row.action, row.detail["outcome"]) for row in AuditEntry.objects.order_by("pk")]


# -- starting ------------------------------------------------------------------------------------


def test_starting_a_migration_closes_the_gate_and_leaves_a_trail(site: None) -> None:
    make_bucket(objects=3)
    job = actions.start_migration(BOSS, "photos", "archive")
    assert (job.status, job.bucket_name, job.created_by) == ("queued", "photos", "admin")
    assert find_bucket("photos").gate.holder == job.public_id
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.origin, entry.action, entry.job) == ("admin", "10.0.0.1", "migrate", job)
    assert entry.detail["target_backend"] == "archive" and entry.detail["outcome"] == "done"


def test_a_second_job_on_a_busy_bucket_is_refused_with_the_id_of_the_first(site: None) -> None:
    make_bucket()
    first = actions.start_migration(BOSS, "photos", "archive")
    with pytest.raises(BucketBusy) as refusal:
        actions.start_migration(BOSS, "photos", "archive")
    assert refusal.value.fields["job"] == first.public_id
    assert Job.objects.count() == 1
    assert audit()[-1] == ("admin", "migrate", "refused")


@pytest.mark.parametrize(
    ("bucket", "target", "error"),
    [
        ("nothing", "archive", NotFound),
        ("photos", "nowhere", BadRequest),
        ("photos", "local", BadRequest),
        ("photos", "", BadRequest),
    ],
)
def test_a_wrong_wish_is_refused_and_starts_nothing(
    site: None, bucket: str, target: str, error: type[JobError]
) -> None:
    make_bucket()
    with pytest.raises(error):
        actions.start_migration(BOSS, bucket, target)
    assert not Job.objects.exists()
    assert not find_bucket("photos").gate.closed


def test_a_target_that_holds_something_is_refused_with_the_counts(site: None) -> None:
    bucket = make_bucket(objects=2)
    make_left_behind(bucket.id)
    with pytest.raises(TargetNotEmpty) as refusal:
        actions.start_migration(BOSS, "photos", "archive")
    assert refusal.value.fields["keys"] == 1
    assert (
        actions.preview_migration(BOSS, "photos", "archive", replace_target=True).preview["replaces"][
            "objects"
        ]
        == 1
    )
    assert actions.start_migration(BOSS, "photos", "archive", replace_target=True).status == "queued"


def make_left_behind(bucket_id: str) -> None:
    """Something under the bucket's name on `archive` that no route leads to."""
    from proxy.backends.values import NewObject, Route
    from proxy.store import Store
    from tests.jobs.kinds.world import Bytes

    place = routes.new_place(bucket_id, "photos", "archive")
    routes.backend("archive").create_bucket(place)
    Store.at(Route("archive", place)).put(NewObject(key="old", owner_id="a" * 64), Bytes(b"x"))


def test_a_preview_changes_nothing(site: None) -> None:
    make_bucket(objects=3)
    plan = actions.preview_migration(READER, "photos", "archive")
    assert plan.preview["objects"] == 3 and plan.preview["bytes"] == 30
    assert not Job.objects.exists() and not AuditEntry.objects.exists()
    assert not find_bucket("photos").gate.closed


# -- rights --------------------------------------------------------------------------------------


def test_who_may_only_look_changes_nothing_and_the_try_is_noted(site: None) -> None:
    make_bucket()
    job = make_job("failed")
    for act in (
        lambda: actions.start_migration(READER, "photos", "archive"),
        lambda: actions.cancel(READER, job.public_id),
        lambda: actions.retry_failed(READER, job.public_id),
        lambda: actions.perform(READER, job.public_id, "pause"),
        lambda: actions.create_token(READER, "t", NOW),
        lambda: actions.revoke_token(READER, "t"),
    ):
        with pytest.raises(Forbidden):
            act()
    assert Job.objects.count() == 1 and not ApiToken.objects.exists()
    assert {entry[2] for entry in audit()} == {"refused"} and len(audit()) == 6


def test_who_has_no_right_sees_nothing(site: None) -> None:
    job = make_job()
    for look in (
        lambda: actions.listing(NOBODY),
        lambda: actions.counts(NOBODY),
        lambda: actions.lookup(NOBODY, job.public_id),
        lambda: actions.runs(NOBODY, job.public_id),
        lambda: actions.failures(NOBODY, job.public_id),
        lambda: actions.trail(NOBODY, job),
        lambda: actions.buckets(NOBODY),
        lambda: actions.backends(NOBODY),
        lambda: actions.shown_backends(NOBODY),
        lambda: actions.workers(NOBODY),
        lambda: actions.preview_migration(NOBODY, "photos", "archive"),
        lambda: actions.list_tokens(NOBODY),
    ):
        with pytest.raises(Forbidden):
            look()


# -- cancel and retry ----------------------------------------------------------------------------


def test_cancel_ends_a_job_that_has_done_nothing_at_once(site: None) -> None:
    make_bucket()
    job = actions.start_migration(BOSS, "photos", "archive")
    assert actions.cancel(BOSS, job.public_id).shown.status == "cancelled"
    assert not find_bucket("photos").gate.closed
    assert audit()[-1] == ("admin", "cancel", "done")


@pytest.mark.parametrize("status", ["succeeded", "failed", "cancelled", "cancelling"])
def test_cancel_of_a_job_that_has_ended_is_a_conflict(status: str) -> None:
    job = make_job(status)
    with pytest.raises(Conflict, match=status):
        actions.cancel(BOSS, job.public_id)
    assert audit() == [("admin", "cancel", "refused")]


def test_retry_makes_a_new_job_that_names_its_parent(site: None) -> None:
    bucket = make_bucket(objects=1)
    old = make_job("failed", bucket_id=bucket.id, token="somewhere", phase="copy")
    new = actions.retry_failed(BOSS, old.public_id).shown.job
    assert new.pk != old.pk and new.parent_id == old.pk
    assert (new.status, new.phase, new.token) == ("queued", "", None)
    assert find_bucket("photos").gate.holder == new.public_id
    assert [entry.action for entry in actions.trail(BOSS, old)] == ["retry-failed"]
    assert actions.trail(BOSS, old)[0].detail["started"] == new.public_id


@pytest.mark.parametrize("status", ["queued", "running", "succeeded"])
def test_a_job_that_did_not_fail_is_not_tried_again(status: str) -> None:
    job = make_job(status)
    with pytest.raises(Conflict):
        actions.retry_failed(BOSS, job.public_id)
    assert Job.objects.count() == 1


def test_an_action_outside_the_kinds_matrix_says_what_is_supported() -> None:
    job = make_job()
    with pytest.raises(ActionNotSupported) as refusal:
        actions.perform(BOSS, job.public_id, "pause")
    assert refusal.value.fields["supported"] == ["cancel", "retry-failed"]
    assert audit() == [("admin", "pause", "refused")]


def test_an_unknown_action_is_not_found() -> None:
    with pytest.raises(NotFound):
        actions.perform(BOSS, make_job().public_id, "explode")


def test_every_action_that_a_kind_supports_has_a_handler() -> None:
    for kind in KINDS.values():
        assert kind.actions <= set(actions.HANDLERS), kind.name
    assert set(actions.HANDLERS) == set(APPLIES)


# -- reading -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "public_id",
    [
        "maintenance",
        "maintenance:",
        "maintenance:x",
        "other:{}",
        "maintenance:{}:x",
        "maintenance:²",
        ":",
        "",
    ],
)
def test_an_id_that_is_none_is_not_found(public_id: str) -> None:
    job = make_job()
    with pytest.raises(NotFound):
        actions.lookup(BOSS, public_id.format(job.pk))
    assert actions.lookup(BOSS, f"maintenance:{job.pk}").job == job


def test_the_list_is_newest_first_and_pages_by_cursor() -> None:
    jobs = [make_job(bucket_name=f"b{number % 3}") for number in range(7)]
    for sort, expected in {
        "-created": list(reversed(jobs)),
        "created": jobs,
        "bucket": sorted(jobs, key=lambda job: (job.bucket_name, job.pk)),
        "-bucket": sorted(jobs, key=lambda job: (job.bucket_name, job.pk), reverse=True),
    }.items():
        seen, cursor = [], None
        for _ in range(4):
            page = actions.listing(BOSS, limit=2, cursor=cursor, sort=sort)
            seen += [shown.job for shown in page.jobs]
            cursor = page.next_cursor
        assert seen == expected and cursor is None, sort


def test_without_a_limit_the_newest_fifty_are_listed() -> None:
    Job.objects.bulk_create(Job(kind="migrate", subsystem="maintenance", name=str(n)) for n in range(60))
    found = actions.listing(BOSS)
    assert [shown.job.name for shown in found.jobs] == [str(n) for n in range(59, 9, -1)]
    assert found.next_cursor


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 201}, "limit"),
        ({"sort": "price"}, "sort"),
        ({"cursor": "!!!"}, "cursor"),
        ({"cursor": "WyJ4Il0"}, "cursor"),
        ({"cursor": "WzEsMl0"}, "cursor"),
        ({"cursor": "e30"}, "cursor"),
        ({"filters": Filters(status="done")}, "status"),
        ({"filters": Filters(q="x" * 201)}, "q"),
        ({"filters": Filters(q="a\x00b")}, "NUL"),
    ],
)
def test_a_wrong_question_is_refused(arguments: dict[str, Any], word: str) -> None:
    with pytest.raises(BadRequest, match=word):
        actions.listing(BOSS, **arguments)


def test_a_queued_job_with_an_open_run_is_counted_and_found_as_running() -> None:
    between = make_job("queued", open_run=True)
    waiting = make_job("queued", bucket_name="other")
    running = [shown.job for shown in actions.listing(BOSS, Filters(status="running")).jobs]
    queued = [shown.job for shown in actions.listing(BOSS, Filters(status="queued")).jobs]
    assert running == [between] and queued == [waiting]
    assert {status: number for status, number in actions.counts(BOSS).items() if number} == {
        "running": 1,
        "queued": 1,
    }
    assert actions.lookup(BOSS, between.public_id).status == "running"
    assert actions.busy("photos").status == "running"  # type: ignore[union-attr]


def test_search_looks_into_names_ids_errors_codes_and_keys() -> None:
    plain = make_job("succeeded")
    other = make_job("failed", bucket_name="logs", last_error="The disk is full")
    make_failure(other, "SlowDown", "2024/report.pdf")
    for text, expected in {
        "logs": [other],
        "disk is": [other],
        "slowdown": [other],
        "report.pdf": [other],
        str(plain.pk): [plain],
        plain.public_id: [plain],
        f"other:{plain.pk}": [],
        "100%": [],
        "archive": [other, plain],
    }.items():
        assert [shown.job for shown in actions.listing(BOSS, Filters(q=text)).jobs] == expected, text


def test_a_job_whose_worker_was_lost_is_put_right_when_it_is_read() -> None:
    job = make_job("running", holder="gone/1/1/x", epoch=1, lease_expires_ms=1, lease_clock="another boot")
    assert actions.lookup(BOSS, job.public_id).status == "running"
    job.refresh_from_db()
    assert (job.status, job.crashes, job.holder) == ("queued", 1, "")


def test_failures_are_the_newest_with_the_true_total_and_grouped_by_code() -> None:
    job = make_job("failed", failed=12_431)
    for code in ("A", "B", "B"):
        make_failure(job, code)
    found = actions.failures(BOSS, job.public_id, 2)
    assert [row.code for row in found.rows] == ["B", "B"]
    assert found.total == 12_431 and found.by_code == {"B": 2, "A": 1}
    assert [row.code for row in actions.failures(BOSS, job.public_id, code="A").rows] == ["A"]
    with pytest.raises(BadRequest):
        actions.failures(BOSS, job.public_id, 101)


def test_buckets_show_their_backend_their_gate_and_their_job(site: None) -> None:
    for name in ("alpha", "beta", "gamma"):
        make_bucket(name)
    job = actions.start_migration(BOSS, "beta", "archive")
    found, after = actions.buckets(READER, limit=2)
    assert [bucket.row()["name"] for bucket in found] == ["alpha", "beta"] and after == "beta"
    assert found[0].row()["gate"] == {"closed": False}
    assert found[1].row()["gate"] == {"closed": True, "holder": job.public_id}
    assert found[1].row()["active_job"] == job.public_id
    assert [bucket.record.name for bucket in actions.buckets(READER, after="beta")[0]] == ["gamma"]


# -- workers -------------------------------------------------------------------------------------


def beat(role: str, age_ms: int = 0) -> None:
    Heartbeat.objects.create(
        process=f"{role}-{age_ms}",
        role=role,
        host="h",
        pid=1,
        beat_ms=clock.now_ms() - age_ms,
        clock=clock.clock_id(),
    )


def test_the_screen_says_why_nothing_runs() -> None:
    assert "No worker is alive" in actions.workers(BOSS).why()
    beat("worker", 3_600_000)
    assert "3600 s old" in actions.workers(BOSS).why()
    beat("worker")
    assert actions.workers(BOSS).why() == "Nothing is queued."
    job = make_job()
    assert "no scheduler" in actions.workers(BOSS).why()
    Leader.objects.create(
        name="schedule", holder="h", lease_expires_ms=clock.now_ms() + 60_000, lease_clock=clock.clock_id()
    )
    assert "wait for a worker" in actions.workers(BOSS).why()
    Job.objects.filter(pk=job.pk).update(paused=True)
    assert "paused" in actions.workers(BOSS).why()
    make_job("running", bucket_name="other")
    assert actions.workers(BOSS).why() == ""
    assert actions.workers(BOSS).row()["alive"] == {"worker": 1}


# -- commands -----------------------------------------------------------------------------------


def test_a_command_may_do_everything_and_says_where_it_ran() -> None:
    from jobs.management.commands._words import actor

    assert actor().rights == EVERYTHING and actor().name.startswith("command:") and actor().origin
