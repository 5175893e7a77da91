"""How many wrong signatures one address may send for one access key: a leaky bucket for each pair.

100 at once, 100 more a minute; a right signature empties the bucket. Unknown keys of an address
share one bucket, so that going through names does not help. An address is a network of 64 bits in
IPv6, of which one host has as many addresses as it likes.

Every process keeps its own buckets, bounded; failures are also added to the buckets' rows in the
control database, afterwards and many at once, and the process takes over what others have added
there. So the requests that succeed pay for nothing but one look at an empty dictionary, and a flood
of failures is one transaction at a time.
"""

from __future__ import annotations

import ipaddress
import math
import os
import threading
from collections import OrderedDict
from functools import lru_cache

from django.db import connection, transaction

from proxy.afterwards import later
from proxy.errors import SlowDown
from proxy.models import FailedSignIn

BURST = 100
PER_SECOND = 100 / 60
MOST_BUCKETS = 10_000
_FORGET_SECONDS = 3 * BURST / PER_SECOND
_PRUNE_EVERY = 100

_buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
"""By name: the level (in failures) and when it was so, in seconds since the epoch of Unix."""
_unshared: dict[str, tuple[int, float]] = {}
"""By name: how many failures the others do not know of yet, and when the last one was."""
_lock = threading.Lock()
_rounds = 0


def bucket_name(access_key: str, address: str) -> str:
    """Which bucket counts; `access_key` is "" for keys that nobody has."""
    return f"{access_key} {_network(address)}"


def check(name: str, now: float) -> None:
    """Raise SlowDown, with Retry-After, if the bucket is full."""
    if not _buckets:
        return
    level = leaked(*_buckets.get(name, (0.0, now)), now)
    if level > BURST - 1:
        wait = max(1, math.ceil((level - BURST + 1) / PER_SECOND))
        raise SlowDown("Too many wrong signatures from this address. Try again later.", retry_after=wait)


def failed(name: str, now: float) -> None:
    """Count one wrong signature, here and, soon, everywhere."""
    with _lock:
        _set(name, leaked(*_buckets.get(name, (0.0, now)), now) + 1, now)
        first = not _unshared
        if len(_unshared) < MOST_BUCKETS:
            _unshared[name] = (_unshared.get(name, (0, now))[0] + 1, now)
    if first and not later(share):
        _unshared.clear()


def forgive(name: str) -> None:
    """The signature was right: forget what was counted."""
    if not _buckets or name not in _buckets:
        return
    with _lock:
        _buckets.pop(name, None)
    later(lambda: FailedSignIn.objects.filter(pk=name).delete())


def leaked(level: float, at: float, now: float) -> float:
    """What is left of a level some time later. A clock that was set back leaks nothing."""
    return max(0.0, level - max(0.0, now - at) * PER_SECOND)


def _set(name: str, level: float, at: float) -> None:
    _buckets[name] = (level, at)
    _buckets.move_to_end(name)
    if len(_buckets) > MOST_BUCKETS:
        _buckets.popitem(last=False)


@lru_cache(1024)
def _network(address: str) -> str:
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]  # a Unix socket has no address
    if isinstance(known, ipaddress.IPv4Address):
        return str(known)
    if known.ipv4_mapped:
        return str(known.ipv4_mapped)
    return str(ipaddress.ip_network((int(known), 64), strict=False))


# -- what the processes share ------------------------------------------------------------------

_GREATEST = {"sqlite": "max", "postgresql": "greatest"}
_ADD = (
    "INSERT INTO proxy_failedsignin AS known (id, failures, at) VALUES (%s, %s, %s)"
    " ON CONFLICT (id) DO UPDATE SET at = {greatest}(known.at, excluded.at), failures = excluded.failures"
    " + {greatest}(0, known.failures - {greatest}(0, excluded.at - known.at) * {rate})"
    " RETURNING failures, at"
)


def share() -> None:
    """Add what others do not know yet to the rows, and take their levels over. Raises database errors."""
    global _unshared, _rounds
    with _lock:
        mine, _unshared = _unshared, {}
    if not mine:
        return
    _rounds += 1
    statement = _ADD.format(greatest=_GREATEST[connection.vendor], rate=PER_SECOND)
    levels: list[tuple[str, float, float]] = []
    with transaction.atomic(), connection.cursor() as cursor:
        for name, (failures, at) in sorted(mine.items()):
            cursor.execute(statement, [name, failures, at])
            levels.append((name, *cursor.fetchone()))
        if _rounds % _PRUNE_EVERY == 1:
            oldest = max(at for _, at in mine.values()) - _FORGET_SECONDS
            cursor.execute("DELETE FROM proxy_failedsignin WHERE at < %s", [oldest])
    with _lock:
        for name, level, at in levels:
            if name in _buckets and level > leaked(*_buckets[name], at):
                _set(name, level, at)


def _after_fork() -> None:
    """What the parent was about to share, it shares itself."""
    global _lock
    _lock = threading.Lock()
    _unshared.clear()


os.register_at_fork(after_in_child=_after_fork)
