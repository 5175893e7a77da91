"""Every combination of conditions, as a truth table, for reads and for the source of a copy."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import NotModified, PreconditionFailed, S3Error
from proxy.wire.conditions import (
    WriteCondition,
    check_copy_source,
    check_read,
    range_holds,
    write_condition,
)
from proxy.wire.dates import http_date

ETAG = "0123456789abcdef0123456789abcdef"
CHANGED = 1_700_000_000_500
BEFORE, SAME, AFTER = (http_date(CHANGED + offset) for offset in (-60_000, 0, 60_000))

IF_MATCH = {None: None, "holds": f'"{ETAG}"', "fails": '"other"'}
UNMODIFIED = {None: None, "holds": SAME, "fails": BEFORE}
NONE_MATCH = {None: None, "holds": '"other"', "fails": f'"{ETAG}"'}
MODIFIED = {None: None, "holds": BEFORE, "fails": SAME}
COMBINATIONS = list(itertools.product(IF_MATCH, UNMODIFIED, NONE_MATCH, MODIFIED))


def expected(match: str | None, unmodified: str | None, none_match: str | None, modified: str | None) -> int:
    """RFC 9110, 13.2.2, written down a second time."""
    if match == "fails" or (match is None and unmodified == "fails"):
        return 412
    if none_match == "fails" or (none_match is None and modified == "fails"):
        return 304
    return 200


def given_headers(combination: tuple[str | None, ...], prefix: str = "") -> dict[str, str]:
    match, unmodified, none_match, modified = combination
    headers = {
        "if-match": IF_MATCH[match],
        "if-unmodified-since": UNMODIFIED[unmodified],
        "if-none-match": NONE_MATCH[none_match],
        "if-modified-since": MODIFIED[modified],
    }
    return {prefix + name: value for name, value in headers.items() if value is not None}


def outcome(check, headers: dict[str, str]) -> int:
    try:
        check(headers, ETAG, CHANGED)
    except (NotModified, PreconditionFailed) as error:
        return error.status
    return 200


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_reads_follow_the_precedence_of_rfc_9110(combination):
    assert outcome(check_read, given_headers(combination)) == expected(*combination)


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_the_source_of_a_copy_answers_412_where_a_read_answers_304(combination):
    headers = given_headers(combination, "x-amz-copy-source-")
    assert outcome(check_copy_source, headers) == {304: 412}.get(
        expected(*combination), expected(*combination)
    )
    assert outcome(check_copy_source, given_headers(combination)) == 200


def test_not_modified_says_which_version_the_client_has():
    with pytest.raises(NotModified) as caught:
        check_read({"if-none-match": ETAG}, ETAG, CHANGED)
    assert caught.value.headers == {"ETag": f'"{ETAG}"', "Last-Modified": SAME}


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("*", 304),
        (ETAG, 304),
        (f'"{ETAG}"', 304),
        (f'W/"{ETAG}"', 304),
        (f'"other", "{ETAG}"', 304),
        (f'"{ETAG.upper()}"', 200),
        ("", 200),
        ('"', 200),
        (",,", 200),
    ],
)
def test_forms_of_if_none_match(header, status):
    assert outcome(check_read, {"if-none-match": header}) == status


@pytest.mark.parametrize(
    ("header", "status"),
    [("*", 200), (ETAG, 200), (f'"a","{ETAG}"', 200), (f'W/"{ETAG}"', 412), ("", 412), ('"a"', 412)],
)
def test_forms_of_if_match(header, status):
    assert outcome(check_read, {"if-match": header}) == status


@pytest.mark.parametrize("text", ["", "soon", "Wed, 99 Foo 2015", "-1", "9" * 100, "2015-13-13"])
def test_dates_that_are_none_are_passed_over(text):
    assert outcome(check_read, {"if-modified-since": text}) == 200
    assert outcome(check_read, {"if-unmodified-since": text}) == 200


@pytest.mark.parametrize(("date", "status"), [(BEFORE, 200), (SAME, 304), (AFTER, 304)])
def test_dates_count_in_whole_seconds(date, status):
    assert outcome(check_read, {"if-modified-since": date}) == status


@pytest.mark.parametrize(
    ("if_range", "holds"),
    [
        (None, True),
        (f'"{ETAG}"', True),
        (ETAG, True),
        ('"other"', False),
        (f'W/"{ETAG}"', False),
        (SAME, True),
        (BEFORE, False),
        (AFTER, False),
        ("soon", False),
    ],
)
def test_if_range_serves_the_range_only_of_that_very_version(if_range, holds):
    assert range_holds(if_range, ETAG, CHANGED) is holds


@pytest.mark.parametrize(
    ("headers", "condition"),
    [
        ({}, WriteCondition()),
        ({"if-none-match": "*"}, WriteCondition(absent=True)),
        ({"if-none-match": '"a", "b"'}, WriteCondition(none_of=("a", "b"))),
        ({"if-match": '"a"'}, WriteCondition(etags=("a",))),
        ({"if-match": "a,*"}, WriteCondition(etags=("a", "*"))),
        ({"if-match": 'W/"a"'}, WriteCondition(etags=("",))),
        ({"if-match": ""}, WriteCondition(etags=("",))),
    ],
)
def test_conditions_of_writes(headers, condition):
    assert write_condition(headers) == condition
    assert write_condition(headers).given is bool(headers)


NAMES = st.sampled_from(["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"])


@given(st.dictionaries(NAMES, st.text(max_size=40)))
def test_no_condition_raises_anything_but_an_s3_error(headers):
    try:
        check_read(headers, ETAG, CHANGED)
    except S3Error:
        pass
    write_condition(headers)
