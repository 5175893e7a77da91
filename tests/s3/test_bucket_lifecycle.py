"""Lifecycle configurations through the stock clients, and what answers about objects say of them."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from tests.needs import needs
from tests.s3 import raw
from tests.s3.errors import refused
from tests.s3.server import Server

LEAST = "TransitionDefaultMinimumObjectSize"
RULES: list[dict[str, Any]] = [
    {
        "ID": "expire logs",
        "Filter": {"And": {"Prefix": "logs/", "Tags": [{"Key": "keep", "Value": "no"}]}},
        "Status": "Enabled",
        "Expiration": {"Days": 30},
    },
    {
        "ID": "large",
        "Filter": {"ObjectSizeGreaterThan": 1000},
        "Status": "Disabled",
        "Expiration": {"Date": datetime(2030, 1, 1, tzinfo=UTC)},
    },
    {
        "ID": "versions and uploads",
        "Filter": {"Prefix": ""},
        "Status": "Enabled",
        "Expiration": {"ExpiredObjectDeleteMarker": True},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 3, "NewerNoncurrentVersions": 2},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    },
]


def put(s3: Any, bucket: str, *rules: dict[str, Any], **more: Any) -> Any:
    return s3.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": list(rules)}, **more
    )


def expiring(days: int = 1, name: str = "one day", **filtered: Any) -> dict[str, Any]:
    return {"ID": name, "Status": "Enabled", "Filter": filtered, "Expiration": {"Days": days}}


def test_a_configuration_is_kept_as_it_was_said_until_it_is_deleted(s3: Any, bucket: str) -> None:
    with refused("NoSuchLifecycleConfiguration", 404):
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    put(s3, bucket, *RULES)
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == RULES
    put(s3, bucket, RULES[1])
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == RULES[1:2]
    s3.delete_bucket_lifecycle(Bucket=bucket)
    with refused("NoSuchLifecycleConfiguration", 404):
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)


def test_the_form_with_prefixes_at_the_rules_is_kept_as_such(s3: Any, bucket: str) -> None:
    older = {"ID": "old", "Prefix": "tmp/", "Status": "Enabled", "Expiration": {"Days": 1}}
    s3.put_bucket_lifecycle(Bucket=bucket, LifecycleConfiguration={"Rules": [older]})
    assert s3.get_bucket_lifecycle(Bucket=bucket)["Rules"] == [older]
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == [older]


def test_a_rule_without_an_id_gets_one_of_its_own(s3: Any, bucket: str) -> None:
    nameless = {"Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}}
    put(s3, bucket, nameless, nameless)
    first, second = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert first["ID"] and second["ID"] and first["ID"] != second["ID"]


def test_the_least_size_of_transitions_is_told_again(s3: Any, bucket: str) -> None:
    assert put(s3, bucket, expiring())[LEAST] == "all_storage_classes_128K"
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)[LEAST] == "all_storage_classes_128K"
    assert (
        put(s3, bucket, expiring(), **{LEAST: "varies_by_storage_class"})[LEAST] == "varies_by_storage_class"
    )
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)[LEAST] == "varies_by_storage_class"
    with refused("InvalidRequest", 400):
        put(s3, bucket, expiring(), **{LEAST: "none"})


@pytest.mark.parametrize(
    ("rules", "code", "status"),
    [
        ([expiring(0)], "InvalidArgument", 400),
        ([expiring(), expiring()], "InvalidArgument", 400),
        ([{"ID": "r", "Status": "Enabled", "Filter": {}}], "InvalidRequest", 400),
        ([{**expiring(), "Status": "on"}], "MalformedXML", 400),
        (
            [{**expiring(), "Transitions": [{"Days": 1, "StorageClass": "GLACIER"}]}],
            "NotImplemented",
            501,
        ),
    ],
)
def test_a_refused_configuration_changes_nothing(
    s3: Any, bucket: str, rules: list[dict[str, Any]], code: str, status: int
) -> None:
    put(s3, bucket, *RULES)
    with refused(code, status):
        put(s3, bucket, *rules)
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == RULES


def test_a_document_that_is_none_is_malformed(s3_server: Server, bucket: str) -> None:
    answer = raw.ask(s3_server, "PUT", f"/{bucket}?lifecycle=", body=b"<LifecycleConfiguration>")
    assert (answer.status, answer.code) == (400, "MalformedXML")


@needs("aws", "drives the stock AWS command line")
def test_the_aws_command_line_puts_and_gets_it(s3_server: Server, bucket: str, tmp_path: Path) -> None:
    def aws(*command: str) -> str:
        done = subprocess.run(
            ["aws", "s3api", *command, "--bucket", bucket],
            env=s3_server.client_env(), capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    said = {"Rules": [expiring(name="nightly", Prefix="nightly/")]}
    (tmp_path / "rules.json").write_text(json.dumps(said))
    aws("put-bucket-lifecycle-configuration", "--lifecycle-configuration", f"file://{tmp_path}/rules.json")
    assert json.loads(aws("get-bucket-lifecycle-configuration"))["Rules"] == said["Rules"]
    aws("delete-bucket-lifecycle")


# -- what is said of objects -------------------------------------------------------------------------
def ended(answer: dict[str, Any]) -> tuple[datetime, str]:
    """The moment and the rule of x-amz-expiration."""
    date, _, name = answer["Expiration"].removeprefix('expiry-date="').partition('", rule-id="')
    return parsedate_to_datetime(date), name.removesuffix('"')


def test_every_answer_about_an_object_says_when_a_rule_ends_it(s3: Any, bucket: str) -> None:
    put(
        s3,
        bucket,
        expiring(2, "two days", Prefix="logs/"),
        expiring(name="tagged", Tag={"Key": "a", "Value": "b"}),
    )
    before = datetime.now(UTC)
    answer = s3.put_object(Bucket=bucket, Key="logs/1", Body=b"x")
    moment, name = ended(answer)
    assert name == "two days"
    assert timedelta(0) <= moment - before - timedelta(days=2) < timedelta(minutes=5)
    for ask in (s3.head_object, s3.get_object):
        assert ask(Bucket=bucket, Key="logs/1")["Expiration"] == answer["Expiration"]
    assert ended(s3.put_object(Bucket=bucket, Key="logs/2", Tagging="a=b"))[1] == "tagged"
    copied = s3.copy_object(Bucket=bucket, Key="logs/3", CopySource=f"{bucket}/logs/2")
    assert ended(copied)[1] == "tagged"
    upload = s3.create_multipart_upload(Bucket=bucket, Key="logs/4")["UploadId"]
    named = {"Bucket": bucket, "Key": "logs/4", "UploadId": upload}
    part = s3.upload_part(**named, PartNumber=1, Body=b"x")["ETag"]
    done = s3.complete_multipart_upload(**named, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]})
    assert ended(done)[1] == "two days"


def test_what_no_rule_ends_says_nothing(s3: Any, versioned: str) -> None:
    old = s3.put_object(Bucket=versioned, Key="logs/1", Body=b"x")
    assert "Expiration" not in old
    put(s3, versioned, expiring(Prefix="logs/"), {**expiring(name="off"), "Status": "Disabled"})
    assert "Expiration" not in s3.put_object(Bucket=versioned, Key="other", Body=b"x")
    assert "Expiration" in s3.head_object(Bucket=versioned, Key="logs/1")
    named = {"Bucket": versioned, "Key": "logs/1", "VersionId": old["VersionId"]}
    assert "Expiration" not in s3.head_object(**named), "S3 says it of the current version only"


def test_an_upload_says_when_it_is_given_up(s3: Any, bucket: str) -> None:
    put(s3, bucket, RULES[2])
    before = datetime.now(UTC)
    begun = s3.create_multipart_upload(Bucket=bucket, Key="k")
    assert begun["AbortRuleId"] == "versions and uploads"
    assert timedelta(0) <= begun["AbortDate"] - before - timedelta(days=7) < timedelta(minutes=5)
    listed = s3.list_parts(Bucket=bucket, Key="k", UploadId=begun["UploadId"])
    assert (listed["AbortDate"], listed["AbortRuleId"]) == (begun["AbortDate"], begun["AbortRuleId"])
