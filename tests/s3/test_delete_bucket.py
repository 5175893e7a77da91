from __future__ import annotations

from typing import Any

from tests.s3.errors import refused


def test_an_empty_bucket_goes_and_its_name_is_free_again(s3: Any, bucket: str) -> None:
    s3.delete_bucket(Bucket=bucket)
    with refused("404"):
        s3.head_bucket(Bucket=bucket)
    s3.create_bucket(Bucket=bucket)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_a_bucket_with_an_object_stays(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="one", Body=b"1")
    with refused("BucketNotEmpty", 409):
        s3.delete_bucket(Bucket=bucket)
    assert s3.get_object(Bucket=bucket, Key="one")["Body"].read() == b"1"


def test_a_bucket_with_nothing_but_an_open_upload_goes_with_it(s3: Any, bucket: str) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="one")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="one", UploadId=upload, PartNumber=1, Body=b"1")
    s3.delete_bucket(Bucket=bucket)
    s3.create_bucket(Bucket=bucket)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_a_bucket_that_is_not_there_cannot_go(s3: Any) -> None:
    with refused("NoSuchBucket", 404):
        s3.delete_bucket(Bucket="never-made")
