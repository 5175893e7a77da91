"""Object lock: configuration of a bucket, retention and legal hold of a version, bypass."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.s3.errors import refused

LATER = datetime(2100, 1, 1, tzinfo=UTC)
EVEN_LATER = LATER + timedelta(days=1)
DAY = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}}


def governance(until: datetime = LATER) -> dict[str, Any]:
    return {"Mode": "GOVERNANCE", "RetainUntilDate": until}


def compliance(until: datetime = LATER) -> dict[str, Any]:
    return {"Mode": "COMPLIANCE", "RetainUntilDate": until}


@pytest.fixture
def where(s3: Any, locked: str) -> dict[str, str]:
    """A version in a bucket with object lock."""
    version = s3.put_object(Bucket=locked, Key="k", Body=b"x")["VersionId"]
    return {"Bucket": locked, "Key": "k", "VersionId": version}


def test_a_bucket_is_made_with_object_lock(s3: Any, locked: str) -> None:
    found = s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"]
    assert found == {"ObjectLockEnabled": "Enabled"}
    assert s3.get_bucket_versioning(Bucket=locked)["Status"] == "Enabled"
    with refused("InvalidBucketState", 409):
        s3.put_bucket_versioning(Bucket=locked, VersioningConfiguration={"Status": "Suspended"})


def test_object_lock_may_come_later_if_versions_are_kept(s3: Any, bucket: str) -> None:
    with refused("ObjectLockConfigurationNotFoundError", 404):
        s3.get_object_lock_configuration(Bucket=bucket)
    with refused("InvalidBucketState", 409):
        s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=DAY)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=DAY)
    assert s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"] == DAY


def test_new_versions_have_the_default_retention(s3: Any, locked: str) -> None:
    s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=DAY)
    s3.put_object(Bucket=locked, Key="put", Body=b"x")
    s3.copy_object(Bucket=locked, Key="copied", CopySource={"Bucket": locked, "Key": "put"})
    upload = s3.create_multipart_upload(Bucket=locked, Key="joined")["UploadId"]
    part = s3.upload_part(Bucket=locked, Key="joined", UploadId=upload, PartNumber=1, Body=b"x")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket=locked, Key="joined", UploadId=upload, MultipartUpload=parts)
    for key in ("put", "copied", "joined"):
        head = s3.head_object(Bucket=locked, Key=key)
        rest = head["ObjectLockRetainUntilDate"] - datetime.now(UTC)
        assert head["ObjectLockMode"] == "GOVERNANCE"
        assert timedelta(hours=23) < rest <= timedelta(days=1)
    s3.put_object(
        Bucket=locked,
        Key="own",
        Body=b"x",
        ObjectLockMode="COMPLIANCE",
        ObjectLockRetainUntilDate=datetime.now(UTC) + timedelta(seconds=5),
    )
    assert s3.head_object(Bucket=locked, Key="own")["ObjectLockMode"] == "COMPLIANCE"


def test_a_retained_version_stays(s3: Any, where: dict[str, str]) -> None:
    s3.put_object_retention(**where, Retention=governance())
    assert s3.get_object_retention(**where)["Retention"] == governance()
    with refused("AccessDenied", 403):
        s3.delete_object(**where)
    objects = [{"Key": "k", "VersionId": where["VersionId"]}]
    answer = s3.delete_objects(Bucket=where["Bucket"], Delete={"Objects": objects})
    assert [one["Code"] for one in answer["Errors"]] == ["AccessDenied"]
    assert s3.delete_object(Bucket=where["Bucket"], Key="k")["DeleteMarker"] is True
    assert s3.get_object(**where)["Body"].read() == b"x"
    answer = s3.delete_objects(
        Bucket=where["Bucket"], Delete={"Objects": objects}, BypassGovernanceRetention=True
    )
    assert [one["VersionId"] for one in answer["Deleted"]] == [where["VersionId"]]


def test_a_version_under_compliance_stays_even_with_bypass(s3: Any, where: dict[str, str]) -> None:
    s3.put_object_retention(**where, Retention=compliance())
    with refused("AccessDenied", 403):
        s3.delete_object(**where, BypassGovernanceRetention=True)
    for weaker in (governance(EVEN_LATER), compliance(LATER - timedelta(days=1)), {}):
        with refused("AccessDenied", 403):
            s3.put_object_retention(**where, Retention=weaker, BypassGovernanceRetention=True)
    s3.put_object_retention(**where, Retention=compliance(EVEN_LATER))
    assert s3.get_object_retention(**where)["Retention"] == compliance(EVEN_LATER)


def test_governance_is_weakened_with_bypass_only(s3: Any, where: dict[str, str]) -> None:
    s3.put_object_retention(**where, Retention=governance())
    s3.put_object_retention(**where, Retention=governance(EVEN_LATER))
    for weaker in (governance(), compliance(EVEN_LATER), {}):
        with refused("AccessDenied", 403):
            s3.put_object_retention(**where, Retention=weaker)
    s3.put_object_retention(**where, Retention=governance(), BypassGovernanceRetention=True)
    s3.put_object_retention(**where, Retention={}, BypassGovernanceRetention=True)
    with refused("NoSuchObjectLockConfiguration", 404):
        s3.get_object_retention(**where)
    s3.delete_object(**where)


def test_a_hold_keeps_until_it_is_lifted(s3: Any, where: dict[str, str]) -> None:
    assert s3.get_object_legal_hold(**where)["LegalHold"]["Status"] == "OFF"
    s3.put_object_legal_hold(**where, LegalHold={"Status": "ON"})
    assert s3.get_object_legal_hold(**where)["LegalHold"]["Status"] == "ON"
    assert s3.head_object(**where)["ObjectLockLegalHoldStatus"] == "ON"
    with refused("AccessDenied", 403):
        s3.delete_object(**where, BypassGovernanceRetention=True)
    s3.put_object_legal_hold(**where, LegalHold={"Status": "OFF"})
    s3.delete_object(**where)


def test_a_write_brings_its_lock(s3: Any, locked: str) -> None:
    put = s3.put_object(
        Bucket=locked,
        Key="k",
        Body=b"x",
        ObjectLockMode="GOVERNANCE",
        ObjectLockRetainUntilDate=LATER,
        ObjectLockLegalHoldStatus="ON",
    )
    head = s3.head_object(Bucket=locked, Key="k")
    assert (head["ObjectLockMode"], head["ObjectLockRetainUntilDate"]) == ("GOVERNANCE", LATER)
    assert head["ObjectLockLegalHoldStatus"] == "ON"
    with refused("AccessDenied", 403):
        s3.delete_object(Bucket=locked, Key="k", VersionId=put["VersionId"])


@pytest.mark.parametrize(
    "lock",
    [
        {"ObjectLockMode": "GOVERNANCE"},
        {"ObjectLockRetainUntilDate": LATER},
        {"ObjectLockMode": "governance", "ObjectLockRetainUntilDate": LATER},
        {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": datetime(2020, 1, 1, tzinfo=UTC)},
        {"ObjectLockLegalHoldStatus": "on"},
    ],
)
def test_locks_that_cannot_be_are_refused(s3: Any, locked: str, lock: dict[str, Any]) -> None:
    with refused("InvalidArgument", 400):
        s3.put_object(Bucket=locked, Key="k", Body=b"x", **lock)
    with refused("404"):
        s3.head_object(Bucket=locked, Key="k")


def test_retentions_that_cannot_be_are_refused(s3: Any, where: dict[str, str]) -> None:
    with refused("InvalidArgument", 400):
        s3.put_object_retention(**where, Retention=governance(datetime(2020, 1, 1, tzinfo=UTC)))
    with refused("MalformedXML", 400):
        s3.put_object_retention(**where, Retention={"Mode": "abc", "RetainUntilDate": LATER})
    with refused("MalformedXML", 400):
        s3.put_object_legal_hold(**where, LegalHold={"Status": "abc"})


def test_without_object_lock_nothing_can_be_locked(s3: Any, versioned: str) -> None:
    where = {"Bucket": versioned, "Key": "k"}
    with refused("InvalidRequest", 400):
        s3.put_object(**where, Body=b"x", ObjectLockLegalHoldStatus="ON")
    s3.put_object(**where, Body=b"x")
    for ask in (
        lambda: s3.get_object_retention(**where),
        lambda: s3.put_object_retention(**where, Retention=governance()),
        lambda: s3.get_object_legal_hold(**where),
        lambda: s3.put_object_legal_hold(**where, LegalHold={"Status": "ON"}),
    ):
        with refused("InvalidRequest", 400):
            ask()
