"""Conditions of a delete, read from its headers."""

from __future__ import annotations

import pytest

from proxy.errors import InvalidArgument
from proxy.handlers.parameters import delete_condition

SIZE, TIME = "x-amz-if-match-size", "x-amz-if-match-last-modified-time"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, (None, None)),
        ({SIZE: "0"}, (0, None)),
        ({TIME: "Wed, 21 Oct 2015 07:28:00 GMT"}, (None, 1445412480000)),
        ({SIZE: "12", TIME: "2015-10-21T07:28:00Z"}, (12, 1445412480000)),
    ],
)
def test_size_and_time_are_read(headers: dict[str, str], expected: tuple[int | None, int | None]) -> None:
    assert delete_condition(headers) == expected


@pytest.mark.parametrize("headers", [{SIZE: ""}, {SIZE: "-1"}, {SIZE: "9" * 19}, {SIZE: "²"}, {TIME: "soon"}])
def test_a_condition_that_is_none_is_not_passed_over(headers: dict[str, str]) -> None:
    with pytest.raises(InvalidArgument):
        delete_condition(headers)
