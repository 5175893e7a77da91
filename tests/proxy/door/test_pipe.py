"""The pipe between the event loop and a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

import pytest

from proxy.door.pipe import Pipe, Whole
from proxy.errors import IncompleteBody, SlowDown


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def test_a_small_body_is_one_piece_or_none() -> None:
    assert list(Whole(b"abc")) == [b"abc"]
    assert list(Whole()) == []


def test_pieces_come_out_in_order_and_never_too_many_at_once() -> None:
    pieces = [bytes([number % 256]) * 1000 for number in range(500)]

    async def go() -> None:
        pipe = Pipe(asyncio.get_running_loop(), 5000)
        taken: list[bytes] = []
        reader = asyncio.to_thread(lambda: taken.extend(pipe))
        reading = asyncio.create_task(reader)
        for piece in pieces:
            assert await pipe.room()
            pipe.offer(piece)
            assert pipe._size <= 6000
        pipe.finish()
        await reading
        assert taken == pieces

    run(go())


def test_an_error_comes_after_the_pieces_before_it() -> None:
    async def go() -> None:
        pipe = Pipe(asyncio.get_running_loop(), 5000)
        pipe.offer(b"first")
        pipe.finish(IncompleteBody())
        pipe.finish()
        pieces = iter(pipe)
        assert next(pieces) == b"first"
        with pytest.raises(IncompleteBody):
            next(pieces)

    run(go())


def test_a_reader_that_leaves_frees_the_writer() -> None:
    async def go() -> None:
        pipe = Pipe(asyncio.get_running_loop(), 10)
        assert not pipe.offer(b"x" * 20)
        waiting = asyncio.create_task(pipe.room())
        await asyncio.sleep(0.01)
        assert not waiting.done()
        threading.Thread(target=pipe.close).start()
        assert await asyncio.wait_for(waiting, 5) is False

    run(go())


def test_a_reader_with_nothing_to_read_looks_around() -> None:
    def pulse() -> None:
        raise SlowDown()

    async def go() -> None:
        pipe = Pipe(asyncio.get_running_loop(), 10)
        pipe.pulse = pulse
        with pytest.raises(SlowDown):
            await asyncio.wait_for(asyncio.to_thread(lambda: list(pipe)), 5)

    run(go())
