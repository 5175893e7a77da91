"""What the event loop does itself, and when it leaves that to the threads."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import SynchronousOnlyOperation
from django.db import connection

from proxy import control
from proxy.door.shortcut import LONG_SECONDS, REST_SECONDS, Shortcut


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_nothing_is_tried_before_it_is_open() -> None:
    shortcut = Shortcut()
    assert shortcut.try_to(pow, 2, 3) is None
    shortcut.open()
    assert shortcut.try_to(pow, 2, 3) == 8


def test_after_long_work_the_threads_do_it_for_a_while() -> None:
    clock = Clock()
    shortcut = Shortcut(clock)
    shortcut.open()

    def work(seconds: float) -> str:
        clock.now += seconds
        return "done"

    assert shortcut.try_to(work, LONG_SECONDS / 2) == "done"
    assert shortcut.try_to(work, LONG_SECONDS * 2) == "done"
    assert shortcut.try_to(work, 0.0) is None
    clock.now += REST_SECONDS + 0.1
    assert shortcut.try_to(work, 0.0) == "done"


def test_an_error_of_long_work_counts_too() -> None:
    clock = Clock()
    shortcut = Shortcut(clock)
    shortcut.open()

    def fail() -> None:
        clock.now += 1
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        shortcut.try_to(fail)
    assert shortcut.try_to(pow, 2, 3) is None


@pytest.fixture
def own_connection() -> Iterator[None]:
    before = control._mine.wrapper
    yield
    control._mine.wrapper = before


@pytest.mark.django_db
def test_an_event_loop_reads_only_over_the_connection_that_was_opened_for_it(own_connection: None) -> None:
    control._mine.wrapper = None

    async def read() -> Any:
        with pytest.raises(SynchronousOnlyOperation):
            control.database()
        wrapper = await asyncio.to_thread(control.open_for_loop)
        if wrapper is not None:
            control.use(wrapper)
            assert control.database() is wrapper
            assert wrapper.connection.execute("SELECT 1").fetchone() == (1,)
        return wrapper

    wrapper = asyncio.run(read())
    assert (wrapper is not None) == (connection.vendor == "sqlite")
    if wrapper is not None:
        wrapper.close()
