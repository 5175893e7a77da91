"""Requests that need more than one right: each key, source, tag and lock is asked for on its own."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.config import Config

from tests.s3.errors import refused
from tests.s3.server import ONE_TRY, Server

LATER = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture
def anybody(s3_server: Server) -> Any:
    """A client without a key."""
    return s3_server.client(ONE_TRY.merge(Config(signature_version=UNSIGNED)))


def let_anybody(s3: Any, bucket: str, actions: list[str], keys: str = "*") -> None:
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": actions,
        "Resource": f"arn:aws:s3:::{bucket}/{keys}",
    }
    s3.put_bucket_policy(
        Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )


def test_deleting_many_asks_for_each_key_and_version(s3: Any, anybody: Any, versioned: str) -> None:
    let_anybody(s3, versioned, ["s3:DeleteObject"], "open/*")
    kept = s3.put_object(Bucket=versioned, Key="open/a", Body=b"x")["VersionId"]
    s3.put_object(Bucket=versioned, Key="closed/a", Body=b"x")
    objects = [{"Key": "open/a"}, {"Key": "closed/a"}, {"Key": "open/a", "VersionId": kept}]
    answer = anybody.delete_objects(Bucket=versioned, Delete={"Objects": objects})
    assert [one["Key"] for one in answer["Deleted"]] == ["open/a"]
    assert [(one["Code"], one["Key"], one.get("VersionId")) for one in answer["Errors"]] == [
        ("AccessDenied", "closed/a", None),
        ("AccessDenied", "open/a", kept),
    ]
    s3.head_object(Bucket=versioned, Key="open/a", VersionId=kept)


def test_bypass_is_a_right_of_its_own(s3: Any, anybody: Any, locked: str) -> None:
    let_anybody(s3, locked, ["s3:DeleteObjectVersion", "s3:PutObjectRetention"])
    version = s3.put_object(
        Bucket=locked, Key="k", Body=b"x", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=LATER
    )["VersionId"]
    where = {"Bucket": locked, "Key": "k", "VersionId": version}
    with refused("AccessDenied", 403):
        anybody.delete_object(**where, BypassGovernanceRetention=True)
    with refused("AccessDenied", 403):
        anybody.put_object_retention(**where, Retention={}, BypassGovernanceRetention=True)
    let_anybody(s3, locked, ["s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"])
    with refused("AccessDenied", 403):
        anybody.delete_object(**where)
    anybody.delete_object(**where, BypassGovernanceRetention=True)


def test_a_copy_asks_for_its_source_and_for_the_sources_tags(s3: Any, anybody: Any, versioned: str) -> None:
    source = {"Bucket": versioned, "Key": "source"}
    old = s3.put_object(**source, Body=b"old")["VersionId"]
    s3.put_object(**source, Body=b"new", Tagging="a=b")
    copy = {"Bucket": versioned, "Key": "copy"}
    let_anybody(s3, versioned, ["s3:PutObject"])
    with refused("AccessDenied", 403):
        anybody.copy_object(**copy, CopySource=source, TaggingDirective="REPLACE")
    let_anybody(s3, versioned, ["s3:PutObject", "s3:GetObject"])
    anybody.copy_object(**copy, CopySource=source, TaggingDirective="REPLACE")
    with refused("AccessDenied", 403):
        anybody.copy_object(**copy, CopySource=source)
    with refused("AccessDenied", 403):
        anybody.copy_object(**copy, CopySource={**source, "VersionId": old})


@pytest.mark.parametrize(
    ("wish", "right"),
    [
        ({"Tagging": "a=b"}, "s3:PutObjectTagging"),
        ({"ObjectLockLegalHoldStatus": "ON"}, "s3:PutObjectLegalHold"),
        (
            {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": LATER},
            "s3:PutObjectRetention",
        ),
    ],
    ids=["tags", "hold", "retention"],
)
def test_a_write_asks_for_what_its_headers_bring(
    s3: Any, anybody: Any, locked: str, wish: dict[str, Any], right: str
) -> None:
    let_anybody(s3, locked, ["s3:PutObject"])
    with refused("AccessDenied", 403):
        anybody.put_object(Bucket=locked, Key="k", Body=b"x", **wish)
    let_anybody(s3, locked, ["s3:PutObject", right])
    anybody.put_object(Bucket=locked, Key="k", Body=b"x", **wish)
