"""What a worker knows about its own lease; its threads; its retries."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from django.db import OperationalError, connection, connections
from pytest_django import Settings

from jobs import claims, clock, transitions
from jobs.claims import Claim
from jobs.engine import hold as hold_module
from jobs.engine import pool as pool_module
from jobs.engine.hold import Hold, Renewing
from jobs.engine.pool import Pool
from jobs.engine.retrying import Backoff, GaveUp, retrying, transient
from jobs.engine.slice import Slice
from jobs.errors import Cancelled, LeaseLost
from jobs.models import Heartbeat, Job
from proxy import errors
from tests.conftest import FakeClock
from tests.jobs.support import FAST, Walker, make_job, wait_for


@pytest.fixture
def claim(home: Path, transactional_db: None) -> Claim:
    job = make_job(Walker())
    got = claims.claim(job, "me", has_effects=True)
    assert got is not None
    return got


def held_at(claim: Claim, now: FakeClock) -> Hold:
    """A hold whose clock starts at the moment of the claim."""
    now.now_ms = claim.since_ms
    return Hold(claim, now)


def test_a_hold_ends_by_itself_when_its_time_is_over(claim: Claim, clock: FakeClock) -> None:
    hold = held_at(claim, clock)
    clock.advance(ms=transitions.ttl_ms())
    hold.check()
    clock.advance(ms=1)
    with pytest.raises(LeaseLost):
        hold.check()


def test_a_renewal_counts_from_its_start_and_never_shortens(claim: Claim, clock: FakeClock) -> None:
    hold = held_at(claim, clock)
    hold.renewed(claim.since_ms + 1_000)
    hold.renewed(claim.since_ms + 500)
    clock.advance(ms=transitions.ttl_ms() + 1_000)
    hold.check()
    clock.advance(ms=1)
    with pytest.raises(LeaseLost):
        hold.check()


def test_a_lost_hold_is_lost_for_good(claim: Claim, clock: FakeClock) -> None:
    hold = held_at(claim, clock)
    hold.lose()
    hold.renewed(claim.since_ms + 10_000)
    with pytest.raises(LeaseLost):
        hold.check()


@pytest.mark.parametrize("change", [{"holder": "you"}, {"holder": ""}, {"epoch": 99}])
def test_a_proof_asks_who_has_the_job(claim: Claim, change: dict[str, object]) -> None:
    hold = Hold(claim)
    hold.prove()
    Job.objects.update(**change)
    with pytest.raises(LeaseLost):
        hold.prove()
    with pytest.raises(LeaseLost):
        hold.check()


def test_a_cancel_is_heard_by_a_proof_unless_it_unwinds(claim: Claim) -> None:
    hold = Hold(claim)
    Job.objects.update(status="cancelling")
    with pytest.raises(Cancelled):
        hold.prove()
    hold.ending = True
    hold.prove()


def test_a_pulse_looks_once_a_second_and_survives_a_database_that_is_away(
    claim: Claim, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = held_at(claim, clock)
    looks = []

    def away() -> None:
        looks.append(clock.now_ms)
        raise OperationalError("away")

    monkeypatch.setattr(hold, "prove", away)
    for _ in range(50):
        clock.advance(ms=100)
        hold.pulse()
    assert len(looks) == 5
    clock.advance(ms=transitions.ttl_ms())
    with pytest.raises(LeaseLost):
        hold.pulse()


def test_the_renewing_thread_keeps_the_lease_and_gives_signs_of_life(
    claim: Claim, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LEASE_SECONDS = 0.6
    monkeypatch.setattr(hold_module, "SIGN_S", 0.1)
    hold = Hold(claim)
    with Renewing(hold):
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            hold.check()
            time.sleep(0.02)
        assert Heartbeat.objects.get(role="worker").job_id == claim.job.pk
    assert Job.objects.get().lease_expires_ms > clock.now_ms()


def test_the_renewing_thread_notices_a_lost_lease(
    claim: Claim, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LEASE_SECONDS = 0.3
    monkeypatch.setattr(hold_module, "SIGN_S", 0.05)
    hold = Hold(claim)
    Job.objects.update(epoch=99)
    with Renewing(hold):
        wait_for(lambda: hold._lost, 5)


def test_a_checkpoint_counts_as_a_renewal(claim: Claim) -> None:
    hold = Hold(claim)
    walk = Slice(claim, Walker(), hold, FAST, Random(1))
    before = hold._deadline_ms
    time.sleep(0.05)
    walk._checkpoint(walk.progress)
    walk.pool.close()
    assert hold._deadline_ms >= before + 50


# -- threads ------------------------------------------------------------------------------


def test_a_pool_works_side_by_side_and_answers_in_order() -> None:
    pool, together = Pool(3, "test"), threading.Barrier(3, timeout=10)

    def one(number: int) -> int:
        if number < 3:
            together.wait()
        return number * 2

    assert pool.run(one, range(20)) == [number * 2 for number in range(20)]
    assert pool.run(one, []) == []
    pool.close()


def test_an_error_stops_the_rest_and_waits_for_what_is_in_work() -> None:
    pool, done, entered = Pool(2, "test"), [], threading.Event()

    def one(number: int) -> None:
        if number == 1:
            entered.wait(10)
            raise LeaseLost("x")
        entered.set()
        time.sleep(0.1)
        done.append(number)

    with pytest.raises(LeaseLost):
        pool.run(one, range(100))
    assert done and len(done) < 10, "one in work was waited for, the others were not begun"
    pool.close()


@pytest.mark.django_db(transaction=True)
def test_each_thread_closes_its_connection_when_the_pool_closes(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []

    class Watched:
        def close_all(self) -> None:
            closed.append(threading.current_thread().name)
            connections.close_all()

    monkeypatch.setattr(pool_module, "connections", Watched())
    pool, together = Pool(3, "test"), threading.Barrier(3, timeout=10)

    def one(number: int) -> None:
        connection.ensure_connection()
        together.wait()

    pool.run(one, range(3))
    assert not closed, "they keep them from page to page"
    pool.close()
    assert sorted(closed) == ["test/0", "test/1", "test/2"]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("test/")]


# -- retries --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.SlowDown(), True),
        (errors.BackendUnavailable(), True),
        (errors.StorageFull(), True),
        (errors.RequestTimeout(), True),
        (errors.InternalError(), False),
        (errors.NoSuchKey(), False),
        (TimeoutError(), True),
        (ConnectionResetError(), True),
        (FileNotFoundError(2, "no"), False),
        (OSError(28, "full"), False),
        (OSError(110, "timed out"), True),
        (OperationalError("database is locked"), True),
        (ValueError(), False),
    ],
)
def test_what_may_go_away_by_itself(error: Exception, expected: bool) -> None:
    assert transient(error) is expected


def always(error: Exception) -> Callable[[], None]:
    def call() -> None:
        raise error

    return call


def test_pauses_double_up_to_a_cap_and_half_of_them_is_chance() -> None:
    pauses: list[float] = []
    backoff = Backoff(attempts=8, base_s=1.0, cap_s=10.0)
    with pytest.raises(GaveUp) as spent:
        retrying(always(errors.SlowDown()), backoff, Random(7), pauses.append)
    assert spent.value.attempts == 8 and isinstance(spent.value.error, errors.SlowDown)
    full = [1, 2, 4, 8, 10, 10, 10]
    assert all(most / 2 <= pause <= most for pause, most in zip(pauses, full, strict=True))
    assert pauses != [most / 2 for most in full]


def test_what_will_not_go_away_is_not_tried_again() -> None:
    with pytest.raises(GaveUp) as spent:
        retrying(always(errors.AccessDenied()), Backoff(), Random(1), lambda pause: pytest.fail("waited"))
    assert spent.value.attempts == 1


@pytest.mark.parametrize("signal", [LeaseLost("x"), Cancelled()])
def test_a_signal_passes_at_once(signal: Exception) -> None:
    with pytest.raises(type(signal)):
        retrying(always(signal), Backoff(), Random(1), lambda pause: pytest.fail("waited"))


def test_the_wait_may_end_it_all() -> None:
    def wait(pause: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        retrying(always(errors.SlowDown()), Backoff(), Random(1), wait)
