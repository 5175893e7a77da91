"""The lease as a truth table: at the last moment, at its end, and one millisecond later."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from jobs import clock, leader, leases
from jobs.leases import Grant, LeaseRow
from jobs.models import Job, Leader

T = 1_000_000
ME, OTHER = Grant("me", 7), Grant("other", 7)
HERE = "this-boot"


# holder, epoch, expires - now, clock -> may acquire, may renew as ME
TABLE = [
    ("", 7, -1, HERE, True, False),
    ("", 7, +1, HERE, True, False),
    ("me", 7, -1, HERE, True, False),
    ("me", 7, 0, HERE, False, True),
    ("me", 7, +1, HERE, False, True),
    ("me", 7, +1, "other-boot", True, False),
    ("me", 8, +1, HERE, False, False),
    ("me", 8, -1, HERE, True, False),
    ("other", 7, -1, HERE, True, False),
    ("other", 7, 0, HERE, False, False),
    ("other", 7, +1, HERE, False, False),
]


@pytest.mark.parametrize(("holder", "epoch", "left", "clock_id", "acquire", "renew"), TABLE)
def test_the_decisions(holder: str, epoch: int, left: int, clock_id: str, acquire: bool, renew: bool) -> None:
    row = LeaseRow(holder, epoch, T + left, clock_id)
    assert leases.may_acquire(row, T, HERE) is acquire
    assert leases.may_renew(row, ME, T, HERE) is renew


@pytest.mark.parametrize(("holder", "epoch", "left", "clock_id", "acquire", "renew"), TABLE)
@pytest.mark.django_db
def test_the_conditions_in_sql_agree_with_the_decisions(
    monkeypatch: pytest.MonkeyPatch,
    holder: str,
    epoch: int,
    left: int,
    clock_id: str,
    acquire: bool,
    renew: bool,
) -> None:
    monkeypatch.setattr(time, "clock_gettime_ns", lambda which: T * 1_000_000)
    monkeypatch.setattr(clock, "boot_id", lambda: HERE)
    Job.objects.create(
        kind="k", subsystem="s", holder=holder, epoch=epoch, lease_expires_ms=T + left, lease_clock=clock_id
    )
    assert Job.objects.filter(leases.acquirable()).exists() is acquire
    assert Job.objects.filter(leases.mine(ME)).exists() is renew
    assert Job.objects.filter(leases.lapsed()).exists() is (acquire and holder != "")


@pytest.mark.parametrize("left", range(-3, 4))
def test_no_instant_allows_a_renewal_and_another_acquisition(left: int) -> None:
    row = LeaseRow("me", 7, T + left, HERE)
    assert leases.may_renew(row, ME, T, HERE) is not leases.may_acquire(row, T, HERE)


@pytest.mark.django_db
def test_an_acquisition_raises_the_epoch_and_a_lapsed_holder_must_acquire_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = T
    monkeypatch.setattr(time, "clock_gettime_ns", lambda which: now * 1_000_000)
    first = leader.lead("duty", "a", 1000)
    assert first is not None
    now += 1000
    assert leader.lead("duty", "b", 1000) is None, "at its end the lease is still the holder's"
    assert leader.lead("duty", "a", 1000) == first, "a renewal"
    now += 1001
    assert leader.lead("duty", "a", 1000) == first + 1, "too late: acquired again"
    now += 1001
    assert leader.lead("duty", "b", 1000) == first + 2
    assert leader.lead("duty", "a", 1000) is None
    leader.resign("duty", "a")
    assert leader.lead("duty", "a", 1000) is None, "only the holder resigns"
    leader.resign("duty", "b")
    assert leader.lead("duty", "a", 1000) == first + 3


@pytest.mark.parametrize("hours", [-1, 1])
@pytest.mark.django_db
def test_a_jump_of_the_wall_clock_changes_no_lease(monkeypatch: pytest.MonkeyPatch, hours: int) -> None:
    epoch = leader.lead("duty", "a", 60_000)
    ends = Leader.objects.get().lease_expires_ms
    jumped, real = timedelta(hours=hours), datetime.now(UTC)
    monkeypatch.setattr(time, "time_ns", lambda: int((real + jumped).timestamp() * 1e9))
    monkeypatch.setattr(time, "time", lambda: (real + jumped).timestamp())
    monkeypatch.setattr(timezone, "now", lambda: real + jumped)
    assert abs(timezone.now() - real) == timedelta(hours=1)
    assert leader.lead("duty", "b", 60_000) is None
    assert leader.lead("duty", "a", 60_000) == epoch
    assert 0 <= Leader.objects.get().lease_expires_ms - ends < 5_000


# -- holders -------------------------------------------------------------------------------


def test_a_holder_id_names_its_process() -> None:
    process = leases.process_of(leases.holder_id())
    assert process is not None
    assert process.pid == os.getpid() and process.local and process.alive
    assert leases.holder_id() == leases.holder_id()
    assert not process.kill(), "never ourselves"


def test_another_process_has_another_id_and_can_be_killed_by_it() -> None:
    code = "import time; from jobs import leases; print(leases.holder_id(), flush=True); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    holder = child.stdout.readline().strip()
    process = leases.process_of(holder)
    assert process is not None and process.pid == child.pid
    assert leases.started(child.pid) == process.started
    reborn = leases.Process(process.host, process.pid, process.started + 1)
    assert not reborn.alive and not reborn.kill(), "another process with its number is spared"
    elsewhere = leases.Process("other-host~12345678", process.pid, process.started)
    assert not elsewhere.kill()
    assert child.poll() is None
    assert process.kill()
    assert child.wait(10) == -9
    assert leases.started(child.pid) is None
    child.stdout.close()


def test_a_fork_gets_an_id_of_its_own() -> None:
    code = (
        "import os; from jobs import leases; a = leases.holder_id(); pid = os.fork();"
        "print(leases.holder_id(), flush=True); pid and os.wait()"
    )
    lines = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert len(set(lines.split())) == 2


@pytest.mark.parametrize("text", ["", "me", "a/b/c/d", "host/1/2", "host/1/2/3/4"])
def test_what_is_no_holder_id_names_no_process(text: str) -> None:
    assert leases.process_of(text) is None


def test_a_zombie_process_counts_as_gone() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert leases.started(child.pid) is None
    child.wait()
