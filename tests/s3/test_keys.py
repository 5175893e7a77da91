"""Any key of 1 to 1,024 bytes of UTF-8 is its own key, whatever a path might make of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.s3 import raw
from tests.s3.errors import refused
from tests.s3.server import Server

UNUSUAL = [
    "/",
    "//",
    "/leading",
    "trailing/",
    "a//b",
    "a///b",
    ".",
    "..",
    "a/./b",
    "a/../b",
    "../../etc/passwd",
    "a%2Fb",
    "a%b",
    "a+b c",
    "a?b#c&d=e",
    "_/api",
    "\x7f",
    "quote\"'`",
    "back\\slash",
    "semi;colon,comma:",
    "*",
    "~tilde",
    "e\u0301",
    "\u00e9",
    "\u2028",
    "\ufffd",
    "\U00010348",
    "\U0002070e",
    "\U000e0001",
    "\U000f0000",
    "\U0010fffd",
    "k" * 1024,
    "\u20ac" * 341,
]


@pytest.mark.parametrize("key", UNUSUAL, ids=lambda key: ascii(key)[:30])
def test_a_key_is_kept_as_it_is(s3: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    s3.delete_object(Bucket=bucket, Key=key)
    with refused("404"):
        s3.head_object(Bucket=bucket, Key=key)


def test_keys_that_look_alike_are_different(s3: Any, bucket: str) -> None:
    for key in UNUSUAL:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    listed = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert listed == sorted(UNUSUAL, key=lambda key: key.encode())
    for key in UNUSUAL:
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()


@pytest.mark.parametrize("key", ["k" * 1025, "\u20ac" * 342])
def test_1025_bytes_are_too_long(s3: Any, bucket: str, key: str) -> None:
    for ask in (s3.put_object, s3.get_object):
        with refused("KeyTooLongError", 400):
            ask(Bucket=bucket, Key=key)


@pytest.mark.parametrize("target", ["%FF", "%C3", "%ED%A0%80", "%ZZ", "a%"])
def test_what_is_not_utf8_is_no_uri(s3_server: Server, bucket: str, target: str) -> None:
    answer = raw.ask(s3_server, "PUT", f"/{bucket}/{target}", body=b"x")
    assert (answer.status, answer.code) == (400, "InvalidURI")


def test_encoded_and_plain_signs_are_the_same_key(s3_server: Server, s3: Any, bucket: str) -> None:
    assert raw.ask(s3_server, "PUT", f"/{bucket}/%61%2Fb", body=b"x").status == 200
    assert s3.get_object(Bucket=bucket, Key="a/b")["Body"].read() == b"x"
    assert raw.ask(s3_server, "GET", f"/{bucket}/a/b").body == b"x"
