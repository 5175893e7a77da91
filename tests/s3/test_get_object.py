from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.s3 import raw
from tests.s3.errors import refused
from tests.s3.server import Server

BODY = bytes(range(256)) * 4


@pytest.fixture
def key(s3: Any, bucket: str) -> str:
    s3.put_object(Bucket=bucket, Key="k", Body=BODY)
    return "k"


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=1000-", 1000, 1024),
        ("bytes=-24", 1000, 1024),
        ("bytes=1000-5000", 1000, 1024),
        ("bytes=-5000", 0, 1024),
    ],
)
def test_a_range_is_exactly_that(s3: Any, bucket: str, key: str, asked: str, start: int, end: int) -> None:
    got = s3.get_object(Bucket=bucket, Key=key, Range=asked)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert got["ContentRange"] == f"bytes {start}-{end - 1}/1024"
    assert got["Body"].read() == BODY[start:end]


def test_a_range_behind_the_end_is_416(s3: Any, bucket: str, key: str) -> None:
    with refused("InvalidRange", 416):
        s3.get_object(Bucket=bucket, Key=key, Range="bytes=1024-")


def test_a_range_of_a_large_object(s3: Any, bucket: str) -> None:
    body = b"".join(hashlib.sha256(str(n).encode()).digest() for n in range(200_000))
    s3.put_object(Bucket=bucket, Key="large", Body=body)
    got = s3.get_object(Bucket=bucket, Key="large", Range="bytes=1234567-4321098")
    assert got["Body"].read() == body[1234567:4321099]


def test_what_is_not_there_is_404_by_its_name(s3: Any, bucket: str) -> None:
    with refused("NoSuchKey", 404) as caught:
        s3.get_object(Bucket=bucket, Key="absent")
    assert "x-amz-id-2" in caught.answer["ResponseMetadata"]["HTTPHeaders"]


def test_conditions_decide_what_is_answered(s3: Any, bucket: str, key: str) -> None:
    etag = s3.head_object(Bucket=bucket, Key=key)["ETag"]
    before, after = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(minutes=1)
    assert s3.get_object(Bucket=bucket, Key=key, IfMatch=etag)["Body"].read() == BODY
    assert s3.get_object(Bucket=bucket, Key=key, IfModifiedSince=before)["Body"].read() == BODY
    with refused("304", 304):
        s3.get_object(Bucket=bucket, Key=key, IfNoneMatch=etag)
    with refused("304", 304):
        s3.get_object(Bucket=bucket, Key=key, IfModifiedSince=after)
    with refused("PreconditionFailed", 412):
        s3.get_object(Bucket=bucket, Key=key, IfMatch='"other"')
    with refused("PreconditionFailed", 412):
        s3.get_object(Bucket=bucket, Key=key, IfUnmodifiedSince=before)


def test_the_query_may_override_headers(s3: Any, bucket: str, key: str) -> None:
    got = s3.get_object(
        Bucket=bucket,
        Key=key,
        ResponseContentType="text/csv",
        ResponseContentDisposition="attachment",
        ResponseCacheControl="no-store",
    )
    assert got["ContentType"] == "text/csv"
    assert got["ContentDisposition"] == "attachment"
    assert got["CacheControl"] == "no-store"


def test_an_override_cannot_smuggle_a_header(s3_server: Server, bucket: str, key: str) -> None:
    target = f"/{bucket}/{key}?response-content-type=text%2Fplain%0D%0AX-Evil%3A%201"
    answer = raw.ask(s3_server, "GET", target)
    assert "x-evil" not in answer.headers
    assert (answer.status, answer.code) == (400, "InvalidArgument")


def test_an_override_needs_a_signature(s3_server: Server, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=BODY, ACL="public-read")
    plain = f"GET /{bucket}/k HTTP/1.1\r\nHost: x\r\n\r\n"
    assert raw.ask_unsigned(s3_server, plain.encode()).body == BODY
    overriding = plain.replace("/k", "/k?response-content-type=text%2Fhtml")
    answer = raw.ask_unsigned(s3_server, overriding.encode())
    assert (answer.status, answer.code) == (400, "InvalidRequest")


def test_objects_cannot_act_as_the_console(s3_server: Server, bucket: str, key: str) -> None:
    answer = raw.ask(s3_server, "GET", f"/{bucket}/{key}")
    assert answer.headers["Content-Security-Policy"] == "sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Server"] == "Sluicegate"


def test_a_part_can_be_read_by_its_number(s3: Any, bucket: str) -> None:
    first, second = b"a" * (5 * 1024 * 1024), b"tail"
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    where = {"Bucket": bucket, "Key": "k"}
    parts = [
        {"PartNumber": n, "ETag": s3.upload_part(**where, UploadId=upload, PartNumber=n, Body=body)["ETag"]}
        for n, body in ((1, first), (2, second))
    ]
    s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})
    got = s3.get_object(**where, PartNumber=2)
    assert got["Body"].read() == second
    assert got["PartsCount"] == 2
    assert got["ContentRange"] == f"bytes {len(first)}-{len(first) + 3}/{len(first) + 4}"
    with refused("InvalidPart", 400):
        s3.get_object(**where, PartNumber=3)


def test_without_versioning_there_is_the_null_version(s3: Any, bucket: str, key: str) -> None:
    got = s3.get_object(Bucket=bucket, Key=key, VersionId="null")
    assert (got["Body"].read(), "VersionId" in got) == (BODY, False)
    with refused("NoSuchVersion", 404):
        s3.get_object(Bucket=bucket, Key=key, VersionId="something")


def test_the_id_of_a_version_is_not_empty(s3_server: Server, bucket: str, key: str) -> None:
    for method in ("GET", "DELETE"):
        answer = raw.ask(s3_server, method, f"/{bucket}/{key}?versionId=")
        assert (answer.status, answer.code) == (400, "InvalidArgument")
