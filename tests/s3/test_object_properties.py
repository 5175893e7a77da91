"""What is answered from what is so: attributes, tags, ACLs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.s3.errors import refused
from tests.s3.test_multipart_upload import MIB, Upload


def test_attributes_of_an_object(s3: Any, bucket: str) -> None:
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"12345", ChecksumAlgorithm="SHA256")
    found = s3.get_object_attributes(
        Bucket=bucket, Key="k", ObjectAttributes=["ETag", "Checksum", "StorageClass", "ObjectSize"]
    )
    assert found["ETag"] == put["ETag"].strip('"')
    assert found["Checksum"]["ChecksumSHA256"] == put["ChecksumSHA256"]
    assert (found["StorageClass"], found["ObjectSize"]) == ("STANDARD", 5)


def test_attributes_of_parts(s3: Any, bucket: str) -> None:
    upload = Upload(s3, bucket, ChecksumAlgorithm="CRC32C")
    upload.put(1, b"a" * (5 * MIB), ChecksumAlgorithm="CRC32C")
    upload.put(2, b"b", ChecksumAlgorithm="CRC32C")
    upload.complete()
    found = s3.get_object_attributes(**upload.where, ObjectAttributes=["ObjectParts"], MaxParts=1)
    parts = found["ObjectParts"]
    assert (parts["TotalPartsCount"], parts["IsTruncated"], parts["Parts"][0]["Size"]) == (2, True, 5 * MIB)
    marker = parts["NextPartNumberMarker"]
    rest = s3.get_object_attributes(**upload.where, ObjectAttributes=["ObjectParts"], PartNumberMarker=marker)
    assert [one["PartNumber"] for one in rest["ObjectParts"]["Parts"]] == [2]
    assert rest["ObjectParts"]["IsTruncated"] is False


def test_attributes_of_a_version(s3: Any, versioned: str) -> None:
    old = s3.put_object(Bucket=versioned, Key="k", Body=b"12345")["VersionId"]
    s3.put_object(Bucket=versioned, Key="k", Body=b"1")
    wanted = {"Bucket": versioned, "Key": "k", "ObjectAttributes": ["ObjectSize"]}
    found = s3.get_object_attributes(**wanted, VersionId=old)
    assert (found["VersionId"], found["ObjectSize"]) == (old, 5)
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    with refused("NoSuchKey", 404) as caught:
        s3.get_object_attributes(**wanted)
    assert caught.answer["ResponseMetadata"]["HTTPHeaders"]["x-amz-delete-marker"] == "true"
    with refused("MethodNotAllowed", 405):
        s3.get_object_attributes(**wanted, VersionId=marker)


def test_an_object_without_tags_has_an_empty_set(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []


def test_the_owner_has_full_control_and_nobody_else(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    owner = s3.list_buckets()["Owner"]["ID"]
    for acl in (s3.get_bucket_acl(Bucket=bucket), s3.get_object_acl(Bucket=bucket, Key="k")):
        assert acl["Owner"]["ID"] == owner
        (grant,) = acl["Grants"]
        assert (grant["Grantee"]["ID"], grant["Permission"]) == (owner, "FULL_CONTROL")


@pytest.mark.parametrize("ask", ["get_object_tagging", "get_object_acl"])
def test_of_nothing_there_is_nothing_to_tell(s3: Any, bucket: str, ask: str) -> None:
    with refused("NoSuchKey", 404):
        getattr(s3, ask)(Bucket=bucket, Key="absent")
