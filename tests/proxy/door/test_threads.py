"""Threads that work for the event loop."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from proxy.door.threads import Threads


def test_results_and_errors_come_back_to_the_loop() -> None:
    async def go() -> None:
        threads = Threads("test", 4)
        assert await asyncio.gather(*[threads.run(pow, n, 2) for n in range(50)]) == [
            n * n for n in range(50)
        ]
        with pytest.raises(ZeroDivisionError):
            await threads.run(lambda: 1 // 0)
        assert threads.busy == 0
        threads.close()

    asyncio.run(go())


def test_no_more_threads_than_allowed_and_no_more_than_needed() -> None:
    seen: set[str] = set()

    def work() -> None:
        seen.add(threading.current_thread().name)
        time.sleep(0.01)

    async def go() -> None:
        threads = Threads("counted", 3)
        for _ in range(5):
            await threads.run(work)
        assert len(seen) == 1
        running = [threads.run(work) for _ in range(9)]
        assert threads.full
        await asyncio.gather(*running)
        assert len(seen) == 3 and not threads.full
        threads.close()

    asyncio.run(go())


def test_work_that_nobody_waits_for_ends_and_its_result_is_taken_care_of() -> None:
    unwanted: list[str | None] = []

    async def go() -> None:
        threads = Threads("left", 1)
        started = threading.Event()

        def work() -> str:
            started.set()
            time.sleep(0.05)
            return "done"

        future = threads.run(work, unwanted=unwanted.append)
        assert await asyncio.to_thread(started.wait, 5)
        future.cancel()
        await threads.run(time.sleep, 0)
        assert unwanted == ["done"]
        threads.close()

    asyncio.run(go())


def test_a_loop_that_has_ended_is_no_trouble_to_its_threads() -> None:
    unwanted: list[str | None] = []
    go_on = threading.Event()

    def work() -> str:
        go_on.wait(5)
        return "late"

    async def go() -> None:
        Threads("late", 1).run(work, unwanted=unwanted.append)

    asyncio.run(go())
    go_on.set()
    deadline = time.monotonic() + 5
    while not unwanted and time.monotonic() < deadline:
        time.sleep(0.01)
    assert unwanted == ["late"]
