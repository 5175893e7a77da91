from __future__ import annotations

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


def test_another_version_than_null_is_not_implemented(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    with refused("NotImplemented", 501):
        s3.delete_object(Bucket=bucket, Key="k", VersionId="something")
    s3.head_object(Bucket=bucket, Key="k")


def test_a_bucket_that_is_not_there(s3: Any) -> None:
    with refused("NoSuchBucket", 404):
        s3.delete_object(Bucket="never-made", Key="k")
