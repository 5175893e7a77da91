from __future__ import annotations

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
