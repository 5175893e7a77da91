from __future__ import annotations

from typing import Any

from tests.s3.errors import refused
from tests.s3.test_multipart_upload import MIB, Upload


def test_parts_may_come_from_other_objects(s3: Any, bucket: str) -> None:
    body = bytes(range(256)) * (6 * MIB // 256)
    s3.put_object(Bucket=bucket, Key="source", Body=body)
    upload = Upload(s3, bucket)
    copy = {**upload.where, "UploadId": upload.id, "CopySource": {"Bucket": bucket, "Key": "source"}}
    first = s3.upload_part_copy(**copy, PartNumber=1)["CopyPartResult"]
    second = s3.upload_part_copy(**copy, PartNumber=2, CopySourceRange="bytes=100-299")["CopyPartResult"]
    upload.complete([{"PartNumber": 1, "ETag": first["ETag"]}, {"PartNumber": 2, "ETag": second["ETag"]}])
    assert s3.get_object(**upload.where)["Body"].read() == body + body[100:300]


def test_a_range_must_lie_within_its_source(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="source", Body=b"12345")
    upload = Upload(s3, bucket)
    copy = {**upload.where, "UploadId": upload.id, "CopySource": {"Bucket": bucket, "Key": "source"}}
    for asked in ("bytes=3-2", "bytes=-2", "0-1"):
        with refused("InvalidArgument", 400):
            s3.upload_part_copy(**copy, PartNumber=1, CopySourceRange=asked)
    with refused("InvalidRange", 416):
        s3.upload_part_copy(**copy, PartNumber=1, CopySourceRange="bytes=0-5")


def test_conditions_on_the_source(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="source", Body=b"12345")["ETag"]
    upload = Upload(s3, bucket)
    copy = {**upload.where, "UploadId": upload.id, "CopySource": {"Bucket": bucket, "Key": "source"}}
    s3.upload_part_copy(**copy, PartNumber=1, CopySourceIfMatch=etag)
    with refused("PreconditionFailed", 412):
        s3.upload_part_copy(**copy, PartNumber=1, CopySourceIfMatch='"other"')


def test_a_part_may_come_from_an_older_version(s3: Any, versioned: str) -> None:
    old = s3.put_object(Bucket=versioned, Key="source", Body=b"old bytes")["VersionId"]
    s3.put_object(Bucket=versioned, Key="source", Body=b"new bytes")
    upload = Upload(s3, versioned)
    source = {"Bucket": versioned, "Key": "source", "VersionId": old}
    copied = s3.upload_part_copy(**upload.where, UploadId=upload.id, PartNumber=1, CopySource=source)
    assert copied["CopySourceVersionId"] == old
    done = upload.complete([{"PartNumber": 1, "ETag": copied["CopyPartResult"]["ETag"]}])
    got = s3.get_object(**upload.where)
    assert (got["Body"].read(), got["VersionId"]) == (b"old bytes", done["VersionId"])
