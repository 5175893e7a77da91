"""Notes that no request waits for: made in order, bounded, and never the end of those behind them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from queue import Queue

import pytest
from django.db import OperationalError

from proxy import afterwards

SECONDS = 10.0


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A queue and a thread of this test's own, which ends with it."""
    monkeypatch.setattr(afterwards, "_waiting", Queue(afterwards.MOST_WAITING))
    monkeypatch.setattr(afterwards, "_started", threading.Lock())
    monkeypatch.setattr(afterwards, "_IDLE_SECONDS", 0.01)
    yield
    assert afterwards._started.acquire(timeout=SECONDS), "its thread ends when there is nothing to do"


def _done() -> threading.Event:
    event = threading.Event()
    assert afterwards.later(event.set)
    return event


def test_notes_are_made_in_order_by_one_thread() -> None:
    made: list[tuple[int, int]] = []
    for number in range(50):
        assert afterwards.later(lambda number=number: made.append((number, threading.get_ident())))
    assert _done().wait(SECONDS)
    assert [number for number, _ in made] == list(range(50))
    assert len({thread for _, thread in made} - {threading.get_ident()}) == 1


@pytest.mark.parametrize("error", [OperationalError("database is locked"), ZeroDivisionError()])
def test_a_note_that_fails_is_logged_and_those_behind_it_are_made(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise error

    with caplog.at_level(logging.WARNING, "sluicegate.afterwards"):
        afterwards.later(fail)
        assert _done().wait(SECONDS)
    assert "a note in the control database was lost" in caplog.text


def test_after_a_rest_notes_are_made_again() -> None:
    assert _done().wait(SECONDS)
    with afterwards._started:  # the first thread has ended
        pass
    assert _done().wait(SECONDS)


def test_beyond_what_may_wait_notes_are_dropped() -> None:
    busy, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        busy.set()
        go_on.wait(SECONDS)

    afterwards.later(wait)
    assert busy.wait(SECONDS)
    taken = [afterwards.later(lambda: None) for _ in range(afterwards.MOST_WAITING + 1)]
    go_on.set()
    assert taken.count(False) == 1
