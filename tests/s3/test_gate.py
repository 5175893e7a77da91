"""A closed gate refuses every write before it is uploaded, and no read."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.s3 import raw
from tests.s3.errors import refused
from tests.s3.server import Server

ACT = """
from django.db import transaction
from proxy import gate, records
with transaction.atomic():
    gate.{act}(records.find_bucket({bucket!r}).id, "a test")
"""


def gate(server: Server, act: str, bucket: str) -> None:
    server.manage("shell", "-v0", "-c", ACT.format(act=act, bucket=bucket))


@pytest.fixture
def closed(s3_server: Server, s3: Any, bucket: str) -> Iterator[str]:
    """A bucket with an object `k`, whose gate is closed."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"before")
    gate(s3_server, "close", bucket)
    yield bucket
    gate(s3_server, "open", bucket)


def test_writes_are_told_to_slow_down_and_reads_go_on(s3: Any, closed: str) -> None:
    where = {"Bucket": closed, "Key": "k"}
    writes = [
        lambda: s3.put_object(**where, Body=b"after"),
        lambda: s3.put_object(**where, Body=b"after" * 1_000_000),
        lambda: s3.delete_object(**where),
        lambda: s3.delete_objects(Bucket=closed, Delete={"Objects": [{"Key": "k"}]}),
        lambda: s3.copy_object(Bucket=closed, Key="copy", CopySource=where),
        lambda: s3.create_multipart_upload(**where),
        lambda: s3.delete_bucket(Bucket=closed),
    ]
    for write in writes:
        with refused("SlowDown", 503) as caught:
            write()
        assert int(caught.answer["ResponseMetadata"]["HTTPHeaders"]["retry-after"]) > 0
    assert s3.get_object(**where)["Body"].read() == b"before"
    assert len(s3.list_objects_v2(Bucket=closed)["Contents"]) == 1


def test_a_client_that_waits_for_100_uploads_nothing(s3_server: Server, closed: str) -> None:
    fields = {"content-length": "50000000", "expect": "100-continue"}
    with s3_server.connect() as connection:
        connection.sendall(raw.head(s3_server, "PUT", f"/{closed}/k", fields))
        assert connection.recv(12, socket.MSG_PEEK) == b"HTTP/1.1 503"
        answer = raw.read(connection, "PUT")
    assert answer.code == "SlowDown"
    assert answer.headers["Connection"] == "close"


def test_an_upload_under_way_ends_by_itself_after_the_grace(new_server: Any) -> None:
    server = new_server(SLUICEGATE_GATE_GRACE_SECONDS="1")
    s3 = server.client()
    s3.create_bucket(Bucket="moving")
    with server.connect(20) as connection:
        fields = {"content-length": "100000000"}
        connection.sendall(raw.head(server, "PUT", "/moving/k", fields) + b"x" * 8_000_000)
        gate(server, "close", "moving")
        answer = raw.read(connection, "PUT")
    assert (answer.status, answer.code) == (503, "SlowDown")
    gate(server, "open", "moving")
    with refused("404"):
        s3.head_object(Bucket="moving", Key="k")
    s3.put_object(Bucket="moving", Key="k", Body=b"now")
