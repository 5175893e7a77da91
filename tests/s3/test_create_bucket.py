from __future__ import annotations

from typing import Any

import pytest

from tests.s3.errors import refused


def test_a_bucket_is_there_after_it_was_created(s3: Any) -> None:
    assert s3.create_bucket(Bucket="made-just-now")["Location"] == "/made-just-now"
    assert "made-just-now" in [one["Name"] for one in s3.list_buckets()["Buckets"]]


def test_a_second_creation_by_the_same_owner_is_told_so(s3: Any, bucket: str) -> None:
    with refused("BucketAlreadyOwnedByYou", 409):
        s3.create_bucket(Bucket=bucket)


def test_another_owner_is_told_that_the_name_is_taken(s3_server: Any, bucket: str) -> None:
    import json

    other = json.loads(s3_server.manage("keys", "create", "other", "--json"))
    client = s3_server.client(
        aws_access_key_id=other["access_key"], aws_secret_access_key=other["secret_key"]
    )
    with refused("BucketAlreadyExists", 409):
        client.create_bucket(Bucket=bucket)


@pytest.mark.parametrize("name", ["api", "static", "v20180820"])
def test_reserved_names_are_refused_with_the_reason(s3: Any, name: str) -> None:
    with refused("InvalidBucketName", 400) as caught:
        s3.create_bucket(Bucket=name)
    assert "reserved" in caught.answer["Error"]["Message"]


@pytest.mark.parametrize(
    "name", ["Capital", "two..dots", "-dash", "192.168.0.1", "xn--thing", "a" * 64, "under_score"]
)
def test_names_that_amazon_refuses_are_refused(s3: Any, name: str) -> None:
    with refused("InvalidBucketName", 400):
        s3.create_bucket(Bucket=name)


def test_our_own_region_is_a_valid_location(s3: Any) -> None:
    s3.create_bucket(Bucket="located-here", CreateBucketConfiguration={"LocationConstraint": "us-east-1"})
    assert s3.head_bucket(Bucket="located-here")["BucketRegion"] == "us-east-1"


def test_another_region_is_not(s3: Any) -> None:
    with refused("InvalidLocationConstraint", 400):
        s3.create_bucket(Bucket="elsewhere", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    with refused("404"):
        s3.head_bucket(Bucket="elsewhere")


def test_what_we_cannot_honour_is_not_implemented(s3: Any) -> None:
    with refused("NotImplemented", 501):
        s3.create_bucket(Bucket="public-one", ACL="public-read")
    with refused("NotImplemented", 501):
        s3.create_bucket(Bucket="locked-one", ObjectLockEnabledForBucket=True)
    with refused("404"):
        s3.head_bucket(Bucket="locked-one")
