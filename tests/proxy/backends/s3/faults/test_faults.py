"""What a service or the way to it may do wrong: bounded waits, typed errors, nothing taken for an answer."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from proxy.backends.s3.calls.objects import Source
from proxy.backends.s3.errors import Broken, BucketMissing, Refused, ServiceFault, Unreachable
from proxy.backends.values import PartRequest
from proxy.errors import (
    MethodNotAllowed,
    NoSuchKey,
    NotImplementedByUs,
    PreconditionFailed,
    S3Error,
    SlowDown,
    StorageFull,
)
from tests.proxy.backends.s3.faults.conftest import Connect
from tests.proxy.backends.s3.faults.flaky import (
    GOOD,
    Act,
    Flaky,
    answer,
    drip,
    endless,
    error,
    hang_up,
    raw,
    stall,
)
from tests.proxy.backends.s3.payloads import Pieces
from tests.s3.server import free_port

MIB = 1024 * 1024


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
        b"HTTP/1.1 200 OK\r\nx: y\nset-cookie: z\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: y\rz\r\n\r\n",
        b"HTTP/1.1 200 OK\nx: y\r\n\r\n",
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


def test_who_stops_at_the_last_byte_has_given_the_connection_back(connect: Connect) -> None:
    body = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n1234", goes_on=True)
    with Flaky(body, GOOD) as server:
        client = connect(server.endpoint)
        with client.get("b", "k") as download:
            assert next(iter(download)) == b"1234"
            assert client.head("b", "k").etag == "e"
        assert server.connections == 1


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
        b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
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
        (error(400, "IncompleteBody"), ServiceFault, "IncompleteBody"),
        (error(500, "InternalError"), ServiceFault, "500 InternalError"),
        (answer(502, b"<html>Bad Gateway</html>"), ServiceFault, "502"),
        (error(503, "ServiceUnavailable"), ServiceFault, "503"),
        (error(503, "SlowDown"), SlowDown, "asks for fewer requests"),
        (answer(429), SlowDown, "asks for fewer requests"),
        (error(501, "NotImplemented"), NotImplementedByUs, "'cloud' cannot do this"),
        *((answer(status, b"<html>no</html>"), ServiceFault, "not S3") for status in (404, 405, 412, 416)),
        (answer(404), ServiceFault, "not S3"),
        (error(403, "QuotaExceeded"), StorageFull, "'cloud' is full"),
        (answer(507), StorageFull, "'cloud' is full"),
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


def test_a_405_is_no_word_about_a_key(connect: Connect) -> None:
    with Flaky(answer(405), answer(405, x_amz_delete_marker="true")) as server:
        client = connect(server.endpoint)
        with pytest.raises(ServiceFault):
            client.head("b", "k")
        with pytest.raises(MethodNotAllowed):
            client.head("b", "k", version="v")


@pytest.mark.parametrize(
    "said", ["bytes 0-3/10", "bytes 4-7/*", "bytes=4-7/10", None], ids=["other", "open", "odd", "none"]
)
def test_other_bytes_than_those_asked_for_are_not_given_out(connect: Connect, said: str | None) -> None:
    with Flaky(answer(206, b"data", content_range=said)) as server, pytest.raises(ServiceFault):
        connect(server.endpoint).get("b", "k", span=(4, 8))


def test_a_whole_object_is_not_taken_for_a_range_of_it(connect: Connect) -> None:
    with Flaky(GOOD) as server:
        client = connect(server.endpoint)
        assert b"".join(client.get("b", "k", span=(0, 2))) == b"data"  # cut by who reads
        for span, last in (((2, 4), None), (None, 2)):
            with pytest.raises(ServiceFault):
                client.get("b", "k", span=span, last=last)


def test_a_listing_that_does_not_get_on_ends(connect: Connect) -> None:
    more = b"<IsTruncated>true</IsTruncated>"
    same = b"<ListVersionsResult>" + more + b"<NextKeyMarker>k</NextKeyMarker></ListVersionsResult>"
    nowhere = b"<ListVersionsResult>" + more + b"</ListVersionsResult>"
    token = b"<NextContinuationToken>t</NextContinuationToken>"
    page = b"<ListBucketResult>" + more + token + b"</ListBucketResult>"
    with Flaky(answer(200, same), answer(200, nowhere), answer(200, page)) as server:
        client = connect(server.endpoint)
        for _ in range(2):
            with pytest.raises(ServiceFault):
                client.list_versions("b", after=("k", ""))
        with pytest.raises(ServiceFault):
            client.list("b", token="t")


def test_interim_answers_without_end_are_not_waited_for(connect: Connect) -> None:
    def act(exchange: Any, ends: threading.Event) -> bool:
        while not ends.wait(0.02):
            exchange.send(b"HTTP/1.1 102 Processing\r\n\r\n")
        return False

    with Flaky(act) as server, pytest.raises(Broken):
        connect(server.endpoint).head("b", "k")


def test_a_connection_with_two_framings_is_not_used_again(connect: Connect) -> None:
    both = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n4\r\ndata\r\n0\r\n\r\n"
    with Flaky(raw(both, goes_on=True), GOOD) as server:
        client = connect(server.endpoint)
        for _ in range(2):
            assert b"".join(client.get("b", "k")) == b"data"
        assert server.connections == 2


def test_a_connection_that_the_service_closed_is_not_used_again(connect: Connect) -> None:
    ends_unannounced = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    with Flaky(answer(200, connection="close"), ends_unannounced, GOOD) as server:
        client = connect(server.endpoint, retry_budget=10.0)
        for _ in range(3):
            client.put("b", "k", b"data")
        assert (server.connections, len(server.requests)) == (3, 3)


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
