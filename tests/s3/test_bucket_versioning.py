"""GetBucketVersioning, PutBucketVersioning, and what they make of writes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.s3 import raw
from tests.s3.errors import refused
from tests.s3.server import Server


def suspend(s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})


def ids(s3: Any, bucket: str, kind: str = "Versions") -> list[str]:
    return [one["VersionId"] for one in s3.list_object_versions(Bucket=bucket).get(kind, [])]


def test_versioning_is_what_was_set(s3: Any, bucket: str) -> None:
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    for status in ("Suspended", "Enabled", "Enabled", "Suspended"):
        s3.put_bucket_versioning(
            Bucket=bucket, VersioningConfiguration={"Status": status, "MFADelete": "Disabled"}
        )
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == status


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "MalformedXML"),
        (b"<VersioningConfiguration><Status>On</Status></VersioningConfiguration>", "MalformedXML"),
        (b"<VersioningConfiguration/>", "IllegalVersioningConfigurationException"),
        (
            b"<VersioningConfiguration><Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>"
            b"</VersioningConfiguration>",
            "NotImplemented",
        ),
    ],
)
def test_other_configurations_are_refused(s3_server: Server, bucket: str, body: bytes, code: str) -> None:
    assert raw.ask(s3_server, "PUT", f"/{bucket}?versioning=", body=body).code == code


def test_each_put_is_a_version_and_the_newest_is_current(s3: Any, versioned: str) -> None:
    where = {"Bucket": versioned, "Key": "k"}
    first = s3.put_object(**where, Body=b"1")["VersionId"]
    second = s3.put_object(**where, Body=b"2")["VersionId"]
    got = s3.get_object(**where)
    assert (got["Body"].read(), got["VersionId"]) == (b"2", second)
    got = s3.get_object(**where, VersionId=first)
    assert (got["Body"].read(), got["VersionId"]) == (b"1", first)
    assert s3.head_object(**where, VersionId=first)["VersionId"] == first
    assert len(first) == 32 and first != second
    with refused("NoSuchVersion", 404):
        s3.get_object(**where, VersionId="unknown")


def test_a_delete_hides_and_removing_the_marker_shows_again(s3: Any, versioned: str) -> None:
    where = {"Bucket": versioned, "Key": "k"}
    s3.put_object(**where, Body=b"1")
    hidden = s3.delete_object(**where)
    assert hidden["DeleteMarker"] is True
    with refused("NoSuchKey", 404) as caught:
        s3.get_object(**where)
    told = caught.answer["ResponseMetadata"]["HTTPHeaders"]
    assert (told["x-amz-delete-marker"], told["x-amz-version-id"]) == ("true", hidden["VersionId"])
    with refused("MethodNotAllowed", 405) as caught:
        s3.get_object(**where, VersionId=hidden["VersionId"])
    told = caught.answer["ResponseMetadata"]["HTTPHeaders"]
    assert (told["x-amz-delete-marker"], told["allow"]) == ("true", "DELETE")
    shown = s3.delete_object(**where, VersionId=hidden["VersionId"])
    assert (shown["DeleteMarker"], shown["VersionId"]) == (True, hidden["VersionId"])
    assert s3.get_object(**where)["Body"].read() == b"1"


def test_a_version_goes_for_good_and_an_unknown_one_is_gone_already(s3: Any, versioned: str) -> None:
    where = {"Bucket": versioned, "Key": "k"}
    first = s3.put_object(**where, Body=b"1")["VersionId"]
    second = s3.put_object(**where, Body=b"2")["VersionId"]
    removed = s3.delete_object(**where, VersionId=second)
    assert (removed["VersionId"], "DeleteMarker" in removed) == (second, False)
    assert s3.get_object(**where)["VersionId"] == first
    assert s3.delete_object(**where, VersionId=second)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert ids(s3, versioned) == [first]


def test_what_was_there_before_is_the_null_version(s3: Any, bucket: str) -> None:
    where = {"Bucket": bucket, "Key": "k"}
    assert "VersionId" not in s3.put_object(**where, Body=b"plain")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_object(**where)["VersionId"] == "null"
    newer = s3.put_object(**where, Body=b"newer")["VersionId"]
    assert ids(s3, bucket) == [newer, "null"]
    assert s3.get_object(**where, VersionId="null")["Body"].read() == b"plain"


def test_suspended_writes_replace_the_null_version_alone(s3: Any, versioned: str) -> None:
    where = {"Bucket": versioned, "Key": "k"}
    kept = s3.put_object(**where, Body=b"kept")["VersionId"]
    suspend(s3, versioned)
    for body in (b"a", b"b"):
        assert "VersionId" not in s3.put_object(**where, Body=body)
    assert ids(s3, versioned) == ["null", kept]
    hidden = s3.delete_object(**where)
    assert (hidden["DeleteMarker"], hidden["VersionId"]) == (True, "null")
    assert (ids(s3, versioned), ids(s3, versioned, "DeleteMarkers")) == ([kept], ["null"])
    s3.delete_object(**where, VersionId="null")
    assert s3.get_object(**where)["Body"].read() == b"kept"


def test_conditions_are_about_the_current_version(s3: Any, versioned: str) -> None:
    where = {"Bucket": versioned, "Key": "k"}
    old = s3.put_object(**where, Body=b"old", IfNoneMatch="*")["ETag"]
    new = s3.put_object(**where, Body=b"new", IfMatch=old)["ETag"]
    for condition in ({"IfMatch": old}, {"IfNoneMatch": "*"}, {"IfNoneMatch": new}):
        with refused("PreconditionFailed", 412):
            s3.put_object(**where, Body=b"x", **condition)
    with refused("PreconditionFailed", 412):
        s3.delete_object(**where, IfMatch=old)
    s3.delete_object(**where, IfMatch=new)
    with refused("NoSuchKey", 404):
        s3.put_object(**where, Body=b"x", IfMatch=new)
    s3.put_object(**where, Body=b"x", IfNoneMatch="*")


def test_conditions_do_not_hold_of_a_delete_marker(s3: Any, versioned: str) -> None:
    where = {"Bucket": versioned, "Key": "k"}
    s3.put_object(**where, Body=b"1")
    s3.delete_object(**where)
    for condition in ({"IfMatch": '"other"'}, {"IfMatchSize": 1}):
        with refused("PreconditionFailed", 412):
            s3.delete_object(**where, **condition)
    assert s3.delete_object(**where, IfMatch="*")["DeleteMarker"] is True


def test_a_finished_upload_is_a_version(s3: Any, versioned: str) -> None:
    where = {"Bucket": versioned, "Key": "k"}
    s3.put_object(**where, Body=b"1")
    upload = s3.create_multipart_upload(**where)["UploadId"]
    part = s3.upload_part(**where, UploadId=upload, PartNumber=1, Body=b"2")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    done = s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload=parts)
    assert ids(s3, versioned)[0] == done["VersionId"]
    again = s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload=parts)
    assert again["VersionId"] == done["VersionId"]
    assert len(ids(s3, versioned)) == 2


def test_a_bucket_with_older_versions_is_not_empty(s3: Any, versioned: str) -> None:
    made = s3.put_object(Bucket=versioned, Key="k", Body=b"1")["VersionId"]
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    with refused("BucketNotEmpty", 409):
        s3.delete_bucket(Bucket=versioned)
    for version in (made, marker):
        s3.delete_object(Bucket=versioned, Key="k", VersionId=version)
    s3.delete_bucket(Bucket=versioned)
