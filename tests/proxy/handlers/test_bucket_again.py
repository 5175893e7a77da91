"""To create a bucket that one owns already: what is answered, by region and by what is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from proxy import records, routes
from proxy.bucket_settings import BucketSettings
from proxy.caller import Caller
from proxy.door.pipe import Whole
from proxy.errors import BucketAlreadyExists, BucketAlreadyOwnedByYou, S3Error
from proxy.handlers.buckets import create_bucket
from proxy.handlers.call import Call
from tests.proxy.wire.making import request

PRIVATE = BucketSettings()


class Anything:
    """Rights of somebody who may do all of it."""

    def require(self, right: str) -> None:
        return None


@dataclass(frozen=True)
class Found:
    settings: BucketSettings


def again(
    monkeypatch: pytest.MonkeyPatch, found: BucketSettings, region: str, headers: dict[str, str]
) -> Any:
    """The answer to CreateBucket where the caller's bucket of that name has these settings."""

    def refuse(*arguments: Any) -> None:
        raise BucketAlreadyOwnedByYou()

    monkeypatch.setattr(routes, "create_bucket", refuse)
    monkeypatch.setattr(records, "find_bucket", lambda name: Found(found))
    return create_bucket(
        Call(
            request=request("PUT", b"/mine", headers={"content-length": "0", **headers}),
            credentials=None,
            caller=Caller("a" * 64, "me"),
            rights=Anything(),  # type: ignore[arg-type]
            right="s3:CreateBucket",
            pieces=Whole(),
            now_ms=0,
            region=region,
        )
    )


@pytest.mark.parametrize(
    ("found", "headers"),
    [
        (PRIVATE, {}),
        (PRIVATE, {"x-amz-acl": "private"}),
        (BucketSettings(versioning="Enabled", tags={"a": "b"}, ownership="ObjectWriter"), {}),
        (BucketSettings(ownership="ObjectWriter"), {"x-amz-object-ownership": "ObjectWriter"}),
    ],
)
def test_the_first_region_says_that_it_is_there(
    monkeypatch: pytest.MonkeyPatch, found: BucketSettings, headers: dict[str, str]
) -> None:
    assert again(monkeypatch, found, "us-east-1", headers).status == 200


@pytest.mark.parametrize(
    ("found", "headers", "region", "error"),
    [
        (PRIVATE, {"x-amz-acl": "public-read"}, "us-east-1", BucketAlreadyExists),
        (PRIVATE, {"x-amz-object-ownership": "ObjectWriter"}, "us-east-1", BucketAlreadyExists),
        (BucketSettings(object_lock=True), {}, "us-east-1", BucketAlreadyExists),
        (PRIVATE, {}, "eu-central-1", BucketAlreadyOwnedByYou),
    ],
)
def test_other_wishes_and_other_regions_are_refused(
    monkeypatch: pytest.MonkeyPatch,
    found: BucketSettings,
    headers: dict[str, str],
    region: str,
    error: type[S3Error],
) -> None:
    with pytest.raises(error):
        again(monkeypatch, found, region, headers)
