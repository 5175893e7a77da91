from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from typing import Any

import pytest

from tests.s3.errors import refused


@pytest.fixture
def source(s3: Any, bucket: str) -> dict[str, str]:
    s3.put_object(
        Bucket=bucket,
        Key="source",
        Body=b"the bytes",
        ContentType="text/plain",
        Metadata={"a": "1"},
        Tagging="t=1",
    )
    return {"Bucket": bucket, "Key": "source"}


def test_a_copy_has_the_bytes_and_the_facts(s3: Any, bucket: str, source: dict[str, str]) -> None:
    result = s3.copy_object(Bucket=bucket, Key="copy", CopySource=source)["CopyObjectResult"]
    got = s3.get_object(Bucket=bucket, Key="copy")
    assert got["Body"].read() == b"the bytes"
    assert got["ETag"] == result["ETag"] == s3.head_object(**source)["ETag"]
    assert (got["ContentType"], got["Metadata"], got["TagCount"]) == ("text/plain", {"a": "1"}, 1)


def test_directives_replace_metadata_and_tags(s3: Any, bucket: str, source: dict[str, str]) -> None:
    s3.copy_object(
        Bucket=bucket,
        Key="copy",
        CopySource=source,
        MetadataDirective="REPLACE",
        Metadata={"b": "2"},
        ContentType="text/csv",
        TaggingDirective="REPLACE",
        Tagging="u=2",
    )
    got = s3.head_object(Bucket=bucket, Key="copy")
    assert (got["ContentType"], got["Metadata"]) == ("text/csv", {"b": "2"})
    tags = s3.get_object_tagging(Bucket=bucket, Key="copy")["TagSet"]
    assert tags == [{"Key": "u", "Value": "2"}]


def test_onto_itself_only_with_a_change(s3: Any, bucket: str, source: dict[str, str]) -> None:
    with refused("InvalidRequest", 400):
        s3.copy_object(**source, CopySource=source)
    s3.copy_object(**source, CopySource=source, MetadataDirective="REPLACE", Metadata={"new": "1"})
    got = s3.get_object(**source)
    assert (got["Body"].read(), got["Metadata"]) == (b"the bytes", {"new": "1"})


def test_into_another_bucket(s3: Any, source: dict[str, str]) -> None:
    s3.create_bucket(Bucket="copied-into")
    s3.copy_object(Bucket="copied-into", Key="k", CopySource=source)
    assert s3.get_object(Bucket="copied-into", Key="k")["Body"].read() == b"the bytes"


def test_a_large_copy_outlives_its_source(s3: Any, bucket: str) -> None:
    body = b"0123456789abcdef" * 200_000
    s3.put_object(Bucket=bucket, Key="source", Body=body)
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "source"})
    s3.delete_object(Bucket=bucket, Key="source")
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == body


def test_conditions_on_the_source(s3: Any, bucket: str, source: dict[str, str]) -> None:
    etag = s3.head_object(**source)["ETag"]
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=source, CopySourceIfMatch=etag)
    with refused("PreconditionFailed", 412):
        s3.copy_object(Bucket=bucket, Key="other", CopySource=source, CopySourceIfNoneMatch=etag)
    with refused("404"):
        s3.head_object(Bucket=bucket, Key="other")


@pytest.mark.parametrize("key", ["with space", "plus+plus", "per%cent", "ünï/cödé", "a?b", "a//b"])
def test_sources_with_unusual_names(s3: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": key})
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"x"


def test_sources_that_are_not_there(s3: Any, bucket: str) -> None:
    with refused("NoSuchKey", 404):
        s3.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": bucket, "Key": "absent"})
    with refused("NoSuchBucket", 404):
        s3.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": "never-made", "Key": "absent"})
    with refused("InvalidArgument", 400):
        s3.copy_object(Bucket=bucket, Key="k", CopySource=bucket)


def test_one_condition_on_the_source_wins_over_the_other(
    s3: Any, bucket: str, source: dict[str, str]
) -> None:
    head = s3.head_object(**source)
    before = head["LastModified"] - timedelta(hours=1)
    holds = {"CopySourceIfMatch": head["ETag"], "CopySourceIfUnmodifiedSince": before}
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=source, **holds)
    fails = {"CopySourceIfNoneMatch": head["ETag"], "CopySourceIfModifiedSince": before}
    with refused("PreconditionFailed", 412):
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=source, **fails)


def test_conditions_on_what_would_be_replaced(s3: Any, bucket: str, source: dict[str, str]) -> None:
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=source, IfNoneMatch="*")
    with refused("PreconditionFailed", 412):
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=source, IfNoneMatch="*")


def test_a_copy_may_have_another_checksum(s3: Any, bucket: str, source: dict[str, str]) -> None:
    copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource=source, ChecksumAlgorithm="SHA256")
    expected = base64.b64encode(hashlib.sha256(b"the bytes").digest()).decode()
    assert copied["CopyObjectResult"]["ChecksumSHA256"] == expected
    head = s3.head_object(Bucket=bucket, Key="copy", ChecksumMode="ENABLED")
    assert (head["ChecksumSHA256"], head["ChecksumType"]) == (expected, "FULL_OBJECT")
    assert "ChecksumCRC32" not in head
    again = s3.copy_object(Bucket=bucket, Key="again", CopySource={"Bucket": bucket, "Key": "copy"})
    assert again["CopyObjectResult"]["ChecksumSHA256"] == expected


def test_a_copy_of_an_older_version(s3: Any, versioned: str) -> None:
    where = {"Bucket": versioned, "Key": "k"}
    old = s3.put_object(**where, Body=b"old")["VersionId"]
    new = s3.put_object(**where, Body=b"new")["VersionId"]
    copied = s3.copy_object(Bucket=versioned, Key="copy", CopySource={**where, "VersionId": old})
    assert copied["CopySourceVersionId"] == old
    got = s3.get_object(Bucket=versioned, Key="copy")
    assert (got["Body"].read(), got["VersionId"]) == (b"old", copied["VersionId"])
    assert s3.copy_object(Bucket=versioned, Key="copy", CopySource=where)["CopySourceVersionId"] == new


def test_an_older_version_comes_back_by_a_copy_onto_its_key(s3: Any, versioned: str) -> None:
    where = {"Bucket": versioned, "Key": "k"}
    old = s3.put_object(**where, Body=b"old")["VersionId"]
    new = s3.put_object(**where, Body=b"new")["VersionId"]
    for source in (where, {**where, "VersionId": new}):
        with refused("InvalidRequest", 400):
            s3.copy_object(**where, CopySource=source)
    restored = s3.copy_object(**where, CopySource={**where, "VersionId": old})["VersionId"]
    got = s3.get_object(**where)
    assert (got["Body"].read(), got["VersionId"]) == (b"old", restored)
    assert restored not in (old, new)


def test_a_delete_marker_is_no_source(s3: Any, versioned: str) -> None:
    where = {"Bucket": versioned, "Key": "k"}
    s3.put_object(**where, Body=b"x")
    marker = s3.delete_object(**where)["VersionId"]
    with refused("NoSuchKey", 404):
        s3.copy_object(Bucket=versioned, Key="copy", CopySource=where)
    with refused("InvalidRequest", 400):
        s3.copy_object(Bucket=versioned, Key="copy", CopySource={**where, "VersionId": marker})
    with refused("NoSuchVersion", 404):
        s3.copy_object(Bucket=versioned, Key="copy", CopySource={**where, "VersionId": "unknown"})


def test_a_copy_takes_its_lock_and_class_from_the_request(
    s3: Any, locked: str, source: dict[str, str]
) -> None:
    s3.copy_object(
        Bucket=locked,
        Key="copy",
        CopySource=source,
        StorageClass="STANDARD_IA",
        ObjectLockLegalHoldStatus="ON",
    )
    head = s3.head_object(Bucket=locked, Key="copy")
    assert (head["StorageClass"], head["ObjectLockLegalHoldStatus"]) == ("STANDARD_IA", "ON")
    s3.copy_object(Bucket=locked, Key="free", CopySource={"Bucket": locked, "Key": "copy"})
    head = s3.head_object(Bucket=locked, Key="free")
    assert "StorageClass" not in head and "ObjectLockLegalHoldStatus" not in head


def test_a_source_of_another_owner_than_expected(s3: Any, bucket: str, source: dict[str, str]) -> None:
    with refused("AccessDenied", 403):
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=source, ExpectedSourceBucketOwner="1" * 12)
