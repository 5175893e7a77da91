from __future__ import annotations

from typing import Any

from tests.s3 import raw
from tests.s3.errors import refused
from tests.s3.server import Server


def test_it_says_what_get_would_say(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"12345", Metadata={"a": "b"})
    head, got = s3.head_object(Bucket=bucket, Key="k"), s3.get_object(Bucket=bucket, Key="k")
    for name in ("ContentLength", "ETag", "LastModified", "ContentType", "Metadata", "AcceptRanges"):
        assert head[name] == got[name]


def test_a_range_is_measured(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"12345")
    head = s3.head_object(Bucket=bucket, Key="k", Range="bytes=1-2")
    assert (head["ContentLength"], head["ContentRange"]) == (2, "bytes 1-2/5")


def test_an_error_has_no_body_and_the_connection_goes_on(s3_server: Server, bucket: str) -> None:
    with s3_server.connect() as connection:
        for _ in range(2):
            connection.sendall(raw.head(s3_server, "HEAD", f"/{bucket}/absent"))
            answer = raw.read(connection, "HEAD")
            assert (answer.status, answer.body) == (404, b"")


def test_not_modified_has_no_body_but_the_etag(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"]
    with refused("304", 304) as caught:
        s3.head_object(Bucket=bucket, Key="k", IfNoneMatch=etag)
    assert caught.answer["ResponseMetadata"]["HTTPHeaders"]["etag"] == etag
