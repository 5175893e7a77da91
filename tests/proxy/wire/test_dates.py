"""Dates in the forms of HTTP, of S3's documents and of signatures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.dates import amz_date, http_date, iso_ms, iso_seconds, parse_amz_date, parse_http_date

MOMENT = 1445412480


def test_one_moment_in_every_form():
    assert http_date(MOMENT * 1000 + 999) == "Wed, 21 Oct 2015 07:28:00 GMT"
    assert iso_ms(MOMENT * 1000 + 7) == "2015-10-21T07:28:00.007Z"
    assert iso_seconds(MOMENT + 0.9) == "2015-10-21T07:28:00Z"
    assert amz_date(MOMENT) == "20151021T072800Z"


@pytest.mark.parametrize(
    "text",
    [
        "Wed, 21 Oct 2015 07:28:00 GMT",
        "Wednesday, 21-Oct-15 07:28:00 GMT",
        "Wed Oct 21 07:28:00 2015",
        "Wed, 21 Oct 2015 09:28:00 +0200",
        "2015-10-21T07:28:00Z",
        "2015-10-21T07:28:00.000Z",
    ],
)
def test_every_form_that_clients_send_is_read(text):
    assert parse_http_date(text) == MOMENT


@given(st.integers(0, 253402300799))
def test_what_is_written_is_read_back(second):
    assert parse_http_date(http_date(second * 1000)) == second
    assert parse_amz_date(amz_date(second)) == second


@given(st.text(max_size=80))
def test_anything_else_is_no_date(text):
    assert parse_http_date(text) is None or len(text) <= 64
    moment = parse_amz_date(text)
    assert moment is None or amz_date(moment) == text
