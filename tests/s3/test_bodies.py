"""Bodies that are not what they were announced to be: a typed error, and nothing visible."""

from __future__ import annotations

import hashlib
import socket
from typing import Any

import pytest

from tests.s3 import raw
from tests.s3.errors import refused
from tests.s3.server import Server


def absent(s3: Any, bucket: str, key: str = "k") -> None:
    with refused("404"):
        s3.head_object(Bucket=bucket, Key=key)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


@pytest.mark.parametrize("announced", [100, 300_000, 3_000_000])
def test_a_short_body_stores_nothing(s3_server: Server, s3: Any, bucket: str, announced: int) -> None:
    with s3_server.connect() as connection:
        fields = {"content-length": str(announced)}
        connection.sendall(raw.head(s3_server, "PUT", f"/{bucket}/k", fields) + b"x" * (announced - 1))
        connection.shutdown(socket.SHUT_WR)
        try:
            answer = raw.read(connection, "PUT")
        except (ConnectionError, OSError):
            answer = None  # the server may hang up on a client that has
        if answer is not None:
            assert (answer.status, answer.code) == (400, "IncompleteBody")
    absent(s3, bucket)


def test_a_short_chunked_body_stores_nothing(s3_server: Server, s3: Any, bucket: str) -> None:
    fields = {"x-amz-decoded-content-length": "10", "content-encoding": "aws-chunked"}
    body = b"5\r\nhello\r\n0\r\n\r\n"
    answer = raw.ask(
        s3_server, "PUT", f"/{bucket}/k", fields, body, payload="STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    )
    assert (answer.status, answer.code) == (400, "IncompleteBody")
    absent(s3, bucket)


def test_a_chunk_with_a_wrong_signature_stores_nothing(s3_server: Server, s3: Any, bucket: str) -> None:
    fields = {"x-amz-decoded-content-length": "5", "content-encoding": "aws-chunked"}
    signature = "0" * 64
    body = f"5;chunk-signature={signature}\r\nhello\r\n0;chunk-signature={signature}\r\n\r\n".encode()
    answer = raw.ask(
        s3_server, "PUT", f"/{bucket}/k", fields, body, payload="STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    )
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")
    absent(s3, bucket)


def test_a_put_without_a_length_is_refused(s3_server: Server, s3: Any, bucket: str) -> None:
    fields = {"transfer-encoding": "chunked"}
    with s3_server.connect() as connection:
        connection.sendall(raw.head(s3_server, "PUT", f"/{bucket}/k", fields) + b"5\r\nhello\r\n0\r\n\r\n")
        answer = raw.read(connection, "PUT")
    assert answer.status in (200, 411)
    if answer.status == 411:
        assert answer.code == "MissingContentLength"
        absent(s3, bucket)


def test_a_client_waits_for_100_and_gets_it(s3_server: Server, s3: Any, bucket: str) -> None:
    for size in (10, 2_000_000):
        body = b"x" * size
        fields = {"content-length": str(size), "expect": "100-continue"}
        payload = hashlib.sha256(body).hexdigest()
        with s3_server.connect() as connection:
            connection.sendall(raw.head(s3_server, "PUT", f"/{bucket}/k", fields, payload=payload))
            assert connection.recv(1024).startswith(b"HTTP/1.1 100 Continue")
            connection.sendall(body)
            assert raw.read(connection, "PUT").status == 200
        assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == size


def test_a_refused_client_gets_no_100(s3_server: Server, bucket: str) -> None:
    fields = {"content-length": "1000000", "expect": "100-continue"}
    with s3_server.connect() as connection:
        connection.sendall(raw.head(s3_server, "PUT", f"/{bucket}/k", fields, secret="wrong"))
        assert connection.recv(12) == b"HTTP/1.1 403"


@pytest.mark.parametrize("size", [100_000, 20_000_000])
def test_a_refused_client_that_sends_all_the_same_reads_why(
    s3_server: Server, bucket: str, size: int
) -> None:
    fields = {"content-length": str(size)}
    with s3_server.connect() as connection:
        connection.sendall(raw.head(s3_server, "PUT", "/never-made/k", fields) + b"x" * size)
        answer = raw.read(connection, "PUT")
    assert (answer.status, answer.code) == (404, "NoSuchBucket")


def test_requests_on_one_connection_do_not_run_into_each_other(s3_server: Server, bucket: str) -> None:
    with s3_server.connect() as connection, connection.makefile("rb") as answers:
        for number in range(5):
            body = bytes([number]) * 1000
            fields = {"content-length": "1000"}
            head = raw.head(s3_server, "PUT", f"/{bucket}/{number}", fields)
            connection.sendall(head + body + raw.head(s3_server, "GET", f"/{bucket}/{number}"))
            assert raw.read_in_turn(answers).status == 200
            assert raw.read_in_turn(answers).body == body
