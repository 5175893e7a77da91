"""LifecycleConfiguration: read as strictly as S3 does, and given back as it was said."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import (
    InvalidArgument,
    InvalidRequest,
    InvalidTag,
    MalformedXML,
    MaxMessageLengthExceeded,
    NotImplementedByUs,
    S3Error,
)
from proxy.wire import xml
from proxy.wire.lifecycle import LifecycleRule
from proxy.wire.xml.lifecycle import MAX_BYTES, MAX_RULES
from tests.proxy.wire.test_xml_reading import NS
from tests.proxy.wire.test_xml_writing import read

GO = "<Expiration><Days>1</Days></Expiration>"
ALL = "<Filter/>"


def document(*rules: str) -> bytes:
    inner = "".join(f"<Rule>{rule}</Rule>" for rule in rules)
    return b"<LifecycleConfiguration" + NS + f">{inner}</LifecycleConfiguration>".encode()


def rules(*given: str) -> tuple[LifecycleRule, ...]:
    numbers = count(1)
    return xml.read_lifecycle(document(*given), lambda: f"made-{next(numbers)}")


def rule(where: str = ALL, actions: str = GO, *, name: str = "r", status: str = "Enabled") -> str:
    return f"<ID>{name}</ID>{where}<Status>{status}</Status>{actions}"


def one(where: str = ALL, actions: str = GO, **more: str) -> LifecycleRule:
    (found,) = rules(rule(where, actions, **more))
    return found


def tag(key: str = "k", value: str = "v") -> str:
    return f"<Tag><Key>{key}</Key><Value>{value}</Value></Tag>"


def above(size: object) -> str:
    return f"<ObjectSizeGreaterThan>{size}</ObjectSizeGreaterThan>"


def below(size: object) -> str:
    return f"<ObjectSizeLessThan>{size}</ObjectSizeLessThan>"


def expires(inner: str) -> str:
    return f"<Expiration>{inner}</Expiration>"


def noncurrent(days: object = 1, keep: object = None) -> str:
    kept = "" if keep is None else f"<NewerNoncurrentVersions>{keep}</NewerNoncurrentVersions>"
    inner = f"<NoncurrentDays>{days}</NoncurrentDays>{kept}"
    return f"<NoncurrentVersionExpiration>{inner}</NoncurrentVersionExpiration>"


def aborts(days: object = 1) -> str:
    inner = f"<DaysAfterInitiation>{days}</DaysAfterInitiation>"
    return f"<AbortIncompleteMultipartUpload>{inner}</AbortIncompleteMultipartUpload>"


PREFIX = "<Prefix>logs/</Prefix>"
MARKERS = "<ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker>"
TRANSITION = "<Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition>"
NO_MARKERS = "<ExpiredObjectDeleteMarker>false</ExpiredObjectDeleteMarker>"


# -- what is understood --------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("where", "filtered"),
    [
        (ALL, {}),
        ("<Filter><Prefix/></Filter>", {"said": ("Prefix",)}),
        (f"<Filter>{PREFIX}</Filter>", {"prefix": "logs/", "said": ("Prefix",)}),
        (f"<Filter>{tag()}</Filter>", {"tags": {"k": "v"}}),
        (f"<Filter>{above(0)}</Filter>", {"min_size": 0}),
        (f"<Filter>{below(1)}</Filter>", {"max_size": 1}),
        (
            f"<Filter><And>{PREFIX}{tag()}{tag('l', '')}{above(1)}{below(9)}</And></Filter>",
            {"prefix": "logs/", "tags": {"k": "v", "l": ""}, "min_size": 1, "max_size": 9}
            | {"said": ("Prefix", "And")},
        ),
        (f"<Filter><And>{tag()}{tag('l')}</And></Filter>", {"tags": {"k": "v", "l": "v"}, "said": ("And",)}),
        (PREFIX, {"prefix": "logs/", "prefix_at_rule": True, "said": ("Prefix",)}),
        ("<Prefix/>", {"prefix_at_rule": True, "said": ("Prefix",)}),
    ],
)
def test_a_filter_of_either_form(where: str, filtered: dict[str, Any]) -> None:
    assert one(where) == LifecycleRule("r", days=1, **filtered)


@pytest.mark.parametrize(
    ("actions", "asked"),
    [
        (expires("<Days>30</Days>"), {"days": 30}),
        (expires("<Date>2030-01-01T00:00:00.000Z</Date>"), {"date_ms": 1_893_456_000_000}),
        (expires("<Date>2030-01-01</Date>"), {"date_ms": 1_893_456_000_000}),
        (expires("<Date>2030-01-01T02:00:00+02:00</Date>"), {"date_ms": 1_893_456_000_000}),
        (expires(MARKERS), {"expired_delete_markers": True}),
        (expires(NO_MARKERS), {"said": ("ExpiredObjectDeleteMarker",)}),
        (noncurrent(3), {"noncurrent_days": 3}),
        (noncurrent(3, 100), {"noncurrent_days": 3, "noncurrent_keep": 100}),
        (aborts(7), {"abort_days": 7}),
        (aborts(7) + GO + noncurrent(2, 1), {"abort_days": 7, "days": 1, "noncurrent_days": 2}
         | {"noncurrent_keep": 1}),
    ],
)  # fmt: skip
def test_an_action(actions: str, asked: dict[str, Any]) -> None:
    assert one(actions=actions) == LifecycleRule("r", **asked)


def test_a_disabled_rule_is_kept() -> None:
    assert one(status="Disabled") == LifecycleRule("r", enabled=False, days=1)


def test_rules_without_an_id_get_one() -> None:
    found = rules(rule(), f"{ALL}<Status>Enabled</Status>{GO}", rule(name=""))
    assert [each.id for each in found] == ["r", "made-1", "made-2"]


# -- what is refused -----------------------------------------------------------------------------
REFUSED: list[tuple[type[S3Error], tuple[str, ...]]] = [
    (InvalidRequest, ()),
    (InvalidRequest, (rule(),) * (MAX_RULES + 1)),
    (InvalidArgument, (rule(), rule())),
    (InvalidArgument, (rule(name="r" * 256),)),
    # Its frame.
    (MalformedXML, (rule(status="enabled"),)),
    (MalformedXML, (rule(status=""),)),
    (MalformedXML, (rule() + "<Other/>",)),
    (MalformedXML, (rule() + GO,)),
    (MalformedXML, (rule(""),)),
    (MalformedXML, (rule(PREFIX + ALL),)),
    (InvalidRequest, (rule(actions=""),)),
    # Its filter.
    (MalformedXML, (rule(f"<Filter>{PREFIX}{tag()}</Filter>"),)),
    (MalformedXML, (rule(f"<Filter>{PREFIX}<And>{tag()}{tag('l')}</And></Filter>"),)),
    (MalformedXML, (rule(f"<Filter><And>{PREFIX}</And></Filter>"),)),
    (MalformedXML, (rule(f"<Filter><And>{PREFIX}{PREFIX}</And></Filter>"),)),
    (MalformedXML, (rule("<Filter><Other/></Filter>"),)),
    (MalformedXML, (rule("<Filter><Prefix><Prefix/></Prefix></Filter>"),)),
    (MalformedXML, (rule("<Filter><Tag><Key>k</Key></Tag></Filter>"),)),
    (InvalidRequest, (rule(f"<Filter><And>{tag()}{tag('k', 'w')}</And></Filter>"),)),
    (InvalidTag, (rule(f"<Filter>{tag('')}</Filter>"),)),
    (InvalidTag, (rule("<Filter><And>" + "".join(tag(f"k{n}") for n in range(11)) + "</And></Filter>"),)),
    (InvalidRequest, (rule(f"<Filter><Prefix>{'p' * 1025}</Prefix></Filter>"),)),
    (InvalidRequest, (rule(f"<Filter>{below(0)}</Filter>"),)),
    (InvalidRequest, (rule(f"<Filter>{above(-1)}</Filter>"),)),
    (InvalidRequest, (rule(f"<Filter>{above(2**51)}</Filter>"),)),
    (MalformedXML, (rule(f"<Filter>{above('1K')}</Filter>"),)),
    (InvalidRequest, (rule(f"<Filter><And>{above(5)}{below(5)}</And></Filter>"),)),
    # Its actions.
    (MalformedXML, (rule(actions="<Expiration/>"),)),
    (MalformedXML, (rule(actions=expires("<Days>1</Days><Date>2030-01-01</Date>")),)),
    (MalformedXML, (rule(actions=expires("<Days>1</Days>" + MARKERS)),)),
    (MalformedXML, (rule(actions=expires("<Days>soon</Days>")),)),
    (MalformedXML, (rule(actions=expires("<Days/>")),)),
    (MalformedXML, (rule(actions=expires(f"<Days>{'9' * 5000}</Days>")),)),
    (InvalidArgument, (rule(actions=expires("<Days>0</Days>")),)),
    (InvalidArgument, (rule(actions=expires("<Days>-1</Days>")),)),
    (InvalidArgument, (rule(actions=expires(f"<Days>{2**31}</Days>")),)),
    (InvalidArgument, (rule(actions=expires("<Date>2030-01-01T01:00:00Z</Date>")),)),
    (MalformedXML, (rule(actions=expires("<Date>Fri, 01 Jan 2016 00:00:00 GMT</Date>")),)),
    (MalformedXML, (rule(actions=expires("<ExpiredObjectDeleteMarker>yes</ExpiredObjectDeleteMarker>")),)),
    (InvalidRequest, (rule(f"<Filter>{tag()}</Filter>", expires(MARKERS)),)),
    (InvalidRequest, (rule(f"<Filter>{above(1)}</Filter>", expires(NO_MARKERS)),)),
    (MalformedXML, (rule(actions="<NoncurrentVersionExpiration/>"),)),
    (MalformedXML, (rule(actions=noncurrent(1, 1).replace("<NoncurrentDays>1</NoncurrentDays>", "")),)),
    (InvalidArgument, (rule(actions=noncurrent(0)),)),
    (InvalidArgument, (rule(actions=noncurrent(1, 0)),)),
    (InvalidArgument, (rule(actions=noncurrent(1, 101)),)),
    (MalformedXML, (rule(actions="<AbortIncompleteMultipartUpload/>"),)),
    (InvalidArgument, (rule(actions=aborts(0)),)),
    (InvalidRequest, (rule(f"<Filter>{tag()}</Filter>", aborts()),)),
    (InvalidRequest, (rule(f"<Filter>{below(5)}</Filter>", aborts()),)),
    # Both forms together, and what the older one does not have.
    (InvalidRequest, (rule(PREFIX), rule(name="s"))),
    (InvalidRequest, (rule(), rule(PREFIX, name="s"))),
    (InvalidRequest, (rule(PREFIX, noncurrent(1, 1)),)),
    # Storage classes.
    (NotImplementedByUs, (rule() + TRANSITION,)),
    (NotImplementedByUs, (rule(actions="<NoncurrentVersionTransition/>"),)),
]  # fmt: skip


@pytest.mark.parametrize(("error", "given"), REFUSED, ids=range(len(REFUSED)))
def test_what_s3_refuses_is_refused(error: type[S3Error], given: tuple[str, ...]) -> None:
    with pytest.raises(S3Error) as found:
        rules(*given)
    assert type(found.value) is error, found.value.message


def test_what_cannot_be_is_named() -> None:
    with pytest.raises(NotImplementedByUs, match="storage class") as found:
        rules(rule() + TRANSITION)
    assert found.value.fields["Element"] == "Transition"


def test_a_document_is_bounded_and_a_thousand_rules_fit() -> None:
    assert len(rules(*(rule(name=f"rule-{number}") for number in range(MAX_RULES)))) == MAX_RULES
    with pytest.raises(MaxMessageLengthExceeded):
        xml.read_lifecycle(document(rule()) + b" " * MAX_BYTES, str)


@pytest.mark.parametrize(
    "content", [b"", b"<LifecycleConfiguration><Other/></LifecycleConfiguration>", b"<Rule/>"]
)
def test_another_document_is_malformed(content: bytes) -> None:
    with pytest.raises(MalformedXML):
        xml.read_lifecycle(content, str)


ELEMENTS = [
    "Rule", "ID", "Status", "Filter", "And", "Prefix", "Tag", "Key", "Value", "ObjectSizeGreaterThan",
    "ObjectSizeLessThan", "Expiration", "Days", "Date", "ExpiredObjectDeleteMarker",
    "NoncurrentVersionExpiration", "NoncurrentDays", "NewerNoncurrentVersions",
    "AbortIncompleteMultipartUpload", "DaysAfterInitiation", "Transition",
]  # fmt: skip
TREES = st.recursive(
    st.sampled_from(["", "Enabled", "1", "-1", "true", "2030-01-01", "0001-01-01", "a", "&#x1;", "é"]),
    lambda inner: st.builds(
        lambda name, parts: f"<{name}>{''.join(parts)}</{name}>",
        st.sampled_from(ELEMENTS),
        st.lists(inner, max_size=5),
    ),
    max_leaves=20,
)


@settings(max_examples=300)
@given(st.lists(TREES, max_size=6), st.sampled_from([ALL, PREFIX]))
def test_no_document_raises_anything_but_an_s3_error(parts: list[str], where: str) -> None:
    for content in (document(rule(where, "".join(parts))), document("".join(parts))):
        try:
            xml.lifecycle(xml.read_lifecycle(content, str))
        except S3Error:
            pass


# -- giving it back --------------------------------------------------------------------------------
def test_it_is_given_back_as_boto3_said_it() -> None:
    given = rules(
        rule(f"<Filter><And>{PREFIX}{tag()}{above(0)}{below(9)}</And></Filter>", GO, name="and"),
        rule(ALL, aborts(2) + noncurrent(3, 4), name="all", status="Disabled"),
        rule("<Filter><Prefix/></Filter>", expires(MARKERS), name="empty prefix"),
        rule(f"<Filter>{tag()}</Filter>", expires("<Date>2030-01-01</Date>"), name="tag"),
        rule(ALL, expires(NO_MARKERS), name="said nothing"),
    )
    assert read("GetBucketLifecycleConfiguration", xml.lifecycle(given))["Rules"] == [
        {
            "ID": "and",
            "Filter": {
                "And": {"Prefix": "logs/", "Tags": [{"Key": "k", "Value": "v"}]}
                | {"ObjectSizeGreaterThan": 0, "ObjectSizeLessThan": 9}
            },
            "Status": "Enabled",
            "Expiration": {"Days": 1},
        },
        {
            "ID": "all",
            "Filter": {},
            "Status": "Disabled",
            "NoncurrentVersionExpiration": {"NoncurrentDays": 3, "NewerNoncurrentVersions": 4},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2},
        },
        {
            "ID": "empty prefix",
            "Filter": {"Prefix": ""},
            "Status": "Enabled",
            "Expiration": {"ExpiredObjectDeleteMarker": True},
        },
        {
            "ID": "tag",
            "Filter": {"Tag": {"Key": "k", "Value": "v"}},
            "Status": "Enabled",
            "Expiration": {"Date": datetime(2030, 1, 1, tzinfo=UTC)},
        },
        {
            "ID": "said nothing",
            "Filter": {},
            "Status": "Enabled",
            "Expiration": {"ExpiredObjectDeleteMarker": False},
        },
    ]


NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff")
)
DAYS = st.none() | st.integers(1, 2**31 - 1)


@st.composite
def some_rule(draw: Any, older: bool) -> LifecycleRule:
    tags = {} if older else draw(st.dictionaries(st.sampled_from("abc"), st.sampled_from(["", "x y"])))
    low = None if older else draw(st.none() | st.integers(0, 99))
    prefix = draw(NAMES)
    many = len(tags) + (low is not None) + 1 > 1
    free = not tags and low is None
    return LifecycleRule(
        draw(NAMES.filter(lambda text: 0 < len(text) <= 255)),
        draw(st.booleans()),
        prefix,
        tags,
        low,
        days=draw(st.integers(1, 9)),
        noncurrent_days=(days := draw(DAYS)),
        noncurrent_keep=draw(st.integers(0, 100)) if days and not older else 0,
        abort_days=draw(DAYS) if free else None,
        prefix_at_rule=older,
        said=("Prefix", "And") if many and not older else ("Prefix",),
    )


@given(st.booleans().flatmap(lambda older: st.lists(some_rule(older), min_size=1, max_size=4)))
def test_what_is_given_back_is_read_as_what_it_was(found: list[LifecycleRule]) -> None:
    found = list({each.id: each for each in found}.values())
    assert xml.read_lifecycle(xml.lifecycle(found), str) == tuple(found)
