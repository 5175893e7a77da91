"""What a page of a listing costs the filesystem backend at a million keys, and what it may cost.

Each page of 1,000 entries is asked for again and again; the least CPU time counts, of this
process and the kernel on its behalf. `python -m benchmarks.listing` runs it alone.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from proxy.backends.filesystem import FilesystemBackend
from proxy.backends.filesystem.transaction import Transaction
from proxy.backends.values import Place

LIMIT_MS = 3.0
HOT_VERSIONS = 100_000
PLACE = Place("bench", "listing", "1")
_COMMON = "?, 4096, 'd41d8cd98f00b204e9800998ecf8427e', 1700000000000, ?, '{owner}', 'crc32:AAAAAA=='"
_REST = "'', 0, 0, NULL, '', '[{{\"content-type\":\"text/plain\"}},{{}},{{}}]', '', ''"
_SHAPE = f"{_COMMON}, 'FULL_OBJECT', '', {{id}}, {{ordinal}}, {_REST}"
_OWNER = "f" * 64
LIVE = f"INSERT INTO live VALUES ({_SHAPE.format(owner=_OWNER, id=repr('null'), ordinal=1)}, '', '')"
DEAD = f"INSERT INTO history VALUES ({_SHAPE.format(owner=_OWNER, id='?', ordinal='?')}, 0, '', '')"


def _key(number: int) -> bytes:
    return b"photos/%04d/%03d/image-of-something.jpg" % (number // 1000, number % 1000)


def _fill(keys: int) -> Callable[[Transaction], None]:
    """`keys` live rows, a dead one beside each, and one key that was overwritten very often."""

    def fill(transaction: Transaction) -> None:
        run, hot = transaction.connection, _key(keys // 2 + 500)
        run.executemany(LIVE, ((_key(number), number) for number in range(keys)))
        run.executemany(DEAD, ((_key(number), number, f"{number:032d}", 0) for number in range(keys)))
        run.executemany(DEAD, ((hot, 0, f"hot-{number:028d}", -number) for number in range(HOT_VERSIONS)))

    return fill


def _pages(backend: FilesystemBackend, keys: int) -> dict[str, Callable[[], object]]:
    middle, hot = f"photos/{keys // 2000:04d}/", _key(keys // 2 + 500).decode()
    deep = f"{middle}400"
    return {
        "objects, the first page": lambda: backend.list(PLACE),
        "objects, deep": lambda: backend.list(PLACE, after=deep),
        "objects, deep, with a delimiter that none has": lambda: backend.list(
            PLACE, after=deep, delimiter="#"
        ),
        "common prefixes": lambda: backend.list(PLACE, prefix=middle, delimiter="/"),
        "common prefixes of 1,000 keys each": lambda: backend.list(PLACE, prefix="photos/", delimiter="/"),
        "versions, deep": lambda: backend.list_versions(PLACE, after=(deep, "")),
        f"versions of a key that has {HOT_VERSIONS:,}": lambda: backend.list_versions(
            PLACE, after=(hot, f"hot-{HOT_VERSIONS // 2:028d}")
        ),
        "versions, common prefixes": lambda: backend.list_versions(PLACE, prefix=middle, delimiter="/"),
    }


def _least_ms(act: Callable[[], object], rounds: int) -> float:
    def once() -> int:
        began = time.thread_time_ns()
        act()
        return time.thread_time_ns() - began

    return min(once() for _ in range(rounds)) / 1e6


def table(keys: int, rounds: int = 40) -> list[str]:
    """Lines of a table: each page, its CPU milliseconds, and whether it is within the limit."""
    with tempfile.TemporaryDirectory(prefix="sluicegate-bench-") as folder:
        backend = FilesystemBackend("bench", Path(folder), lambda: time.time_ns() // 1_000_000, keep=False)
        backend.prepare(None)
        backend.create_bucket(PLACE)
        with backend._using(PLACE) as bucket:
            bucket.writer.submit(_fill(keys))
            with bucket.pool.lend() as connection:
                connection.wal_checkpoint()
        measured = {name: _least_ms(act, rounds) for name, act in _pages(backend, keys).items()}
        backend.close()
    lines = [f"a page of 1,000 at {keys:,} keys, CPU; limit {LIMIT_MS:.1f} ms"]
    for name, cost in measured.items():
        lines.append(f"  {name:<48} {cost:6.2f} ms  {'' if cost < LIMIT_MS else 'MISSED'}".rstrip())
    return lines


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=1_000_000)
    print(*table(parser.parse_args().keys), sep="\n")
