"""One lease: who works on something, until when, and for the how-manyth time.

Acquire iff free, lapsed (`expires < now`) or of another clock; renew iff mine and
`now <= expires`. The two tile the line: no instant allows both. Each acquisition raises the
epoch, and every write is conditional on (holder, epoch), so that a former holder changes
nothing. A lapsed holder never renews.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.db.models import F, Q

from jobs import clock
from jobs.clock import NowMs


@dataclass(frozen=True, slots=True)
class Grant:
    """What an acquisition gives: the proof that every later write names."""

    holder: str
    epoch: int


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """A lease as it was read; the pure decisions below and the conditions in SQL agree on it."""

    holder: str
    epoch: int
    expires_ms: int
    clock: str


def may_acquire(lease: LeaseRow, now_ms: int, clock_id: str) -> bool:
    return not lease.holder or lease.clock != clock_id or lease.expires_ms < now_ms


def may_renew(lease: LeaseRow, grant: Grant, now_ms: int, clock_id: str) -> bool:
    mine = (lease.holder, lease.epoch) == (grant.holder, grant.epoch)
    return mine and lease.clock == clock_id and now_ms <= lease.expires_ms


def acquirable() -> Q:
    """`may_acquire` as a condition."""
    return Q(holder="") | lapsed()


def lapsed() -> Q:
    """It had a holder, whose time is over."""
    return ~Q(holder="") & (~Q(lease_clock=clock.clock_id()) | Q(lease_expires_ms__lt=NowMs()))


def mine(grant: Grant) -> Q:
    """`may_renew` as a condition."""
    return Q(
        holder=grant.holder,
        epoch=grant.epoch,
        lease_clock=clock.clock_id(),
        lease_expires_ms__gte=NowMs(),
    )


def taken(holder: str, ttl_ms: int) -> dict[str, Any]:
    """The columns that an acquisition sets."""
    return {"holder": holder, "epoch": F("epoch") + 1, "lease_clock": clock.clock_id(), **renewed(ttl_ms)}


def renewed(ttl_ms: int) -> dict[str, Any]:
    """The columns that a renewal sets."""
    return {"lease_expires_ms": NowMs() + ttl_ms}


def released() -> dict[str, Any]:
    """The columns that giving it back sets; the epoch stays, so that it only ever grows."""
    return {"holder": "", "lease_expires_ms": 0}


# -- holder ids ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Process:
    """A process as its holder id names it. `started` is in clock ticks since boot."""

    host: str
    pid: int
    started: int

    @property
    def local(self) -> bool:
        return self.host == this_host()

    @property
    def alive(self) -> bool:
        """The very process, not another one with its number. Only to be asked about local ones."""
        return started(self.pid) == self.started

    def kill(self) -> bool:
        """SIGKILL it, if it is on this host, alive, and not ourselves."""
        if not self.local or self.pid == os.getpid() or not self.alive:
            return False
        try:
            os.kill(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return False
        return True


def holder_id() -> str:
    """`<host>/<pid>/<start>/<random>` of this process: never the same in any other."""
    return _holder_id(os.getpid())


@cache
def _holder_id(pid: int) -> str:
    return f"{this_host()}/{pid}/{started(pid)}/{secrets.token_hex(8)}"


def process_of(holder: str) -> Process | None:
    """The process that a holder id names, or None if it is not one of ours."""
    match holder.split("/"):
        case [host, pid, start, _] if pid.isdecimal() and start.isdecimal():
            return Process(host, int(pid), int(start))
    return None


@cache
def this_host() -> str:
    """The host's name and a piece of its boot id: two machines of one name are told apart."""
    return f"{socket.gethostname().replace('/', '_')[:60]}~{clock.boot_id()[:8]}"


def started(pid: int) -> int | None:
    """When a process of this machine began, in clock ticks since boot; None if there is none.

    Source: proc(5), field 22 of /proc/PID/stat; the name before it may hold anything.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in "ZX" else int(fields[18])
