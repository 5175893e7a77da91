"""The same application under uvicorn's worker: the way out if gunicorn's own fails us."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.needs import needs
from tests.s3 import raw
from tests.s3.errors import refused
from tests.s3.server import Server

pytestmark = needs("uvicorn_worker", "the application must run under it too")


@pytest.fixture(scope="module")
def server(prepared: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = prepared.copy(tmp_path_factory.mktemp("uvicorn-home"), "uvicorn_worker.UvicornWorker")
    made.start()
    made.client().create_bucket(Bucket="bucket")
    yield made
    made.stop()


@pytest.fixture
def s3(server: Server) -> Any:
    return server.client()


@pytest.mark.parametrize("size", [0, 4096, 500_000, 6_000_000])
def test_bytes_go_in_and_come_out(s3: Any, size: int) -> None:
    body = bytes(range(256)) * (size // 256)
    s3.put_object(Bucket="bucket", Key="k", Body=body, Metadata={"a_b": "1"})
    got = s3.get_object(Bucket="bucket", Key="k")
    assert got["Body"].read() == body
    assert got["Metadata"] == {"a_b": "1"}
    assert s3.head_object(Bucket="bucket", Key="k")["ContentLength"] == len(body)


def test_multipart_list_and_delete(s3: Any) -> None:
    where = {"Bucket": "bucket", "Key": "parts"}
    upload = s3.create_multipart_upload(**where)["UploadId"]
    etag = s3.upload_part(**where, UploadId=upload, PartNumber=1, Body=b"x" * 3_000_000)["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload=parts)
    assert "parts" in [one["Key"] for one in s3.list_objects_v2(Bucket="bucket")["Contents"]]
    s3.delete_object(**where)
    with refused("404"):
        s3.head_object(**where)


def test_keys_stay_as_they_are(s3: Any) -> None:
    for key in ("a//b", "a%2Fb", "..", "ünï"):
        s3.put_object(Bucket="bucket", Key=key, Body=key.encode())
        assert s3.get_object(Bucket="bucket", Key=key)["Body"].read() == key.encode()


def test_a_refused_client_gets_no_100_and_reads_why(server: Server) -> None:
    for fields in ({"expect": "100-continue"}, {}):
        with server.connect() as connection:
            head = raw.head(server, "PUT", "/never-made/k", {"content-length": "2000000", **fields})
            connection.sendall(head if fields else head + b"x" * 2_000_000)
            assert connection.recv(12, socket.MSG_PEEK) == b"HTTP/1.1 404"
            assert raw.read(connection, "PUT").code == "NoSuchBucket"


def test_the_console_is_beside_it(server: Server) -> None:
    answer = raw.ask_unsigned(server, b"GET /_/no-such-page HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert not answer.body.startswith(b"<?xml")
