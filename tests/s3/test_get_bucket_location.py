from __future__ import annotations

from typing import Any

from tests.s3.errors import refused


def test_us_east_1_is_the_empty_location(s3: Any, bucket: str) -> None:
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None


def test_a_bucket_that_is_not_there_has_none(s3: Any) -> None:
    with refused("NoSuchBucket", 404):
        s3.get_bucket_location(Bucket="never-made")
