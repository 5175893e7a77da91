"""Runs that begin since something happened to a rule's source."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

from jobs import clock, feeds, metrics, standing
from jobs.feeds import FeedWatch, Mode, Patience, wanted
from jobs.models import Job
from proxy import routes
from proxy.backends.values import FeedPosition, NewObject
from proxy.records import find_bucket
from proxy.store import Store
from tests.bodies import Bytes
from tests.jobs.ruled import Ruled, end_run, make_rule
from tests.jobs.support import wait_for

pytestmark = pytest.mark.django_db(transaction=True)

HERE = FeedPosition("id", "life", 7)
KINDS = {"ruled": Ruled()}
LONG = 3600


@pytest.mark.parametrize(
    ("noted", "whole", "mode"),
    [
        (HERE, True, None),
        (FeedPosition("id", "life", 6), True, Mode.FOLLOW),
        (FeedPosition("id", "life", 8), True, Mode.FOLLOW),
        (FeedPosition("id", "life", 6), False, Mode.WALK),
        (HERE, False, Mode.WALK),
        (FeedPosition("id", "another", 7), True, Mode.WALK),
        (FeedPosition("another", "life", 7), True, Mode.WALK),
        (None, True, Mode.WALK),
        (None, False, Mode.WALK),
    ],
)
def test_what_a_rule_needs(noted: FeedPosition | None, whole: bool, mode: Mode | None) -> None:
    assert wanted(noted, whole, HERE) is mode
    assert wanted(noted, whole, HERE, left=True) is (mode or Mode.FOLLOW)


def test_runs_that_bring_nothing_on_come_less_and_less_often() -> None:
    patience, now, waits = Patience(), 0.0, []
    for _ in range(8):
        assert patience.may_begin(1, HERE, now)
        patience.began(1, HERE, now)
        wait = next(step for step in range(1, 100) if patience.may_begin(1, HERE, now + step))
        waits.append(wait)
        now += wait
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert patience.may_begin(2, HERE, now), "each rule for itself"


def test_a_rule_that_was_brought_on_need_not_wait() -> None:
    patience = Patience()
    for position in (HERE, None, FeedPosition("id", "life", 8)):
        assert patience.may_begin(1, position, 0.0)
        patience.began(1, position, 0.0)
        assert not patience.may_begin(1, position, 0.5)
    patience.forget(1)
    assert patience.may_begin(1, FeedPosition("id", "life", 8), 0.5)


# -- over a real backend -----------------------------------------------------------------------


@pytest.fixture
def source(settings: Any, tmp_path: Path) -> Iterator[Store]:
    """A bucket on a filesystem backend."""
    settings.STORAGE = {
        "backends": {"local": {"type": "filesystem", "path": str(tmp_path / "local")}},
        "default_backend": "local",
        "buckets": {},
    }
    routes.prepare_backends()
    routes.create_bucket("source", "0" * 64, 1)
    yield Store.of(find_bucket("source"))


def put(source: Store, key: str) -> None:
    source.put(NewObject(key), Bytes(b"body"))


def note(job: Job, position: FeedPosition, whole: bool = True, **more: Any) -> None:
    """What a run leaves behind that has followed so far."""
    feed = {"bucket_id": position.bucket_id, "incarnation": position.incarnation, "seq": position.seq}
    Job.objects.filter(pk=job.pk).update(state={"feed": feed, "whole": whole, **more})


def watched_rule(source: Store, **spec: Any) -> Job:
    """A rule that has followed its source up to now."""
    job = make_rule("mirror", interval_s=LONG, bucket="source", **{"trigger": "events", **spec})
    note(job, source.feed_head())
    Job.objects.filter(pk=job.pk).update(**standing.due_in(LONG))
    return job


def test_a_write_to_the_source_begins_one_run_that_follows(home: Path, source: Store) -> None:
    job, watch = watched_rule(source), FeedWatch("local", KINDS)
    due = Job.objects.get().next_due_ms
    assert watch.look() == 0
    put(source, "a")
    put(source, "b")
    assert (watch.look(), watch.look()) == (1, 0)
    run = job.runs.get()
    assert (run.mode, run.triggered_by) == ("events", "event")
    assert Job.objects.get().next_due_ms == due, "the schedule goes on as it was"
    note(job, source.feed_head())
    end_run(job)
    assert watch.look() == 0


def test_a_feed_that_was_lost_begins_a_full_walk_and_puts_off_the_next_one(home: Path, source: Store) -> None:
    job, watch = watched_rule(source), FeedWatch("local", KINDS)
    note(job, source.feed_head(), whole=False)
    assert watch.look() == 1
    job.refresh_from_db()
    assert job.mode == "reconcile"
    assert job.next_due_ms is not None
    assert job.next_due_ms > clock.now_ms() + (LONG - 60) * 1000


def test_what_was_taken_from_the_feed_and_is_not_done_is_gone_on_with(home: Path, source: Store) -> None:
    """A large object whose worker died, or whose destination was gated; nothing more is written."""
    job, watch = watched_rule(source), FeedWatch("local", KINDS)
    note(job, source.feed_head(), large=[])
    assert watch.look() == 0
    note(job, source.feed_head(), large=[{"key": "a\0", "upload": "u"}])
    assert watch.look() == 1
    assert job.runs.get().mode == "events"


def test_a_walk_that_is_due_comes_before_what_the_feed_has(home: Path, source: Store) -> None:
    """Else a writer that never rests would put it off for ever."""
    job, watch = watched_rule(source), FeedWatch("local", KINDS)
    put(source, "a")
    Job.objects.update(**standing.due_in(0))
    assert watch.look() == 1
    begun = job.runs.get()
    assert (begun.mode, begun.triggered_by) == ("reconcile", "scheduler")
    assert not Job.objects.filter(next_due_ms__lte=clock.now_ms() + 1000).exists()


def test_a_bucket_that_was_made_anew_is_walked(home: Path, source: Store) -> None:
    job, watch = watched_rule(source), FeedWatch("local", KINDS)
    routes.delete_bucket(find_bucket("source"))
    assert watch.look() == 0, "there is nothing to look at"
    routes.create_bucket("source", "0" * 64, 2)
    assert watch.look() == 1
    assert Job.objects.get(pk=job.pk).mode == "reconcile"


def test_a_run_that_fails_at_once_is_not_begun_again_at_once(home: Path, source: Store) -> None:
    job, watch = watched_rule(source), FeedWatch("local", KINDS)
    put(source, "a")
    for _ in range(3):
        watch.look()
        end_run(job, "failed")
    assert job.runs.count() == 1


def test_a_run_that_was_deferred_goes_on_as_soon_as_it_said(home: Path, source: Store) -> None:
    job, watch = watched_rule(source), FeedWatch("local", KINDS)
    put(source, "a")
    for _ in range(3):
        assert watch.look() == 1
        end_run(job, "idle")
    Job.objects.update(not_before_ms=clock.now_ms() + 60_000, lease_clock=clock.clock_id())
    assert watch.look() == 0


def test_a_scrape_tells_how_far_a_rule_is_behind(
    home: Path, source: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "KINDS", KINDS)

    def lag() -> list[float]:
        return [one.value for one in metrics.readings() if one.name == "sluicegate_rule_feed_lag"]

    job = watched_rule(source)
    assert lag() == [0]
    put(source, "a")
    put(source, "b")
    Job.objects.update(paused=True)
    assert lag() == [2]
    note(job, FeedPosition("another", "life", 7))
    assert lag() == [], "nobody knows"


@pytest.mark.parametrize(
    "change",
    [
        {"paused": True},
        {"enabled": False},
        {"status": "running"},
        {"spec": {"trigger": "schedule", "interval_s": 1}},
        {"kind": "unknown"},
        {"bucket_name": "elsewhere"},
    ],
)
def test_a_rule_that_must_not_run_by_events_is_left_alone(
    home: Path, source: Store, change: dict[str, Any]
) -> None:
    watched_rule(source)
    put(source, "a")
    Job.objects.update(**change)
    assert FeedWatch("local", KINDS).look() == 0
    assert FeedWatch("local", {"ruled": Ruled(modes={"run": ("reconcile",)})}).look() == 0


def test_a_backend_without_feeds_is_not_watched(
    home: Path, source: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(routes.backend("local")), "feeds_changes", False)
    FeedWatch("local", KINDS).run_forever(threading.Event())


def test_what_is_wrong_with_a_backend_is_said_once_and_so_is_its_end(
    home: Path,
    tmp_path: Path,
    source: Store,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watched_rule(source)
    put(source, "a")
    watch, place = FeedWatch("local", KINDS), tmp_path / "local"
    monkeypatch.setattr(feeds, "LOOK_S", 0.01)
    stop, looks = threading.Event(), []
    look = watch.look

    def counted() -> int:
        looks.append(1)
        if len(looks) == 2:
            raise OperationalError("gone")
        return look()

    monkeypatch.setattr(watch, "look", counted)
    place.rename(place.with_name("away"))
    with caplog.at_level(logging.WARNING, "jobs.feeds"):
        thread = threading.Thread(target=watch.run_forever, args=[stop])
        thread.start()
        wait_for(lambda: len(looks) > 6)
        assert not Job.objects.filter(status="queued").exists()
        place.with_name("away").rename(place)
        wait_for(lambda: Job.objects.filter(status="queued").exists())
        before = len(looks)
        wait_for(lambda: len(looks) > before + 2)
        stop.set()
        thread.join(10)
    said = [message.split(":")[0] for message in caplog.messages]
    assert said == [
        "backend local is not there",
        "backend local cannot be watched",
        "backend local is not there",
        "backend local is watched again",
    ]
