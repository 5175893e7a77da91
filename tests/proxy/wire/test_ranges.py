"""Ranges as a truth table over an object of ten bytes, and over an empty one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import InvalidArgument, InvalidRange, S3Error
from proxy.wire.ranges import content_range, parse_copy_range, parse_range

REFUSED = "refused"
WHOLE = None

TABLE = [
    # header, of 10 bytes, of 0 bytes
    (None, WHOLE, WHOLE),
    ("", WHOLE, WHOLE),
    ("bytes=0-0", (0, 1), REFUSED),
    ("bytes=0-9", (0, 10), REFUSED),
    ("bytes=0-", (0, 10), REFUSED),
    ("bytes=3-5", (3, 6), REFUSED),
    ("bytes=3-99", (3, 10), REFUSED),
    ("bytes=9-", (9, 10), REFUSED),
    ("bytes=10-", REFUSED, REFUSED),
    ("bytes=10-20", REFUSED, REFUSED),
    ("bytes=-1", (9, 10), REFUSED),
    ("bytes=-10", (0, 10), REFUSED),
    ("bytes=-99", (0, 10), REFUSED),
    ("bytes=-0", REFUSED, REFUSED),
    ("BYTES=1-2", (1, 3), REFUSED),
    ("bytes= 1-2 ", (1, 3), REFUSED),
    ("bytes=5-4", WHOLE, WHOLE),
    ("bytes=-", WHOLE, WHOLE),
    ("bytes=", WHOLE, WHOLE),
    ("bytes=a-b", WHOLE, WHOLE),
    ("bytes=1-2,4-5", WHOLE, WHOLE),
    ("bytes 1-2", WHOLE, WHOLE),
    ("bytes=1 - 2", WHOLE, WHOLE),
    ("bytes=--1", WHOLE, WHOLE),
    ("bytes=+1-2", WHOLE, WHOLE),
    ("bytes=٣-٤", WHOLE, WHOLE),
    ("items=0-1", WHOLE, WHOLE),
    ("bytes=" + "9" * 5000 + "-", REFUSED, REFUSED),
    ("bytes=0-" + "9" * 5000, (0, 10), REFUSED),
    ("bytes=-" + "9" * 5000, (0, 10), REFUSED),
]
CASES = [(header, 10, ten) for header, ten, _ in TABLE] + [(header, 0, none) for header, _, none in TABLE]


@pytest.mark.parametrize(("header", "size", "expected"), CASES)
def test_the_table_of_ranges(header, size, expected):
    if expected == REFUSED:
        with pytest.raises(InvalidRange) as caught:
            parse_range(header, size)
        assert caught.value.fields == {"ActualObjectSize": str(size), "RangeRequested": header}
        assert caught.value.headers == {"Content-Range": f"bytes */{size}"}
    else:
        assert parse_range(header, size) == expected


@given(st.text(max_size=30) | st.from_regex(r"bytes=\d*-\d*", fullmatch=True), st.integers(0, 2**50))
def test_a_range_lies_within_the_object_or_is_none(header, size):
    try:
        found = parse_range(header, size)
    except InvalidRange:
        return
    if found is not None:
        start, end = found
        assert 0 <= start < end <= size


def test_content_range_counts_to_the_last_byte():
    assert content_range(0, 1, 10) == "bytes 0-0/10"


@pytest.mark.parametrize(("header", "expected"), [("bytes=0-0", (0, 1)), ("bytes=3-9", (3, 10))])
def test_a_copy_range_lies_within_its_source(header, expected):
    assert parse_copy_range(header, 10) == expected


@pytest.mark.parametrize(
    "header",
    [
        "",
        "0-2",
        "bytes=0",
        "bytes=hello-world",
        "bytes=0-bar",
        "bytes=0-2,3-5",
        "bytes=5-4",
        "bytes=0-",
        "bytes=-1",
        "bytes=0-" + "9" * 5000,
    ],
)
def test_copy_ranges_that_do_not_are_refused(header):
    with pytest.raises(InvalidArgument):
        parse_copy_range(header, 10)


@pytest.mark.parametrize("header", ["bytes=0-10", "bytes=10-10"])
def test_copy_ranges_that_end_behind_their_source_are_refused(header):
    with pytest.raises(InvalidRange):
        parse_copy_range(header, 10)


@given(st.text(max_size=30))
def test_no_copy_range_raises_anything_but_an_s3_error(header):
    try:
        parse_copy_range(header, 10)
    except S3Error:
        pass
