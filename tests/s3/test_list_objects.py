"""ListObjects and ListObjectsV2: the same entries in the same order, whatever the page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.s3.errors import refused

KEYS = [
    "a",
    "a!",
    "a/",
    "a/b",
    "a/c/d",
    "a0",
    "b/1",
    "b/2",
    "c//d",
    "plus+plus",
    "space in it",
    "z\u00e9",
    "\u4f60\u597d",
    "\U0001f6b0",
]


@pytest.fixture(scope="module")
def full(s3: Any) -> str:
    s3.create_bucket(Bucket="listed")
    for key in KEYS:
        s3.put_object(Bucket="listed", Key=key, Body=key.encode())
    return "listed"


def in_order(keys: list[str]) -> list[str]:
    return sorted(keys, key=lambda key: key.encode())


def pages(s3: Any, version: int, **options: Any) -> Iterator[dict[str, Any]]:
    """Every page, asked for with the tokens of the one before."""
    while True:
        page = (s3.list_objects_v2 if version == 2 else s3.list_objects)(**options)
        yield page
        if not page["IsTruncated"]:
            return
        if version == 2:
            options["ContinuationToken"] = page["NextContinuationToken"]
        else:
            options["Marker"] = page.get("NextMarker") or page["Contents"][-1]["Key"]


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_every_key_comes_once_in_byte_order(s3: Any, full: str, version: int, size: int) -> None:
    found = []
    for page in pages(s3, version, Bucket=full, MaxKeys=size):
        assert len(page.get("Contents", [])) <= size
        found += [one["Key"] for one in page.get("Contents", [])]
    assert found == in_order(KEYS)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("size", [1, 2, 1000])
def test_a_delimiter_rolls_up(s3: Any, full: str, version: int, size: int) -> None:
    keys, prefixes = [], []
    for page in pages(s3, version, Bucket=full, MaxKeys=size, Delimiter="/"):
        assert len(page.get("Contents", [])) + len(page.get("CommonPrefixes", [])) <= size
        keys += [one["Key"] for one in page.get("Contents", [])]
        prefixes += [one["Prefix"] for one in page.get("CommonPrefixes", [])]
    assert keys == in_order([key for key in KEYS if "/" not in key])
    assert prefixes == ["a/", "b/", "c/"]


@pytest.mark.parametrize("version", [1, 2])
def test_a_prefix_with_a_delimiter_is_a_folder(s3: Any, full: str, version: int) -> None:
    (page,) = pages(s3, version, Bucket=full, Prefix="a/", Delimiter="/")
    assert [one["Key"] for one in page["Contents"]] == ["a/", "a/b"]
    assert [one["Prefix"] for one in page["CommonPrefixes"]] == ["a/c/"]


def test_start_after_and_marker_are_keys(s3: Any, full: str) -> None:
    after = [key for key in in_order(KEYS) if key.encode() > b"b/1"]
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=full, StartAfter="b/1")["Contents"]] == after
    assert [one["Key"] for one in s3.list_objects(Bucket=full, Marker="b/1")["Contents"]] == after


def test_an_entry_says_what_head_says(s3: Any, full: str) -> None:
    page = s3.list_objects_v2(Bucket=full, Prefix="a/b", FetchOwner=True)
    (entry,) = page["Contents"]
    head = s3.head_object(Bucket=full, Key="a/b")
    assert (entry["Size"], entry["ETag"]) == (head["ContentLength"], head["ETag"])
    assert abs((entry["LastModified"] - head["LastModified"]).total_seconds()) < 1
    assert entry["StorageClass"] == "STANDARD"
    assert len(entry["Owner"]["ID"]) == 64
    assert page["KeyCount"] == 1


def test_no_keys_are_asked_for(s3: Any, full: str) -> None:
    page = s3.list_objects_v2(Bucket=full, MaxKeys=0)
    assert page["KeyCount"] == 0 and not page["IsTruncated"]


def test_a_storage_class_shows(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass="STANDARD_IA")
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["StorageClass"] == "STANDARD_IA"


@pytest.mark.parametrize("option", [{"MaxKeys": -1}, {"ContinuationToken": "no*token"}])
def test_arguments_that_make_no_sense(s3: Any, full: str, option: dict[str, Any]) -> None:
    with refused("InvalidArgument", 400):
        s3.list_objects_v2(Bucket=full, **option)


def test_a_bucket_that_is_not_there(s3: Any) -> None:
    for ask in (s3.list_objects, s3.list_objects_v2):
        with refused("NoSuchBucket", 404):
            ask(Bucket="never-made")
