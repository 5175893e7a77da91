"""Condition operators and keys: what holds, and what does without a value."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.access.circumstances import Circumstances
from proxy.access.conditions import read_conditions
from proxy.access.facts import Facts
from proxy.caller import NOBODY, Caller
from proxy.wire.sigv4 import Credentials
from tests.proxy.access.questions import BORIS, ROOT, thing

NOON = 1_795_348_800_000  # 2026-11-22T12:00:00Z
SIGNED = Credentials("key", "scope", b"", "signature", "20261122T120000Z", "UNSIGNED-PAYLOAD", presigned=True)


def holds(word: str, key: str, value: Any, caller: Caller = BORIS, info: Any = None, **where: Any) -> bool:
    (condition,) = read_conditions({word: {key: value}}, variables=True)
    return condition.holds(Facts(caller, Circumstances(**where), info))


REFERER = {"headers": {"referer": "http://Example.com/a"}}
TAGS = {"headers": {"x-amz-tagging": "team=red&cost=1"}}


@pytest.mark.parametrize(
    ("word", "key", "value", "where", "expected"),
    [
        ("StringEquals", "aws:Referer", "http://Example.com/a", REFERER, True),
        ("StringEquals", "aws:Referer", ["x", "http://Example.com/a"], REFERER, True),
        ("StringEquals", "aws:Referer", "http://Example.com/*", REFERER, False),
        ("StringNotEquals", "aws:Referer", ["x", "http://Example.com/a"], REFERER, False),
        ("StringNotEquals", "aws:Referer", "x", REFERER, True),
        ("StringEqualsIgnoreCase", "AWS:REFERER", "HTTP://example.COM/A", REFERER, True),
        ("StringNotEqualsIgnoreCase", "aws:Referer", "HTTP://example.COM/A", REFERER, False),
        ("StringLike", "aws:Referer", "http://*/?", REFERER, True),
        ("StringNotLike", "aws:Referer", "http://*", REFERER, False),
        ("StringEquals", "aws:Referer", "x", {}, False),
        ("StringNotEquals", "aws:Referer", "x", {}, True),
        ("StringEqualsIfExists", "aws:Referer", "x", {}, True),
        ("StringEqualsIfExists", "aws:Referer", "x", REFERER, False),
        ("Null", "aws:Referer", "true", {}, True),
        ("Null", "aws:Referer", True, REFERER, False),
        ("Null", "aws:Referer", "false", REFERER, True),
        ("StringEquals", "s3:prefix", "${aws:username}/", {"query": {"prefix": "boris/"}}, True),
        ("NumericLessThanEquals", "s3:max-keys", 10, {"query": {"max-keys": "10"}}, True),
        ("NumericGreaterThan", "s3:max-keys", "10", {"query": {"max-keys": "x"}}, False),
        ("NumericNotEquals", "s3:max-keys", 10, {"query": {"max-keys": "11"}}, True),
        ("DateGreaterThan", "aws:CurrentTime", "2026-11-22T11:59:59Z", {"now_ms": NOON}, True),
        ("DateLessThan", "aws:CurrentTime", "2026-11-22", {"now_ms": NOON}, False),
        ("DateEquals", "aws:EpochTime", NOON // 1000, {"now_ms": NOON}, True),
        ("NumericEquals", "aws:EpochTime", NOON // 1000, {"now_ms": NOON}, True),
        ("Bool", "aws:SecureTransport", "true", {"secure": True}, True),
        ("Bool", "aws:SecureTransport", True, {}, False),
        ("BinaryEquals", "aws:Referer", "Zm9v", {"headers": {"referer": "Zm9v"}}, True),
        ("BinaryEquals", "aws:Referer", "Zm9v", {"headers": {"referer": "?"}}, False),
        ("IpAddress", "aws:SourceIp", ["10.0.0.0/8", "::1"], {"source": "10.1.2.3"}, True),
        ("IpAddress", "aws:SourceIp", "10.0.0.0/8", {"source": "::ffff:10.1.2.3"}, True),
        ("IpAddress", "aws:SourceIp", "10.0.0.0/8", {"source": "2001:db8::1"}, False),
        ("NotIpAddress", "aws:SourceIp", "10.0.0.0/8", {"source": "11.1.2.3"}, True),
        ("NotIpAddress", "aws:SourceIp", "10.0.0.0/8", {}, True),
        ("IpAddress", "aws:SourceIp", "10.0.0.0/8", {}, False),
        ("ArnLike", "aws:Referer", "arn:aws:s3:::a*", {"headers": {"referer": "arn:aws:s3:::abc"}}, True),
        ("ArnNotEquals", "aws:Referer", "arn:aws:s3:::a", {"headers": {"referer": "no arn"}}, True),
        ("ForAnyValue:StringEquals", "s3:RequestObjectTagKeys", "team", TAGS, True),
        ("ForAllValues:StringEquals", "s3:RequestObjectTagKeys", "team", TAGS, False),
        ("ForAllValues:StringEquals", "s3:RequestObjectTagKeys", ["team", "cost"], TAGS, True),
        ("ForAllValues:StringEquals", "s3:RequestObjectTagKeys", "team", {}, True),
        ("ForAnyValue:StringEquals", "s3:RequestObjectTagKeys", "team", {}, False),
        ("StringEquals", "s3:RequestObjectTag/team", "red", TAGS, True),
        ("StringEquals", "s3:delimiter", "/", {"query": {"delimiter": "/"}}, True),
        ("StringEquals", "s3:VersionId", "v", {"query": {"versionId": "v"}}, True),
        ("StringEquals", "s3:LocationConstraint", "eu-1", {"region": "eu-1"}, True),
        ("StringEquals", "aws:UserAgent", "x", {"headers": {"user-agent": "x"}}, True),
        ("StringEquals", "s3:x-amz-acl", "public-read", {"headers": {"x-amz-acl": "public-read"}}, True),
        (
            "StringLike",
            "s3:x-amz-copy-source",
            "b/a b*",
            {"headers": {"x-amz-copy-source": "/b/a%20b?versionId=1"}},
            True,
        ),
        (
            "StringEquals",
            "s3:object-lock-mode",
            "GOVERNANCE",
            {"headers": {"x-amz-object-lock-mode": "GOVERNANCE"}},
            True,
        ),
        (
            "NumericGreaterThan",
            "s3:object-lock-remaining-retention-days",
            "9",
            {"now_ms": NOON, "headers": {"x-amz-object-lock-retain-until-date": "2026-12-02T12:00:00Z"}},
            True,
        ),
        ("StringEquals", "s3:signatureversion", "AWS4-HMAC-SHA256", {"credentials": SIGNED}, True),
        ("StringEquals", "s3:authType", "REST-QUERY-STRING", {"credentials": SIGNED}, True),
        ("StringEquals", "s3:authType", "POST", {"form": True}, True),
        ("Null", "s3:authType", "true", {}, True),
    ],
)
def test_a_condition(word: str, key: str, value: Any, where: dict[str, Any], expected: bool) -> None:
    assert holds(word, key, value, **where) is expected


def test_who_asks_is_a_condition_too() -> None:
    assert holds("StringEquals", "aws:username", "boris")
    assert holds("StringEquals", "aws:userid", "b" * 64)
    assert holds("Null", "aws:username", "true", NOBODY)
    for caller, kind in ((BORIS, "User"), (ROOT, "Account"), (NOBODY, "Anonymous")):
        assert holds("StringEquals", "aws:PrincipalType", kind, caller)


def test_the_tags_of_an_object_are_a_condition_where_it_is_known() -> None:
    red = thing(tags={"Team": "red"})
    assert holds("StringEquals", "s3:ExistingObjectTag/Team", "red", info=red)
    assert not holds("StringEquals", "s3:ExistingObjectTag/cost", "red", info=red)
    assert not holds("StringEquals", "s3:ExistingObjectTag/Team", "red")
