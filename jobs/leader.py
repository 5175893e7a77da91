"""Who schedules: the leader's lease of a duty, one row for each."""

from __future__ import annotations

from jobs import clock, leases
from jobs.clock import NowMs
from jobs.leases import Grant
from jobs.models import Leader


def lead(duty: str, holder: str, ttl_ms: int) -> int | None:
    """Take or keep the lease of a duty. Its epoch, or None if somebody else has it.

    The epoch stays the same while the lease is kept and grows at each new acquisition.
    """
    Leader.objects.get_or_create(name=duty)
    row = Leader.objects.filter(name=duty)
    kept = row.filter(holder=holder, lease_clock=clock.clock_id(), lease_expires_ms__gte=NowMs())
    free = row.filter(leases.acquirable())
    if not (kept.update(**leases.renewed(ttl_ms)) or free.update(**leases.taken(holder, ttl_ms))):
        return None
    return row.filter(holder=holder).values_list("epoch", flat=True).first()


def leads(duty: str, holder: str, epoch: int) -> bool:
    """Whether the lease that `lead` gave is still held."""
    return Leader.objects.filter(leases.mine(Grant(holder, epoch)), name=duty).exists()


def resign(duty: str, holder: str) -> None:
    """Give the lease back, so that the next leader need not wait for its end."""
    Leader.objects.filter(name=duty, holder=holder).update(**leases.released())
