"""Lifecycle rules as values: what is kept of them, and when they end what."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.dates import parse_http_date
from proxy.wire.lifecycle import (
    BY_CLASS,
    DAY_MS,
    Lifecycle,
    LifecycleRule,
    abortion,
    expiration,
    lifecycle_of,
    lifecycle_text,
)

NOON = 1_700_049_600_000
DAY_AFTER = "Thu, 16 Nov 2023 12:00:00 GMT"


def text(*rules: LifecycleRule) -> str:
    return lifecycle_text(Lifecycle(rules))


def ends(*rules: LifecycleRule, key: str = "logs/1", size: int = 10, **tags: str) -> str:
    """The id of the rule that ends an object of noon, "" if none does."""
    told = expiration(text(*rules), key, size, tags, NOON)
    return told.partition('rule-id="')[2].rstrip('"')


# -- the kept text ------------------------------------------------------------------------------
def test_a_configuration_is_kept_whole_and_the_same_one_as_the_same_text() -> None:
    rule = LifecycleRule(
        "é", False, "p/", {"k": "v"}, 0, 5, None, NOON, True, 3, 2, 7, True, ("Prefix", "And")
    )
    whole = Lifecycle((rule, LifecycleRule("other", days=1)), BY_CLASS)
    assert lifecycle_of(lifecycle_text(whole)) == whole
    assert lifecycle_text(lifecycle_of(lifecycle_text(whole))) == lifecycle_text(whole)


def test_where_nothing_was_kept_there_is_no_rule() -> None:
    assert lifecycle_of("") == Lifecycle()
    assert expiration("", "k", 1, {}, NOON) == ""
    assert abortion("", "k", NOON) == {}


# -- which objects ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("filtered", "size", "tags", "matches"),
    [
        ({}, 0, {}, True),
        ({"prefix": "logs/"}, 0, {}, True),
        ({"prefix": "log"}, 0, {}, True),
        ({"prefix": "logs/1/"}, 0, {}, False),
        ({"min_size": 10}, 10, {}, False),
        ({"min_size": 10}, 11, {}, True),
        ({"min_size": 0}, 0, {}, False),
        ({"max_size": 10}, 10, {}, False),
        ({"max_size": 10}, 9, {}, True),
        ({"tags": {"a": "1"}}, 0, {}, False),
        ({"tags": {"a": "1"}}, 0, {"a": "2"}, False),
        ({"tags": {"a": "1"}}, 0, {"a": "1", "b": "2"}, True),
        ({"tags": {"a": "1", "b": "2"}}, 0, {"a": "1"}, False),
        ({"prefix": "logs/", "min_size": 1, "max_size": 3, "tags": {"a": ""}}, 2, {"a": ""}, True),
    ],
)
def test_a_filter_asks_for_all_that_it_names_and_its_sizes_are_exclusive(
    filtered: dict[str, Any], size: int, tags: dict[str, str], matches: bool
) -> None:
    assert LifecycleRule("r", **filtered).matches("logs/1", size, tags) is matches


# -- what clients are told ------------------------------------------------------------------------
def test_the_header_says_when_and_by_which_rule() -> None:
    told = expiration(text(LifecycleRule("one day", days=1)), "k", 1, {}, NOON)
    assert told == f'expiry-date="{DAY_AFTER}", rule-id="one day"'


def test_a_moment_within_a_second_is_told_as_the_second_after_it() -> None:
    assert DAY_AFTER in expiration(text(LifecycleRule("r", days=1)), "k", 1, {}, NOON - 1)
    assert DAY_AFTER not in expiration(text(LifecycleRule("r", days=1)), "k", 1, {}, NOON + 1)


def test_the_earliest_end_counts_and_of_equal_ones_the_first_rule() -> None:
    two, one, also_one = (LifecycleRule(f"r{n}", days=n) for n in (2, 1, 1))
    assert ends(two, one) == "r1"
    assert ends(LifecycleRule("first", days=1), also_one) == "first"
    assert ends(also_one, LifecycleRule("date", date_ms=NOON - DAY_MS)) == "date"


@pytest.mark.parametrize(
    "rule",
    [
        LifecycleRule("r", enabled=False, days=1),
        LifecycleRule("r", prefix="other/", days=1),
        LifecycleRule("r", tags={"a": "1"}, days=1),
        LifecycleRule("r", expired_delete_markers=True),
        LifecycleRule("r", noncurrent_days=1),
        LifecycleRule("r", abort_days=1),
    ],
)
def test_a_rule_that_does_not_end_a_current_version_is_not_told(rule: LifecycleRule) -> None:
    assert ends(rule) == ""
    assert ends(rule, LifecycleRule("other", days=5)) == "other"


def test_the_marker_of_a_directory_never_ends() -> None:
    assert ends(LifecycleRule("r", days=1), key="logs/", size=0) == ""
    assert ends(LifecycleRule("r", days=1), key="logs/", size=1) == "r"
    assert ends(LifecycleRule("r", days=1), key="logs", size=0) == "r"


def test_an_upload_is_told_when_it_is_given_up() -> None:
    kept = text(
        LifecycleRule("later", abort_days=2),
        LifecycleRule("soon", prefix="logs/", abort_days=1),
        LifecycleRule("off", enabled=False, abort_days=1),
    )
    assert abortion(kept, "logs/1", NOON) == {"x-amz-abort-date": DAY_AFTER, "x-amz-abort-rule-id": "soon"}
    assert abortion(kept, "k", NOON)["x-amz-abort-rule-id"] == "later"
    assert abortion(text(LifecycleRule("r", days=1)), "k", NOON) == {}


@given(st.text(min_size=1), st.integers(1, 2**31 - 1), st.integers(0, 2 * NOON))
def test_whatever_a_rule_is_called_the_header_can_be_sent(name: str, days: int, modified: int) -> None:
    kept = text(LifecycleRule(name.encode("utf-8", "ignore").decode(), days=days, abort_days=days))
    told = [expiration(kept, "k", 1, {}, modified), *abortion(kept, "k", modified).values()]
    assert all(one.isascii() and one.isprintable() for one in told)
    date = told[0].partition('expiry-date="')[2].partition('"')[0]
    assert parse_http_date(date) is not None
    assert told[0].count('"') == 4
