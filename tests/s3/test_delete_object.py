from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.s3.errors import refused


def test_it_is_gone(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    assert s3.delete_object(Bucket=bucket, Key="k")["ResponseMetadata"]["HTTPStatusCode"] == 204
    with refused("NoSuchKey", 404):
        s3.get_object(Bucket=bucket, Key="k")
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_deleting_nothing_is_no_error(s3: Any, bucket: str) -> None:
    assert s3.delete_object(Bucket=bucket, Key="absent")["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_if_match_spares_what_was_not_meant(s3: Any, bucket: str) -> None:
    old = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"]
    new = s3.put_object(Bucket=bucket, Key="k", Body=b"2")["ETag"]
    with refused("PreconditionFailed", 412):
        s3.delete_object(Bucket=bucket, Key="k", IfMatch=old)
    s3.delete_object(Bucket=bucket, Key="k", IfMatch=new)
    with refused("404"):
        s3.head_object(Bucket=bucket, Key="k")


def test_size_and_time_spare_what_was_not_meant(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"12345")
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    with refused("PreconditionFailed", 412):
        s3.delete_object(Bucket=bucket, Key="k", IfMatchSize=4)
    with refused("PreconditionFailed", 412):
        s3.delete_object(Bucket=bucket, Key="k", IfMatchLastModifiedTime=modified - timedelta(seconds=1))
    s3.delete_object(Bucket=bucket, Key="k", IfMatchSize=5, IfMatchLastModifiedTime=modified)
    with refused("404"):
        s3.head_object(Bucket=bucket, Key="k")


def test_a_condition_on_nothing_is_no_error(s3: Any, bucket: str) -> None:
    for condition in ({"IfMatch": "*"}, {"IfMatch": '"other"'}, {"IfMatchSize": 1}):
        s3.delete_object(Bucket=bucket, Key="absent", **condition)


def test_another_version_than_null_is_not_there(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    s3.delete_object(Bucket=bucket, Key="k", VersionId="something")
    s3.head_object(Bucket=bucket, Key="k")
    assert "VersionId" not in s3.delete_object(Bucket=bucket, Key="k", VersionId="null")
    with refused("404"):
        s3.head_object(Bucket=bucket, Key="k")


def test_a_bucket_that_is_not_there(s3: Any) -> None:
    with refused("NoSuchBucket", 404):
        s3.delete_object(Bucket="never-made", Key="k")
