"""Slots over real processes, with lock files and with PostgreSQL's advisory locks."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psycopg
import pytest

from tests.postgres import Cluster
from tests.sites import Actor, ActorError, Site, stop

BUCKET = "b" * 32


def _refused(actor: Actor, **arguments: object) -> bool:
    try:
        actor.call("take", **arguments)
    except ActorError as error:
        assert error.kind == "SlotBusy"
        return True
    return False


def _eventually_free(actor: Actor, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while _refused(actor, handle="later", kind="write", bucket=BUCKET, exclusive=True):
        assert time.monotonic() < deadline, "the slot was never given free"
        time.sleep(0.02)


def test_many_processes_share_a_slot_and_nobody_has_it_alone_meanwhile(site: Site) -> None:
    one, two = site.actor(), site.actor()
    one.call("take", handle="a", kind="write", bucket=BUCKET)
    two.call("take", handle="a", kind="write", bucket=BUCKET)
    assert _refused(two, handle="x", kind="write", bucket=BUCKET, exclusive=True)
    one.call("release", handle="a")
    assert _refused(one, handle="x", kind="write", bucket=BUCKET, exclusive=True)
    two.call("release", handle="a")
    assert not _refused(one, handle="x", kind="write", bucket=BUCKET, exclusive=True)


def test_whoever_is_alone_in_a_slot_keeps_everybody_out(site: Site) -> None:
    one, two = site.actor(), site.actor()
    one.call("take", handle="a", kind="write", bucket=BUCKET, exclusive=True)
    for actor in (one, two):
        assert _refused(actor, handle="x", kind="write", bucket=BUCKET)
        assert _refused(actor, handle="x", kind="write", bucket=BUCKET, exclusive=True)
    assert one.call("held", handle="a")
    one.call("release", handle="a")
    assert not _refused(two, handle="x", kind="write", bucket=BUCKET)


def test_threads_of_one_process_exclude_each_other_as_processes_do(site: Site) -> None:
    one, two = site.actor(), site.actor()
    one.call("take", handle="a", kind="write", bucket=BUCKET)
    one.call("take", handle="b", kind="write", bucket=BUCKET)
    assert _refused(one, handle="x", kind="write", bucket=BUCKET, exclusive=True)
    one.call("release", handle="a")
    one.call("release", handle="a")  # giving back twice gives back once
    assert one.call("held", handle="b")
    assert not one.call("held", handle="a")
    assert _refused(one, handle="x", kind="write", bucket=BUCKET, exclusive=True)
    assert _refused(two, handle="x", kind="write", bucket=BUCKET, exclusive=True)
    one.call("release", handle="b")
    assert not _refused(two, handle="x", kind="write", bucket=BUCKET, exclusive=True)


def test_the_two_slots_of_a_bucket_and_the_slots_of_two_buckets_are_apart(site: Site) -> None:
    one = site.actor()
    one.call("take", handle="a", kind="write", bucket=BUCKET, exclusive=True)
    assert not _refused(one, handle="b", kind="work", bucket=BUCKET, exclusive=True)
    assert not _refused(one, handle="c", kind="write", bucket="c" * 32, exclusive=True)


def test_a_slot_vanishes_with_the_sigkill_of_its_process(site: Site) -> None:
    one, two = site.actor(), site.actor()
    one.call("take", handle="a", kind="write", bucket=BUCKET)
    assert _refused(two, handle="x", kind="write", bucket=BUCKET, exclusive=True)
    one.kill()
    _eventually_free(two)


def test_a_stopped_process_keeps_its_slot(site: Site) -> None:
    one, two = site.actor(), site.actor()
    one.call("take", handle="a", kind="write", bucket=BUCKET)
    stop(one)
    time.sleep(0.3)
    assert _refused(two, handle="x", kind="write", bucket=BUCKET, exclusive=True)
    one.signal(signal.SIGCONT)
    assert one.call("held", handle="a")


def test_a_forked_child_holds_nothing_of_its_parent(site: Site) -> None:
    one, two = site.actor(), site.actor()
    one.call("take", handle="a", kind="write", bucket=BUCKET)
    assert one.call("fork_asks", handle="a") is False
    assert one.call("held", handle="a")
    assert _refused(two, handle="x", kind="write", bucket=BUCKET, exclusive=True)


def test_a_child_that_lives_on_does_not_keep_the_slot_of_its_dead_parent(site: Site) -> None:
    one, two = site.actor(), site.actor()
    one.call("take", handle="a", kind="write", bucket=BUCKET)
    child = one.call("fork_holding", handle="a")
    try:
        assert _refused(two, handle="x", kind="write", bucket=BUCKET, exclusive=True)
        one.kill()
        _eventually_free(two)
    finally:
        os.kill(child, signal.SIGKILL)


def test_the_holders_of_a_slot_are_told_in_words(site: Site) -> None:
    one, two = site.actor(), site.actor()
    assert two.call("holders", kind="write", bucket=BUCKET) == []
    one.call("take", handle="a", kind="write", bucket=BUCKET)
    (holder,) = two.call("holders", kind="write", bucket=BUCKET)
    assert holder.startswith(f"process {one.process.pid} on ")


def test_a_lock_file_that_was_removed_proves_nothing(sqlite_site: Site) -> None:
    one = sqlite_site.actor()
    one.call("take", handle="a", kind="write", bucket=BUCKET)
    assert one.call("held", handle="a")
    (sqlite_site.home / "locks" / f"{BUCKET}.write").unlink()
    assert not one.call("held", handle="a")


def test_lock_files_stay_and_only_their_owner_reads_them(sqlite_site: Site) -> None:
    one = sqlite_site.actor()
    one.call("take", handle="a", kind="write", bucket=BUCKET)
    one.call("release", handle="a")
    path: Path = sqlite_site.home / "locks" / f"{BUCKET}.write"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_without_a_folder_for_lock_files_nothing_is_taken(sqlite_site: Site) -> None:
    one = sqlite_site.actor()
    (sqlite_site.home / "locks").write_text("in the way")
    with pytest.raises(ActorError) as error:
        one.call("take", handle="a", kind="write", bucket=BUCKET)
    assert error.value.kind == "ServiceUnavailable"


def _terminate_lock_sessions(connection: psycopg.Connection) -> int:
    return connection.execute(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE application_name LIKE 'sluicegate %'"
    ).fetchone()[0]  # type: ignore[index]


def test_a_lost_lock_connection_loses_every_slot_and_is_made_anew(
    postgres_site: Site, postgres: Cluster
) -> None:
    one, two = postgres_site.actor(), postgres_site.actor()
    one.call("take", handle="a", kind="write", bucket=BUCKET)
    one.call("take", handle="b", kind="work", bucket=BUCKET)
    with postgres.connect() as admin:
        assert _terminate_lock_sessions(admin) == 1
    _eventually_free(two)
    two.call("release", handle="later")
    assert not one.call("held", handle="a")
    assert not one.call("held", handle="b")
    one.call("take", handle="c", kind="write", bucket=BUCKET)
    assert one.call("held", handle="c")
    assert not one.call("held", handle="a")
    one.call("release", handle="a")  # a slot of the lost session takes nothing from the new one
    assert one.call("held", handle="c")
    assert _refused(two, handle="x", kind="write", bucket=BUCKET, exclusive=True)


def test_the_next_taking_after_a_lost_lock_connection_succeeds(
    postgres_site: Site, postgres: Cluster
) -> None:
    one = postgres_site.actor()
    one.call("take", handle="a", kind="write", bucket=BUCKET)
    one.call("release", handle="a")
    with postgres.connect() as admin:
        _terminate_lock_sessions(admin)
    one.call("take", handle="b", kind="write", bucket=BUCKET)
    assert one.call("held", handle="b")
