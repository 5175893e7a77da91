"""What a service or the way to it may do wrong: bounded waits, typed errors, nothing taken for an answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from proxy.backends.s3.breaker import FIRST_REST, IN_A_ROW, OPEN
from proxy.backends.s3.caller import Caller, Timing, watch
from proxy.backends.s3.calls.objects import Source
from proxy.backends.s3.client import Client
from proxy.backends.s3.errors import Broken, BucketMissing, Refused, ServiceFault, Unreachable
from proxy.backends.s3.options import Credentials, Options
from proxy.backends.values import PartRequest
from proxy.errors import (
    BackendUnavailable,
    IncompleteBody,
    NoSuchKey,
    NotImplementedByUs,
    PreconditionFailed,
    S3Error,
    SlowDown,
)
from tests.proxy.backends.s3.flaky import Act, Flaky, answer, drip, early, endless, hang_up, raw, stall
from tests.proxy.backends.s3.payloads import Pieces
from tests.s3.server import free_port

MIB = 1024 * 1024
GOOD = answer(200, b"data", etag='"e"')


def error(status: int, code: str, **headers: str | None) -> Act:
    body = f"<Error><Code>{code}</Code><Message>so it is</Message></Error>".encode()
    return answer(status, body, **headers)


@dataclass
class World:
    """Time that passes only while somebody sleeps, and no jitter."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def timing(self) -> Timing:
        return Timing(monotonic=lambda: self.now, sleep=self.sleep, chance=lambda: 0.5)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def connect(world: World) -> Iterator[Callable[..., Client]]:
    """Makes clients of an endpoint that wait for next to nothing; `options` as of Options."""
    made: list[Client] = []

    def client(endpoint: str, **options: Any) -> Client:
        waits = {"connect_timeout": 2.0, "read_timeout": 0.3, "retry_budget": 0.0, **options}
        caller = Caller(
            "cloud", Options(endpoint, **waits), lambda: Credentials("a", "b"), timing=world.timing()
        )
        made.append(Client(caller))
        return made[-1]

    yield client
    for each in made:
        each.close()


Connect = Callable[..., Client]


def test_nobody_listens(connect: Connect) -> None:
    with pytest.raises(Unreachable, match="'cloud' cannot be reached"):
        connect(f"http://127.0.0.1:{free_port()}").head("b", "k")
    with pytest.raises(Unreachable):
        connect("http://no-such-host.invalid").head("b", "k")


@pytest.mark.parametrize("act", [stall, drip, hang_up, raw(b""), raw(b"HTTP/1.1 200 OK\r\nx: y")])
def test_an_answer_that_does_not_come(connect: Connect, act: Act) -> None:
    with Flaky(act) as server, pytest.raises(Broken, match="'cloud' broke or fell silent"):
        connect(server.endpoint).head("b", "k")


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n folded: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"1" * 20_000,
    ],
)
def test_what_is_not_http(connect: Connect, data: bytes) -> None:
    with Flaky(raw(data)) as server, pytest.raises(ServiceFault, match="something that is not S3"):
        connect(server.endpoint).list("b")


def test_a_body_that_is_cut(connect: Connect) -> None:
    with Flaky(raw(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345"), GOOD) as server:
        client = connect(server.endpoint)
        found = []
        with pytest.raises(Broken):
            for piece in client.get("b", "k"):
                found.append(piece)
        assert found == [b"12345"]
        assert b"".join(client.get("b", "k")) == b"data"


def test_a_body_that_falls_silent(connect: Connect) -> None:
    def act(exchange: Any, ends: threading.Event) -> bool:
        exchange.send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345")
        return stall(exchange, ends)

    with Flaky(act) as server, pytest.raises(Broken):
        list(connect(server.endpoint).get("b", "k"))


def test_an_object_whose_length_nobody_tells(connect: Connect) -> None:
    with Flaky(raw(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n12345")) as server:
        with pytest.raises(ServiceFault):
            connect(server.endpoint).get("b", "k")


def test_more_than_was_announced_is_not_taken_for_the_next_answer(connect: Connect) -> None:
    lie = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n1234HTTP/1.1 404 X\r\n\r\n"
    with Flaky(raw(lie, goes_on=True), GOOD) as server:
        client = connect(server.endpoint)
        assert b"".join(client.get("b", "k")) == b"1234"
        assert client.head("b", "k").etag == "e"
        assert server.connections == 2


def test_ten_gigabytes_of_xml_are_not_read(connect: Connect) -> None:
    sent = threading.Event()

    def act(exchange: Any, ends: threading.Event) -> bool:
        try:
            return endless(b"<a>" * 350_000, 10 * 1024 * MIB)(exchange, ends)
        except OSError:
            sent.set()
            raise

    with Flaky(act) as server:
        with pytest.raises(ServiceFault):
            connect(server.endpoint).list("b")
        assert sent.wait(10)


@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>It works!</body></html>",
        b"",
        b"<ListBucketResult>",
        b"<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>",
        b"<ListBucketResult><Contents><Key>k</Key><Size>x</Size></Contents></ListBucketResult>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><ListBucketResult>&b;</ListBucketResult>',
        b"<ListBucketResult>" + b"<a>" * 50 + b"</a>" * 50 + b"</ListBucketResult>",
        b"<ListBucketResult>" + b"<a/>" * 200_000 + b"</ListBucketResult>",
        b"<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>%FF</Key></Contents></ListBucketResult>",
    ],
)
def test_a_page_that_is_no_listing_is_not_an_empty_bucket(connect: Connect, body: bytes) -> None:
    with Flaky(answer(200, body)) as server, pytest.raises(ServiceFault):
        connect(server.endpoint).list("b")


def test_an_error_may_come_with_status_200(connect: Connect) -> None:
    with Flaky(error(200, "InternalError"), error(200, "PreconditionFailed")) as server:
        client = connect(server.endpoint)
        with pytest.raises(ServiceFault):
            client.copy("b", "k", Source("b", "s"))
        with pytest.raises(PreconditionFailed):
            client.complete_upload("b", "k", "u", [PartRequest(1, "e")])


@pytest.mark.parametrize(
    ("act", "expected", "words"),
    [
        (error(404, "NoSuchBucket"), BucketMissing, "bucket 'b' on the storage 'cloud' is not there"),
        (error(404, "NoSuchKey"), NoSuchKey, "so it is"),
        (error(403, "InvalidAccessKeyId"), Refused, "403 InvalidAccessKeyId"),
        (error(403, "AccessDenied"), Refused, "403 AccessDenied"),
        (error(301, "PermanentRedirect", location="http://elsewhere.example/"), Refused, "PermanentRedirect"),
        (answer(302, b"", location="http://elsewhere.example/"), Refused, "302"),
        (error(400, "RequestTimeout"), ServiceFault, "RequestTimeout"),
        (error(500, "InternalError"), ServiceFault, "500 InternalError"),
        (answer(502, b"<html>Bad Gateway</html>"), ServiceFault, "502"),
        (error(503, "ServiceUnavailable"), ServiceFault, "503"),
        (error(503, "SlowDown"), SlowDown, "asks for fewer requests"),
        (answer(429), SlowDown, "asks for fewer requests"),
        (error(501, "NotImplemented"), NotImplementedByUs, "'cloud' cannot do this"),
        (answer(404, b"<html>nothing here</html>"), NoSuchKey, "does not exist"),
        (error(418, "Teapot"), Refused, "418 Teapot"),
    ],
)
def test_what_a_service_answers_has_one_meaning(
    connect: Connect, act: Act, expected: type[S3Error], words: str
) -> None:
    with Flaky(act) as server, pytest.raises(expected, match=words) as caught:
        connect(server.endpoint).get("b", "k")
    assert type(caught.value) is expected
    assert len(server.requests) == 1


def test_a_bare_404_is_about_the_key_only_if_the_bucket_is_there(connect: Connect) -> None:
    with Flaky(answer(404), answer(200), answer(404), answer(404), answer(404)) as server:
        client = connect(server.endpoint)
        for _ in range(2):  # the second time the bucket was seen a moment ago
            with pytest.raises(NoSuchKey):
                client.head("b", "k")
        with pytest.raises(BucketMissing):
            client.head("other", "k")
    assert [each.line.split()[1] for each in server.requests] == ["/b/k", "/b", "/b/k", "/other/k", "/other"]


def test_it_is_tried_again_within_the_budget(connect: Connect, world: World) -> None:
    busy = error(503, "SlowDown")
    with Flaky(hang_up, error(500, "InternalError"), busy, GOOD) as server:
        client = connect(server.endpoint, retry_budget=30.0)
        assert client.put("b", "k", b"data").etag == "e"
        assert [each.body for each in server.requests[1:]] == [b"data"] * 3
    assert world.slept == [0.05, 0.1, 2 + 0.2]


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


def test_a_connection_that_the_service_closed_is_not_used_again(connect: Connect) -> None:
    ends_unannounced = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    with Flaky(answer(200, connection="close"), ends_unannounced, GOOD) as server:
        client = connect(server.endpoint)
        for _ in range(3):
            client.put("b", "k", Pieces(b"1"))
        assert server.connections == 3


def test_chunks_interim_answers_and_old_servers(connect: Connect) -> None:
    whole = b"<ListBucketResult><Contents><Key>k</Key></Contents></ListBucketResult>"
    pieces = (whole[:5], whole[5:40], whole[40:])
    chunked = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    head = b"HTTP/1.1 200 OK\r\n"
    with Flaky(
        raw(head + b"Transfer-Encoding: chunked\r\n\r\n" + chunked + b"0\r\nx: y\r\n\r\n", goes_on=True),
        raw(
            b"HTTP/1.1 100 Continue\r\n\r\n" + head + b"content-length: %d\r\n\r\n" % len(whole) + whole,
            goes_on=True,
        ),
        raw(b"HTTP/1.0 200 OK\r\n\r\n" + whole),
    ) as server:
        client = connect(server.endpoint)
        for _ in range(3):
            assert [row.key for row in client.list("b").objects] == ["k"]
        assert server.connections == 1


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


def test_only_a_trusted_certificate_is_spoken_to(connect: Connect, certificate: tuple[Path, Path]) -> None:
    cert, key = map(str, certificate)
    with Flaky(GOOD, certificate=(cert, key)) as server:
        with pytest.raises(Unreachable, match="certificate of the storage 'cloud' is not trusted"):
            connect(server.endpoint).head("b", "k")
        client = connect(server.endpoint, ca_bundle=cert, read_timeout=10.0)
        client.put("b", "k", Pieces(*[b"x" * MIB] * 4))
        for _ in range(3):
            assert b"".join(client.get("b", "k")) == b"data"
        client.put("b", "k", Pieces(b"1" * MIB, b"2"))
        assert server.requests[-1].body == b"1" * MIB + b"2"
        assert server.requests[-1].headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
        client.close()
        with pytest.raises(Unreachable, match="certificate"):
            connect(server.endpoint.replace("127.0.0.1", "localhost"), ca_bundle=cert).head("b", "k")
