"""Which calls go out again, and when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.backends.s3.errors import Broken, BucketMissing, Refused, ServiceFault, Unreachable
from proxy.backends.s3.requests import Request
from proxy.backends.s3.retrying import FIRST_PAUSE, LONGEST_PAUSE, Attempts, may_repeat
from proxy.errors import NoSuchKey, PreconditionFailed, S3Error, SlowDown

_GET = Request("GET", "b", "k", headers={"if-match": '"e"'})
_PUT = Request("PUT", "b", "k", payload=b"data")
_PUT_NEW = Request("PUT", "b", "k", headers={"if-none-match": "*"}, payload=b"data")
_DELETE_SAME = Request("DELETE", "b", "k", headers={"if-match": '"e"'})
_COMPLETE = Request("POST", "b", "k", {"uploadId": "u"}, payload=b"<x/>", repeatable=False)

_ALL = (_GET, _PUT, _PUT_NEW, _DELETE_SAME, _COMPLETE)
_AGAIN: dict[type[S3Error], tuple[bool, ...]] = {
    # nothing was done:
    Unreachable: (True, True, True, True, True),
    SlowDown: (True, True, True, True, True),
    # nobody knows:
    Broken: (True, True, False, False, False),
    ServiceFault: (True, True, False, False, False),
    # it is an answer:
    NoSuchKey: (False, False, False, False, False),
    PreconditionFailed: (False, False, False, False, False),
    BucketMissing: (False, False, False, False, False),
}


@pytest.mark.parametrize("kind", list(_AGAIN))
def test_a_call_goes_out_again_only_if_that_can_do_no_harm(kind: type[S3Error]) -> None:
    assert tuple(may_repeat(request, kind(), True) for request in _ALL) == _AGAIN[kind]
    assert not any(may_repeat(request, kind(), False) for request in _ALL)


def test_what_is_refused_is_not_asked_again() -> None:
    assert not may_repeat(_GET, Refused("no", "AccessDenied"), True)


def test_pauses_grow_with_jitter_and_end_with_the_budget() -> None:
    attempts = Attempts(deadline=100.0)
    longest = []
    for made in range(1, 9):
        attempts.made = made
        assert attempts.pause(Broken(), 0.0, 0.0) == 0.0
        longest.append(attempts.pause(Broken(), 0.0, 1.0))
    assert longest[:3] == [FIRST_PAUSE * 2, FIRST_PAUSE * 4, FIRST_PAUSE * 8]
    assert longest[-1] == LONGEST_PAUSE
    assert attempts.pause(Broken(), 99.0, 1.0) is None
    assert attempts.pause(Broken(), 100.0, 0.0) is None


def test_a_service_that_asks_to_wait_is_obeyed_within_the_budget() -> None:
    attempts = Attempts(deadline=10.0, made=1)
    assert attempts.pause(SlowDown(retry_after=3), 0.0, 0.5) == 3 + FIRST_PAUSE
    assert attempts.pause(SlowDown(retry_after=30), 0.0, 0.5) is None


@given(st.integers(1, 50), st.floats(0, 1, exclude_max=True), st.floats(0, 20))
def test_no_pause_goes_past_the_budget(made: int, chance: float, now: float) -> None:
    pause = Attempts(deadline=10.0, made=made).pause(Unreachable(), now, chance)
    assert pause is None or (0 <= pause <= LONGEST_PAUSE and now + pause < 10.0)
