"""The gate over real processes, with each control database: steps 0 to 5 of a client write."""

from __future__ import annotations

import signal
import time

import pytest

from tests.postgres import Cluster
from tests.sites import Actor, ActorError, Site, stop

HOLDER = "maintenance:1"
DRAIN_SECONDS = 10.0


def _refusal(actor: Actor, do: str, **arguments: object) -> str:
    with pytest.raises(ActorError) as error:
        actor.call(do, **arguments)
    return error.value.kind


@pytest.fixture
def writer(site: Site) -> Actor:
    return site.actor()


@pytest.fixture
def job(site: Site) -> Actor:
    return site.actor()


def test_a_closed_gate_refuses_writes_in_every_process_until_it_is_opened(writer: Actor, job: Actor) -> None:
    bucket = job.call("make_bucket", name="photos")
    writer.call("enter", handle="a", name="photos")
    writer.call("leave", handle="a")
    assert job.call("close", bucket=bucket, holder=HOLDER) == 1
    for actor in (writer, job):
        assert _refusal(actor, "enter", handle="x", name="photos") == "SlowDown"
    assert job.call("open", bucket=bucket, holder=HOLDER)
    writer.call("enter", handle="b", name="photos")
    writer.call("leave", handle="b")


def test_each_close_has_a_new_generation_and_only_the_holder_opens(job: Actor) -> None:
    bucket = job.call("make_bucket", name="photos")
    assert job.call("close", bucket=bucket, holder=HOLDER) == 1
    assert job.call("close", bucket=bucket, holder="maintenance:2") is None
    assert not job.call("open", bucket=bucket, holder="maintenance:2")
    assert job.call("open", bucket=bucket, holder=HOLDER)
    assert not job.call("open", bucket=bucket, holder=HOLDER)
    assert job.call("close", bucket=bucket, holder="maintenance:2") == 2
    assert _refusal(job, "close", bucket="f" * 32, holder=HOLDER) == "NoSuchBucket"


def test_a_bucket_that_does_not_exist_has_no_gate(writer: Actor) -> None:
    assert _refusal(writer, "enter", handle="a", name="nowhere") == "NoSuchBucket"


def test_a_drain_waits_for_the_writes_in_flight_and_for_no_others(
    site: Site, writer: Actor, job: Actor
) -> None:
    bucket = job.call("make_bucket", name="photos")
    second = site.actor()
    writer.call("enter", handle="a", name="photos")
    second.call("enter", handle="a", name="photos")
    job.call("close", bucket=bucket, holder=HOLDER)
    job.send("drain", bucket=bucket)
    assert not job.answered(0.3)
    writer.call("leave", handle="a")
    assert not job.answered(0.3)
    second.call("leave", handle="a")
    job.receive(DRAIN_SECONDS)


def test_a_stopped_writer_keeps_the_drain_waiting(writer: Actor, job: Actor) -> None:
    bucket = job.call("make_bucket", name="photos")
    writer.call("enter", handle="a", name="photos")
    job.call("close", bucket=bucket, holder=HOLDER)
    stop(writer)
    job.send("drain", bucket=bucket)
    assert not job.answered(1.0)
    writer.signal(signal.SIGCONT)
    writer.call("leave", handle="a")
    job.receive(DRAIN_SECONDS)


def test_a_killed_writer_ends_its_write_for_the_drain(writer: Actor, job: Actor) -> None:
    bucket = job.call("make_bucket", name="photos")
    writer.call("enter", handle="a", name="photos")
    job.call("close", bucket=bucket, holder=HOLDER)
    job.send("drain", bucket=bucket)
    assert not job.answered(0.3)
    writer.kill()
    job.receive(DRAIN_SECONDS)


def test_an_upload_ends_itself_after_the_grace_time_so_that_the_drain_ends(site: Site, job: Actor) -> None:
    writer = site.actor(SLUICEGATE_GATE_GRACE_SECONDS="2")
    bucket = job.call("make_bucket", name="photos")
    writer.call("enter", handle="a", name="photos")
    writer.call("pulse", handle="a")
    job.call("close", bucket=bucket, holder=HOLDER)
    job.send("drain", bucket=bucket)
    closed = time.monotonic()
    with pytest.raises(ActorError) as error:
        while time.monotonic() < closed + 10:
            writer.call("pulse", handle="a")
            time.sleep(0.05)
    assert error.value.kind == "SlowDown"
    assert 2.0 <= time.monotonic() - closed < 5.0
    writer.call("drop", handle="a")
    job.receive(DRAIN_SECONDS)


def test_an_upload_survives_a_gate_that_opens_again_within_the_grace_time(site: Site, job: Actor) -> None:
    writer = site.actor(SLUICEGATE_GATE_GRACE_SECONDS="3")
    bucket = job.call("make_bucket", name="photos")
    writer.call("enter", handle="a", name="photos")
    for _ in range(2):
        job.call("close", bucket=bucket, holder=HOLDER)
        _pulse_for(writer, 1.6)
        job.call("open", bucket=bucket, holder=HOLDER)
        _pulse_for(writer, 1.6)
    writer.call("leave", handle="a")


def _pulse_for(writer: Actor, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        writer.call("pulse", handle="a")
        time.sleep(0.05)


def test_a_write_goes_to_the_route_that_was_read_after_the_slot_was_taken(writer: Actor, job: Actor) -> None:
    bucket = job.call("make_bucket", name="photos")
    assert writer.call("enter", handle="a", name="photos") == "one"
    writer.call("leave", handle="a")
    assert job.call("switch", bucket=bucket, name="photos", old="one", new="two")
    assert writer.call("enter", handle="a", name="photos") == "two"
    assert not job.call("switch", bucket=bucket, name="photos", old="one", new="three")


def test_a_bucket_write_is_alone_and_holds_up_others_only_while_it_lasts(writer: Actor, job: Actor) -> None:
    job.call("make_bucket", name="photos")
    writer.call("enter", handle="a", name="photos", exclusive=True)
    assert _refusal(job, "enter", handle="x", name="photos") == "SlowDown"
    writer.call("leave", handle="a")
    job.call("enter", handle="b", name="photos")
    job.call("leave", handle="b")


def test_a_bucket_write_waits_for_writes_in_flight_but_not_for_ever(writer: Actor, job: Actor) -> None:
    job.call("make_bucket", name="photos")
    writer.call("enter", handle="a", name="photos")
    job.send("enter", handle="b", name="photos", exclusive=True)
    assert not job.answered(0.5)
    writer.call("leave", handle="a")
    job.receive(2.0)
    began = time.monotonic()
    assert _refusal(writer, "enter", handle="c", name="photos", exclusive=True) == "SlowDown"
    assert 4.0 < time.monotonic() - began < 8.0


def test_a_write_whose_lock_connection_was_lost_is_never_acknowledged(
    postgres_site: Site, postgres: Cluster
) -> None:
    writer, job = postgres_site.actor(), postgres_site.actor()
    bucket = job.call("make_bucket", name="photos")
    writer.call("enter", handle="a", name="photos")
    with postgres.connect() as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name LIKE 'sluicegate %'"
        )
    job.call("close", bucket=bucket, holder=HOLDER)
    job.call("drain", bucket=bucket)
    assert _refusal(writer, "leave", handle="a") == "SlowDown"


def test_an_upload_whose_lock_connection_was_lost_ends_itself_at_its_next_look(
    postgres_site: Site, postgres: Cluster
) -> None:
    writer = postgres_site.actor()
    writer.call("make_bucket", name="photos")
    writer.call("enter", handle="a", name="photos")
    with postgres.connect() as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name LIKE 'sluicegate %'"
        )
    with pytest.raises(ActorError, match="SlowDown"):
        _pulse_for(writer, 3.0)


def test_a_write_whose_lock_file_was_removed_is_never_acknowledged(sqlite_site: Site) -> None:
    writer, job = sqlite_site.actor(), sqlite_site.actor()
    bucket = job.call("make_bucket", name="photos")
    writer.call("enter", handle="a", name="photos")
    (sqlite_site.home / "locks" / f"{bucket}.write").unlink()
    job.call("close", bucket=bucket, holder=HOLDER)
    job.call("drain", bucket=bucket)
    assert _refusal(writer, "leave", handle="a") == "SlowDown"
