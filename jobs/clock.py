"""The one clock of all leases: integer milliseconds that every holder reads from the same place.

SQLite, one host: CLOCK_BOOTTIME, which no clock setting moves and which counts suspend, plus
the boot id, since it starts at zero with the machine. PostgreSQL: the server's
`clock_timestamp()`, never `now()`, which is the start of the transaction.
"""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.models import BigIntegerField, Func

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

_SQL = {
    "sqlite": "boottime_ms()",
    "postgresql": "(extract(epoch from clock_timestamp()) * 1000)::bigint",
}


def now_sql(vendor: str | None = None) -> str:
    """The SQL expression for this moment, evaluated inside the statement that holds it."""
    return _SQL[vendor or connection.vendor]


class NowMs(Func):
    """`now_sql` for the ORM: `filter(lease_expires_ms__lt=NowMs())`."""

    arity = 0
    output_field = BigIntegerField()

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **kwargs: Any) -> tuple[str, tuple[()]]:
        return now_sql(connection.vendor), ()


def now_ms() -> int:
    """This moment on the clock of leases, read without a statement where that is possible."""
    if connection.vendor == "sqlite":
        return local_ms()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {now_sql()}")
        return int(cursor.fetchone()[0])


def local_ms() -> int:
    """This machine's CLOCK_BOOTTIME in milliseconds: for deadlines inside one process."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def wall_ms() -> int:
    """Wall clock, milliseconds since the epoch: for what people read, never for a lease."""
    return time.time_ns() // 1_000_000


def clock_id() -> str:
    """Which clock `now_ms` is. A lease that was written by another clock has lapsed."""
    return boot_id() if connection.vendor == "sqlite" else connection.vendor


@cache
def boot_id() -> str:
    """Random per start of this machine; the same in all its processes and containers."""
    return BOOT_ID.read_text().strip()
