from __future__ import annotations

from typing import Any

import pytest

from tests.s3.errors import refused


def test_a_bucket_is_there_after_it_was_created(s3: Any) -> None:
    assert s3.create_bucket(Bucket="made-just-now")["Location"] == "/made-just-now"
    assert "made-just-now" in [one["Name"] for one in s3.list_buckets()["Buckets"]]


def test_an_owner_may_create_a_bucket_again_and_it_stays_as_it_is(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"kept")
    s3.create_bucket(Bucket=bucket)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"kept"


def test_an_owner_cannot_create_it_again_with_other_settings(s3: Any, bucket: str) -> None:
    with refused("BucketAlreadyExists", 409) as caught:
        s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    assert "other settings" in caught.answer["Error"]["Message"]


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


def test_a_bucket_with_object_lock_has_versions_from_the_beginning(s3: Any) -> None:
    s3.create_bucket(Bucket="locked-one", ObjectLockEnabledForBucket=True)
    assert s3.get_bucket_versioning(Bucket="locked-one")["Status"] == "Enabled"
    found = s3.get_object_lock_configuration(Bucket="locked-one")["ObjectLockConfiguration"]
    assert found == {"ObjectLockEnabled": "Enabled"}


def test_a_bucket_is_made_with_tags_and_ownership(s3: Any) -> None:
    s3.create_bucket(
        Bucket="tagged-one",
        ObjectOwnership="BucketOwnerPreferred",
        CreateBucketConfiguration={"Tags": [{"Key": "team", "Value": "ops"}]},
    )
    assert s3.get_bucket_tagging(Bucket="tagged-one")["TagSet"] == [{"Key": "team", "Value": "ops"}]
    found = s3.get_bucket_ownership_controls(Bucket="tagged-one")["OwnershipControls"]
    assert found["Rules"] == [{"ObjectOwnership": "BucketOwnerPreferred"}]


def test_an_ownership_that_there_is_not_is_refused(s3: Any) -> None:
    with refused("InvalidArgument", 400):
        s3.create_bucket(Bucket="odd-one", ObjectOwnership="Everybody")
    with refused("404"):
        s3.head_bucket(Bucket="odd-one")


def test_directory_buckets_are_not_implemented(s3: Any) -> None:
    with refused("NotImplemented", 501):
        s3.create_bucket(Bucket="flat-one", CreateBucketConfiguration={"Bucket": {"Type": "Directory"}})
