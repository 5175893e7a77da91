from __future__ import annotations

from typing import Any


def test_buckets_come_in_order_page_by_page(s3: Any) -> None:
    names = [f"paged-{number}" for number in range(5)]
    for name in names:
        s3.create_bucket(Bucket=name)
    found, token = [], {}
    while True:
        page = s3.list_buckets(Prefix="paged-", MaxBuckets=2, **token)
        assert len(page["Buckets"]) <= 2
        found += [one["Name"] for one in page["Buckets"]]
        if "ContinuationToken" not in page:
            break
        token = {"ContinuationToken": page["ContinuationToken"]}
    assert found == names


def test_each_says_when_it_was_made(s3: Any, bucket: str) -> None:
    found = {one["Name"]: one["CreationDate"] for one in s3.list_buckets()["Buckets"]}
    assert found[bucket].year >= 2024
