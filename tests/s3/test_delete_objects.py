from __future__ import annotations

from typing import Any

from tests.s3 import raw
from tests.s3.errors import refused
from tests.s3.server import Server


def test_a_thousand_keys_go_at_once(s3: Any, bucket: str) -> None:
    keys = [f"k{number:04}" for number in range(1000)]
    for key in keys[:50]:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys]})
    assert sorted(one["Key"] for one in answer["Deleted"]) == keys
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_quiet_says_nothing_of_what_went_well(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}], "Quiet": True})
    assert "Deleted" not in answer and "Errors" not in answer


def test_each_key_fails_on_its_own(s3: Any, bucket: str) -> None:
    for key in ("a", "b"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    answer = s3.delete_objects(
        Bucket=bucket,
        Delete={"Objects": [{"Key": "a", "ETag": '"other"'}, {"Key": "b"}, {"Key": "l" * 1025}]},
    )
    assert [one["Key"] for one in answer["Deleted"]] == ["b"]
    assert [one["Code"] for one in answer["Errors"]] == ["PreconditionFailed", "KeyTooLongError"]
    s3.head_object(Bucket=bucket, Key="a")


def test_conditions_hold_of_each_key(s3: Any, bucket: str) -> None:
    for key in ("a", "b", "c"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"12345")
    modified = s3.head_object(Bucket=bucket, Key="c")["LastModified"]
    objects = [
        {"Key": "a", "Size": 4},
        {"Key": "b", "Size": 5},
        {"Key": "c", "LastModifiedTime": modified},
        {"Key": "absent", "Size": 1},
    ]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})
    assert [one["Code"] for one in answer["Errors"]] == ["PreconditionFailed"]
    assert [one["Key"] for one in answer["Deleted"]] == ["b", "c", "absent"]


def test_versions_and_markers_go_and_come(s3: Any, versioned: str) -> None:
    first = s3.put_object(Bucket=versioned, Key="a", Body=b"1")["VersionId"]
    s3.put_object(Bucket=versioned, Key="a", Body=b"2")
    hidden = s3.delete_object(Bucket=versioned, Key="gone")["VersionId"]
    objects = [
        {"Key": "a", "VersionId": first},
        {"Key": "b"},
        {"Key": "gone", "VersionId": hidden},
        {"Key": "a", "VersionId": "unknown"},
    ]
    answer = s3.delete_objects(Bucket=versioned, Delete={"Objects": objects})
    removed, marked, shown, unknown = answer["Deleted"]
    assert removed == {"Key": "a", "VersionId": first}
    assert marked["DeleteMarker"] and "VersionId" not in marked
    assert shown == {
        "Key": "gone",
        "VersionId": hidden,
        "DeleteMarker": True,
        "DeleteMarkerVersionId": hidden,
    }
    assert unknown == {"Key": "a", "VersionId": "unknown"}
    listed = s3.list_object_versions(Bucket=versioned)
    assert [one["VersionId"] for one in listed["DeleteMarkers"]] == [marked["DeleteMarkerVersionId"]]
    assert s3.get_object(Bucket=versioned, Key="a")["Body"].read() == b"2"


def test_more_than_a_thousand_keys_are_malformed(s3: Any, bucket: str) -> None:
    with refused("MalformedXML", 400):
        s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": str(number)} for number in range(1001)]})


def test_xml_that_is_none_is_malformed(s3_server: Server, bucket: str) -> None:
    entities = b'<!DOCTYPE x [<!ENTITY e "eeee">]><Delete><Object><Key>&e;</Key></Object></Delete>'
    for body in (b"<Delete><Object>", b"", b"not xml", b"<Other/>", entities):
        answer = raw.ask(s3_server, "POST", f"/{bucket}?delete=", body=body)
        assert (answer.status, answer.code) == (400, "MalformedXML"), body


def test_keys_with_signs_that_xml_minds(s3: Any, bucket: str) -> None:
    keys = ["a&b", "a<b>", 'a"b', "a'b", "tab\tin", "üñï", "🚰"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys]})
    assert sorted(one["Key"] for one in answer["Deleted"]) == sorted(keys)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
