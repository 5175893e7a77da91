"""Calls that go out again, and services that are left alone; against a server, with time as a number."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from proxy.backends.s3.breaker import FIRST_REST, IN_A_ROW, OPEN
from proxy.backends.s3.caller import watch
from proxy.backends.s3.errors import Broken, ServiceFault, Unreachable
from proxy.backends.values import PartRequest
from proxy.errors import BackendUnavailable, IncompleteBody, PreconditionFailed, S3Error, SlowDown
from tests.proxy.backends.s3.faults.conftest import Connect, World
from tests.proxy.backends.s3.faults.flaky import GOOD, Flaky, answer, early, error, hang_up, raw
from tests.proxy.backends.s3.payloads import Pieces
from tests.s3.server import free_port

MIB = 1024 * 1024


def test_it_is_tried_again_within_the_budget(connect: Connect, world: World) -> None:
    busy = error(503, "SlowDown")
    with Flaky(hang_up, error(500, "InternalError"), busy, GOOD) as server:
        client = connect(server.endpoint, retry_budget=30.0)
        assert client.put("b", "k", b"data").etag == "e"
        assert [each.body for each in server.requests[1:]] == [b"data"] * 3
    assert world.slept == [0.05, 0.1, 2 + 0.2]


def test_a_page_that_was_cut_is_asked_for_again(connect: Connect) -> None:
    cut = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n<ListBucketResult>")
    with Flaky(cut, error(200, "InternalError"), answer(200, b"<ListBucketResult/>")) as server:
        assert connect(server.endpoint, retry_budget=30.0).list("b").objects == ()
        assert len(server.requests) == 3


def test_retry_after_beyond_the_budget_is_passed_on(connect: Connect, world: World) -> None:
    with Flaky(error(503, "SlowDown", retry_after="30")) as server:
        with pytest.raises(SlowDown) as caught:
            connect(server.endpoint, retry_budget=10.0).head("b", "k")
    assert caught.value.headers["Retry-After"] == "30"
    assert (world.slept, len(server.requests)) == ([], 1)


def test_what_may_have_had_an_effect_is_not_done_twice(connect: Connect) -> None:
    with Flaky(hang_up) as server:
        client = connect(server.endpoint, retry_budget=30.0)
        for call in (
            lambda: client.complete_upload("b", "k", "u", [PartRequest(1, "e")]),
            lambda: client.put("b", "k", b"data", {"if-none-match": "*"}),
        ):
            before = len(server.requests)
            with pytest.raises(Broken):
                call()
            assert len(server.requests) == before + 1


def test_a_stream_that_has_begun_is_not_sent_again(connect: Connect) -> None:
    with Flaky(error(503, "SlowDown"), GOOD) as server:
        stream = Pieces(b"1", b"2")
        with pytest.raises(SlowDown):
            connect(server.endpoint, retry_budget=30.0).put("b", "k", stream)
        assert (stream.taken, len(server.requests)) == (2, 1)


def test_a_stream_that_was_not_touched_waits_for_the_service(connect: Connect, world: World) -> None:
    client = connect(f"http://127.0.0.1:{free_port()}", retry_budget=1.0)
    stream = Pieces(b"1")
    with pytest.raises(Unreachable):
        client.put("b", "k", stream)
    assert stream.taken == 0
    assert world.slept


def test_an_answer_in_the_middle_of_a_stream_ends_it(connect: Connect) -> None:
    body = b"<Error><Code>PreconditionFailed</Code></Error>"
    with Flaky(early(412, body)) as server:
        stream = Pieces(*[b"x" * MIB] * 100)
        with pytest.raises(PreconditionFailed):
            connect(server.endpoint, read_timeout=5.0).put("b", "k", stream)
        assert stream.taken < 100


def test_a_good_answer_before_the_end_of_a_stream_is_none(connect: Connect) -> None:
    with Flaky(early(200)) as server, pytest.raises(Broken, match="before it had everything"):
        connect(server.endpoint, read_timeout=5.0).put("b", "k", Pieces(*[b"x" * MIB] * 100))


@pytest.mark.parametrize("length", [3, 5])
def test_a_stream_of_another_length_is_never_a_whole_object(connect: Connect, length: int) -> None:
    with Flaky(GOOD) as server:
        with pytest.raises(IncompleteBody):
            connect(server.endpoint).put("b", "k", Pieces(b"12", b"34", length=length))
    assert all(len(each.body) < length for each in server.requests)


def test_what_a_stream_raises_comes_out_and_says_nothing_about_the_service(connect: Connect) -> None:
    def source() -> Iterator[bytes]:
        yield b"1"
        raise Unreachable("The storage 'other' cannot be reached.")

    class Failing(Pieces):
        def __iter__(self) -> Iterator[bytes]:
            return source()

    with Flaky(GOOD) as server:
        client = connect(server.endpoint)
        for _ in range(2 * IN_A_ROW):
            with pytest.raises(Unreachable, match="'other'"):
                client.put("b", "k", Failing(b"", length=10))
        assert client.head("b", "k").etag == "e"


def test_a_service_that_keeps_failing_is_left_alone_then_tried_once(connect: Connect, world: World) -> None:
    with Flaky(*[error(500, "InternalError")] * IN_A_ROW, GOOD) as server:
        client, other = connect(server.endpoint), connect(server.endpoint)
        for _ in range(IN_A_ROW):
            with pytest.raises(ServiceFault):
                client.get("b", "k")
        assert client.caller.breaker.state.phase == OPEN
        with pytest.raises(BackendUnavailable, match="left alone for a moment") as caught:
            client.get("b", "k")
        assert caught.value.headers["Retry-After"] == "2"
        assert len(server.requests) == IN_A_ROW
        assert other.head("b", "k").etag == "e"
        world.now += FIRST_REST
        assert client.head("b", "k").etag == "e"


def test_answers_that_say_no_open_nothing(connect: Connect) -> None:
    with Flaky(*[error(404, "NoSuchKey"), error(503, "SlowDown")] * IN_A_ROW, GOOD) as server:
        client = connect(server.endpoint)
        for _ in range(2 * IN_A_ROW):
            with pytest.raises(S3Error):
                client.get("b", "k")
        assert client.head("b", "k").etag == "e"


def test_a_call_stops_to_try_when_the_breaker_opens(connect: Connect) -> None:
    with Flaky(error(500, "InternalError")) as server:
        with pytest.raises(ServiceFault):
            connect(server.endpoint, retry_budget=1000.0).head("b", "k")
        assert len(server.requests) == IN_A_ROW


def test_every_call_is_told_to_whoever_watches(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.backends.s3.caller._watchers", [])
    told: list[tuple[str, str]] = []
    watch(lambda backend, code, seconds: told.append((backend, code)))
    with Flaky(GOOD, error(404, "NoSuchKey"), hang_up) as server:
        client = connect(server.endpoint)
        client.head("b", "k")
        for _ in range(2):
            with pytest.raises(S3Error):
                client.get("b", "k")
    assert told == [("cloud", ""), ("cloud", "NoSuchKey"), ("cloud", "ServiceUnavailable")]
