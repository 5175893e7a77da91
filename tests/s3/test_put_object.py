from __future__ import annotations

import base64
import hashlib
import zlib
from typing import Any

import pytest

from tests.s3 import raw
from tests.s3.errors import refused
from tests.s3.server import Server


@pytest.mark.parametrize("size", [0, 1, 4096, 65536, 262_144, 262_145, 1024 * 1024 + 1, 5_000_000])
def test_what_is_put_is_what_is_got(s3: Any, bucket: str, size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    put = s3.put_object(Bucket=bucket, Key="k", Body=body)
    assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == body
    assert got["ContentLength"] == size


def test_the_answer_to_an_empty_body_that_expects_a_hundred_is_the_last_of_its_connection(
    s3_server: Server, bucket: str
) -> None:
    with s3_server.connect() as connection:
        headers = {"content-length": "0", "expect": "100-continue"}
        connection.sendall(raw.head(s3_server, "PUT", f"/{bucket}/empty", headers))
        answer = raw.read(connection, "PUT")
        assert (answer.status, answer.headers["connection"]) == (200, "close")


def test_headers_metadata_and_tags_are_kept(s3: Any, bucket: str) -> None:
    s3.put_object(
        Bucket=bucket,
        Key="k",
        Body=b"x",
        ContentType="text/plain; charset=utf-8",
        CacheControl="max-age=60",
        ContentDisposition='attachment; filename="a.txt"',
        ContentEncoding="gzip",
        ContentLanguage="de",
        Expires="Wed, 21 Oct 2026 07:28:00 GMT",
        Metadata={"a_b": "under_score", "Mixed-Case": "kept"},
        Tagging="colour=blue&empty=",
    )
    got = s3.head_object(Bucket=bucket, Key="k")
    assert got["ContentType"] == "text/plain; charset=utf-8"
    assert got["CacheControl"] == "max-age=60"
    assert got["ContentDisposition"] == 'attachment; filename="a.txt"'
    assert got["ContentEncoding"] == "gzip"
    assert got["ContentLanguage"] == "de"
    assert got["ExpiresString"] == "Wed, 21 Oct 2026 07:28:00 GMT"
    assert got["Metadata"] == {"a_b": "under_score", "mixed-case": "kept"}
    assert got["TagCount"] == 2
    tags = s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"]
    assert sorted(tags, key=lambda tag: tag["Key"]) == [
        {"Key": "colour", "Value": "blue"},
        {"Key": "empty", "Value": ""},
    ]


def test_without_a_type_it_is_binary(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert s3.head_object(Bucket=bucket, Key="k")["ContentType"] == "binary/octet-stream"


def test_too_much_metadata_is_refused(s3: Any, bucket: str) -> None:
    with refused("MetadataTooLarge", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata={"big": "m" * 2100})


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_every_checksum_is_checked_echoed_and_kept(s3: Any, bucket: str, algorithm: str) -> None:
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"some bytes", ChecksumAlgorithm=algorithm)
    value = put[f"Checksum{algorithm}"]
    assert value
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got[f"Checksum{algorithm}"] == value
    assert got["ChecksumType"] == "FULL_OBJECT"
    assert got["Body"].read() == b"some bytes"


def test_a_checksum_is_not_told_to_those_who_do_not_ask(s3_server: Server, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"some bytes", ChecksumAlgorithm="SHA256")
    answer = raw.ask(s3_server, "HEAD", f"/{bucket}/k")
    assert answer.status == 200
    assert "x-amz-checksum-sha256" not in answer.headers


def test_a_wrong_checksum_stores_nothing(s3: Any, bucket: str) -> None:
    wrong = base64.b64encode(zlib.crc32(b"other").to_bytes(4, "big")).decode()
    with refused("BadDigest", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"some bytes", ChecksumCRC32=wrong)
    with refused("404"):
        s3.head_object(Bucket=bucket, Key="k")


def test_a_wrong_md5_stores_nothing(s3: Any, bucket: str) -> None:
    wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    with refused("BadDigest", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"some bytes", ContentMD5=wrong)
    with refused("InvalidDigest", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"some bytes", ContentMD5="nonsense")
    with refused("404"):
        s3.head_object(Bucket=bucket, Key="k")


def test_a_wrong_payload_hash_stores_nothing(s3_server: Server, s3: Any, bucket: str) -> None:
    for size in (10, 2_000_000):
        answer = raw.ask(s3_server, "PUT", f"/{bucket}/k", body=b"x" * size, payload="0" * 64)
        assert (answer.status, answer.code) == (400, "XAmzContentSHA256Mismatch")
    with refused("404"):
        s3.head_object(Bucket=bucket, Key="k")


def test_if_none_match_creates_once(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"first", IfNoneMatch="*")
    with refused("PreconditionFailed", 412):
        s3.put_object(Bucket=bucket, Key="k", Body=b"second", IfNoneMatch="*")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"first"


def test_if_match_replaces_only_what_was_meant(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"first")["ETag"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"second", IfMatch=etag)
    with refused("PreconditionFailed", 412):
        s3.put_object(Bucket=bucket, Key="k", Body=b"third", IfMatch=etag)
    with refused("NoSuchKey", 404):
        s3.put_object(Bucket=bucket, Key="absent", Body=b"x", IfMatch=etag)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"second"


def test_into_a_bucket_that_is_not_there(s3: Any) -> None:
    with refused("NoSuchBucket", 404):
        s3.put_object(Bucket="never-made", Key="k", Body=b"x")


def test_more_than_5_gib_at_once_is_refused_before_it_is_sent(s3_server: Server, bucket: str) -> None:
    fields = {"content-length": str(5 * 1024**3 + 1), "expect": "100-continue"}
    with s3_server.connect() as connection:
        connection.sendall(raw.head(s3_server, "PUT", f"/{bucket}/k", fields))
        answer = raw.read(connection, "PUT")
    assert (answer.status, answer.code) == (400, "EntityTooLarge")


@pytest.mark.parametrize("option", [{"ServerSideEncryption": "AES256"}, {"StorageClass": "GLACIER"}], ids=str)
def test_what_we_do_not_have_is_not_implemented(s3: Any, bucket: str, option: dict[str, str]) -> None:
    with refused("NotImplemented", 501):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", **option)
    with refused("404"):
        s3.head_object(Bucket=bucket, Key="k")
