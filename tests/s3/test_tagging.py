"""Tags of objects and of buckets."""

from __future__ import annotations

from typing import Any

import pytest

from tests.s3 import raw
from tests.s3.errors import refused
from tests.s3.server import Server


def tag_set(**tags: str) -> dict[str, Any]:
    return {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}


def many(count: int) -> dict[str, Any]:
    return tag_set(**{f"key-{number:02}": "v" for number in range(count)})


@pytest.fixture
def where(s3: Any, bucket: str) -> dict[str, str]:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="first=1")
    return {"Bucket": bucket, "Key": "k"}


def test_tags_are_replaced_as_a_whole_and_taken_away(s3: Any, where: dict[str, str]) -> None:
    before = s3.head_object(**where)
    s3.put_object_tagging(**where, Tagging=many(10))
    assert s3.get_object_tagging(**where)["TagSet"] == many(10)["TagSet"]
    after = s3.head_object(**where)
    assert (after["TagCount"], after["ETag"], after["LastModified"]) == (
        10,
        before["ETag"],
        before["LastModified"],
    )
    assert s3.delete_object_tagging(**where)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert s3.get_object_tagging(**where)["TagSet"] == []
    assert "TagCount" not in s3.head_object(**where)


@pytest.mark.parametrize(
    "tags",
    [
        many(11),
        tag_set(**{"k" * 129: "v"}),
        tag_set(k="v" * 257),
        tag_set(**{"aws:own": "v"}),
        tag_set(k="<"),
        {"TagSet": tag_set(k="1")["TagSet"] * 2},
    ],
    ids=["too many", "long key", "long value", "reserved", "sign", "doubled"],
)
def test_tags_that_break_a_rule_change_nothing(s3: Any, where: dict[str, str], tags: dict[str, Any]) -> None:
    with refused("InvalidTag", 400):
        s3.put_object_tagging(**where, Tagging=tags)
    assert s3.get_object_tagging(**where)["TagSet"] == tag_set(first="1")["TagSet"]


def test_a_document_that_is_none_is_malformed(s3_server: Server, where: dict[str, str]) -> None:
    for path in (f"/{where['Bucket']}/k?tagging=", f"/{where['Bucket']}?tagging="):
        for body in (b"", b"<Tagging/>", b"<Tagging><TagSet><Tag/></TagSet></Tagging>"):
            answer = raw.ask(s3_server, "PUT", path, body=body)
            assert (answer.status, answer.code) == (400, "MalformedXML")


def test_each_version_has_tags_of_its_own(s3: Any, versioned: str) -> None:
    where = {"Bucket": versioned, "Key": "k"}
    old = s3.put_object(**where, Body=b"1", Tagging="v=old")["VersionId"]
    new = s3.put_object(**where, Body=b"2")["VersionId"]
    assert s3.put_object_tagging(**where, Tagging=tag_set(v="new"))["VersionId"] == new
    found = s3.get_object_tagging(**where, VersionId=old)
    assert (found["VersionId"], found["TagSet"]) == (old, tag_set(v="old")["TagSet"])
    assert s3.delete_object_tagging(**where, VersionId=old)["VersionId"] == old
    assert s3.get_object_tagging(**where)["TagSet"] == tag_set(v="new")["TagSet"]
    with refused("NoSuchVersion", 404):
        s3.put_object_tagging(**where, VersionId="unknown", Tagging=tag_set(a="b"))
    marker = s3.delete_object(**where)["VersionId"]
    with refused("NoSuchKey", 404):
        s3.put_object_tagging(**where, Tagging=tag_set(a="b"))
    with refused("MethodNotAllowed", 405):
        s3.put_object_tagging(**where, VersionId=marker, Tagging=tag_set(a="b"))


def test_what_is_not_there_has_no_tags(s3: Any, bucket: str) -> None:
    for ask in (s3.get_object_tagging, s3.delete_object_tagging):
        with refused("NoSuchKey", 404):
            ask(Bucket=bucket, Key="absent")


def test_tags_of_a_bucket(s3: Any, bucket: str) -> None:
    with refused("NoSuchTagSet", 404):
        s3.get_bucket_tagging(Bucket=bucket)
    s3.put_bucket_tagging(Bucket=bucket, Tagging=many(50))
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == many(50)["TagSet"]
    with refused("InvalidTag", 400):
        s3.put_bucket_tagging(Bucket=bucket, Tagging=many(51))
    s3.delete_bucket_tagging(Bucket=bucket)
    with refused("NoSuchTagSet", 404):
        s3.get_bucket_tagging(Bucket=bucket)
