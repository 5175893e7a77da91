from __future__ import annotations

from typing import Any

import pytest

from tests.s3.errors import refused


@pytest.fixture
def written(s3: Any, versioned: str) -> list[tuple[str, str]]:
    """(key, version id) as they are to be listed: two versions of each key, a marker over `b/2`."""
    made: list[tuple[str, str]] = []
    for key in ("a", "b/1", "b/2", "c d"):
        older, newer = (s3.put_object(Bucket=versioned, Key=key, Body=b"12")["VersionId"] for _ in "12")
        made += [(key, newer), (key, older)]
    marker = s3.delete_object(Bucket=versioned, Key="b/2")["VersionId"]
    made.insert(4, ("b/2", marker))
    return made


def pages(s3: Any, bucket: str, **options: Any) -> list[dict[str, Any]]:
    return list(s3.get_paginator("list_object_versions").paginate(Bucket=bucket, **options))


def listed(page: dict[str, Any]) -> set[tuple[str, str]]:
    return {
        (one["Key"], one["VersionId"]) for kind in ("Versions", "DeleteMarkers") for one in page.get(kind, [])
    }


def test_every_version_is_listed_newest_first(
    s3: Any, versioned: str, written: list[tuple[str, str]]
) -> None:
    page = s3.list_object_versions(Bucket=versioned)
    versions = [(one["Key"], one["VersionId"]) for one in page["Versions"]]
    assert versions == [one for one in written if one != written[4]]
    (marker,) = page["DeleteMarkers"]
    assert (marker["Key"], marker["VersionId"], marker["IsLatest"]) == (*written[4], True)
    assert [one["IsLatest"] for one in page["Versions"]] == [
        True,
        False,
        True,
        False,
        False,
        False,
        True,
        False,
    ]
    assert {one["Size"] for one in page["Versions"]} == {2}
    assert (page["IsTruncated"], page["KeyMarker"], page["VersionIdMarker"]) == (False, "", "")
    owner = page["Versions"][0]["Owner"]
    assert (
        owner
        == marker["Owner"]
        == s3.list_objects_v2(Bucket=versioned, FetchOwner=True)["Contents"][0]["Owner"]
    )
    assert owner["DisplayName"] == "tests"


@pytest.mark.parametrize("size", [1, 2, 4])
def test_pages_neither_skip_nor_repeat(
    s3: Any, versioned: str, written: list[tuple[str, str]], size: int
) -> None:
    found = pages(s3, versioned, PaginationConfig={"PageSize": size})
    assert all(len(listed(page)) <= size for page in found)
    assert sum(len(listed(page)) for page in found) == len(written)
    assert set().union(*(listed(page) for page in found)) == set(written)


def test_a_delimiter_gathers_keys(s3: Any, versioned: str, written: list[tuple[str, str]]) -> None:
    page = s3.list_object_versions(Bucket=versioned, Delimiter="/")
    assert [one["Prefix"] for one in page["CommonPrefixes"]] == ["b/"]
    assert {key for key, _ in listed(page)} == {"a", "c d"}
    found = pages(s3, versioned, Delimiter="/", PaginationConfig={"PageSize": 1})
    assert [one["Prefix"] for page in found for one in page.get("CommonPrefixes", [])] == ["b/"]
    within = s3.list_object_versions(Bucket=versioned, Prefix="b/2")
    assert listed(within) == set(written[4:7])


def test_a_key_marker_passes_over_its_key(s3: Any, versioned: str, written: list[tuple[str, str]]) -> None:
    page = s3.list_object_versions(Bucket=versioned, KeyMarker="b/1")
    assert listed(page) == set(written[4:])
    page = s3.list_object_versions(Bucket=versioned, KeyMarker="b/2", VersionIdMarker=written[4][1])
    assert listed(page) == set(written[5:])


def test_no_entries_may_be_asked_for(s3: Any, versioned: str, written: list[tuple[str, str]]) -> None:
    page = s3.list_object_versions(Bucket=versioned, MaxKeys=0)
    assert (listed(page), page["IsTruncated"], page["MaxKeys"]) == (set(), False, 0)


def test_a_version_marker_needs_its_key(s3: Any, versioned: str) -> None:
    with refused("InvalidArgument", 400):
        s3.list_object_versions(Bucket=versioned, VersionIdMarker="v")


def test_without_versioning_all_are_null_versions(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    (version,) = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert (version["VersionId"], version["IsLatest"]) == ("null", True)
