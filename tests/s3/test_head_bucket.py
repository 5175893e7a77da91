from __future__ import annotations

from typing import Any

from tests.s3.errors import refused


def test_a_bucket_that_is_there_says_its_region(s3: Any, bucket: str) -> None:
    assert s3.head_bucket(Bucket=bucket)["BucketRegion"] == "us-east-1"


def test_a_bucket_that_is_not_there_is_404_without_a_body(s3: Any) -> None:
    with refused("404", 404):
        s3.head_bucket(Bucket="never-made")


def test_the_expected_owner_must_be_the_owner(s3: Any, bucket: str) -> None:
    owner = s3.list_buckets()["Owner"]["ID"]
    s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=owner)
    with refused("403", 403):
        s3.head_bucket(Bucket=bucket, ExpectedBucketOwner="1" * 64)
