"""A page costs what it shows: neither what lies under a prefix, nor what is dead, nor how deep it is.

Counted in steps of SQLite's machine, so that no clock and no busy machine has a say.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from proxy.backends.filesystem import FilesystemBackend
from proxy.backends.filesystem.transaction import Transaction
from tests.proxy.backends.conftest import PLACE

ROWS = 20_000
STEPS = 100
"""The counter is asked every so many steps."""
A_PAGE = 100
PER_ENTRY = 150
"""More steps than an entry takes, of whatever kind; a walk over the rows would take a hundredfold."""

_SHAPE = "(?, 1, '', 0, 0, '', '', '', '', {}, '', 0, 0, NULL, '', '', '', ''{}, '', '')"
LIVE = "INSERT INTO live VALUES " + _SHAPE.format("'v', 1", "")
OLDER = "INSERT INTO history VALUES " + _SHAPE.format("?, ?", ", ?")


@pytest.fixture
def large(backend: FilesystemBackend) -> FilesystemBackend:
    """Many keys below each of three prefixes, many dead ones beside them, one key of many versions."""

    def fill(transaction: Transaction) -> None:
        run = transaction.connection
        run.executemany(LIVE, ((b"%d/%06d/x" % (n % 3, n),) for n in range(ROWS)))
        run.executemany(OLDER, ((b"0/dead/%06d" % n, "m", 1, 1) for n in range(ROWS)))
        run.execute(LIVE, (b"1/hot",))
        run.executemany(OLDER, ((b"1/hot", f"old-{n}", -n, 0) for n in range(ROWS)))

    with backend._using(PLACE) as bucket:
        bucket.writer.submit(fill)
    return backend


def steps(backend: FilesystemBackend, act: Callable[[], object]) -> int:
    """About how many steps the statements of one call take."""
    count = 0

    def counted() -> bool:
        nonlocal count
        count += STEPS
        return False

    with backend._using(PLACE) as bucket:
        with bucket.pool.lend() as connection:  # the next caller gets the same one
            connection.set_progress_handler(counted, STEPS)
        act()
        with bucket.pool.lend() as connection:
            connection.set_progress_handler(None)
    return count


HOT = ("1/hot", f"old-{ROWS // 2}")
PAGES: dict[str, tuple[dict[str, object], int]] = {
    "prefixes": ({"delimiter": "/"}, 3),
    "prefixes below a prefix": ({"prefix": "1/", "delimiter": "/"}, A_PAGE),
    "deep in a flat prefix": ({"prefix": "2/", "after": "2/015000"}, A_PAGE),
    "past what is dead": ({"prefix": "0/", "after": "0/dead"}, 0),
    "past the key of many versions": ({"after": "1/hos"}, A_PAGE),
}


def test_a_page_of_objects_costs_what_it_shows(large: FilesystemBackend) -> None:
    for name, (asked, shown) in PAGES.items():
        page = large.list(PLACE, limit=A_PAGE, **asked)  # type: ignore[arg-type]
        assert len(page.objects) + len(page.prefixes) == shown, name
        cost = steps(large, partial(large.list, PLACE, limit=A_PAGE, **asked))  # type: ignore[arg-type]
        assert cost < PER_ENTRY * (shown + 2), name


VERSION_PAGES: dict[str, tuple[dict[str, object], int]] = {
    "prefixes": ({"delimiter": "/"}, 3),
    "prefixes below a prefix": ({"prefix": "1/", "delimiter": "/"}, A_PAGE),
    "deep in a flat prefix": ({"prefix": "2/", "after": ("2/015000", "")}, A_PAGE),
    "what is dead": ({"prefix": "0/dead/"}, A_PAGE),
    "deep in the key of many versions": ({"after": HOT}, A_PAGE),
    "a key of many versions that begins again": ({"after": ("1/hot", "gone")}, A_PAGE),
    "past the key of many versions": ({"after": ("1/hot", "")}, A_PAGE),
}


def test_a_page_of_versions_costs_what_it_shows(large: FilesystemBackend) -> None:
    for name, (asked, shown) in VERSION_PAGES.items():
        page = large.list_versions(PLACE, limit=A_PAGE, **asked)  # type: ignore[arg-type]
        assert len(page.versions) + len(page.prefixes) == shown, name
        cost = steps(large, partial(large.list_versions, PLACE, limit=A_PAGE, **asked))  # type: ignore[arg-type]
        assert cost < PER_ENTRY * (shown + 2), name


def test_what_is_locked_is_counted_without_a_look_at_the_rest(large: FilesystemBackend) -> None:
    def lock(transaction: Transaction) -> None:
        transaction.run("UPDATE live SET hold = 1 WHERE key = x'312f686f74'")
        transaction.run("UPDATE history SET until = ?, mode = 'COMPLIANCE' WHERE version = 'old-7'", 1 << 60)

    with large._using(PLACE) as bucket:
        bucket.writer.submit(lock)
    assert large.usage(PLACE).locked == 2
    assert steps(large, lambda: large.usage(PLACE)) < 1_000
