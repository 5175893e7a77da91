"""Wraps: what they bind, and what is said when they do not open."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.crypto.ring import EmptyRing, MissingKey, Ring
from proxy.crypto.wraps import (
    Bound,
    WrappingKey,
    WrongWrap,
    bucket_wrapping,
    customer_wrapping,
    is_ahead,
    kind_and_key,
    name_of,
    root_of,
    unwrap_bucket_key,
    unwrap_data_key,
    wrap_ahead,
    wrap_bucket_key,
    wrap_data_key,
)

DATA_KEY = bytes(range(32))
BY = bucket_wrapping("0123456789abcdef", b"k" * 32)
SEGMENTS = [("00" * 16, 5, 357), ("11" * 16, 7, 359)]
BOUND = Bound("bucket", "a/key", "version", 12, "etag", root_of(SEGMENTS))
BOUND_PAYLOAD = "ABcBD7KCjefr-E6_DFvKa7OoxkxOYfgqZkzzm9JwRLF5HE6CKQ21Y8Wju5eJBxXZR3OnHEoVZCDBgf3NxA"
AHEAD_PAYLOAD = "AV2p0bN3V7a0ZabUMGHpPkIZgti1k1pyj06bJW4fajibgPwB6tNXoabi-92IYVum6ETYS6uxGo1f-Cjf_Q"
WORD = st.text(max_size=12)


@given(bucket=WORD, key=WORD, version=WORD, size=st.integers(0), etag=WORD)
def test_a_data_key_comes_back_for_what_it_is_bound_to(
    bucket: str, key: str, version: str, size: int, etag: str
) -> None:
    bound = Bound(bucket, key, version, size, etag, "root")
    assert unwrap_data_key(wrap_data_key(DATA_KEY, BY, bound), BY, bound) == DATA_KEY


@pytest.mark.parametrize(
    "change",
    [
        {"bucket_id": "another"},
        {"key": "a/kez"},
        {"version_id": "null"},
        {"size": 13},
        {"etag": "etah"},
        {"root": root_of(reversed(SEGMENTS))},
        {"root": root_of([*SEGMENTS[:1], ("11" * 16, 8, 360)])},
        {"bucket_id": "bucketa", "key": "/key"},
        {"version_id": "version1", "size": 2},
    ],
)
def test_a_data_key_does_not_open_for_anything_else(change: dict[str, object]) -> None:
    wrap = wrap_data_key(DATA_KEY, BY, BOUND)
    with pytest.raises(WrongWrap, match="altered, or is that of something else"):
        unwrap_data_key(wrap, BY, replace(BOUND, **change))  # type: ignore[arg-type]


@given(at=st.integers(0), sign=st.sampled_from("AQgwz019_-."))
def test_one_altered_sign_anywhere_in_a_wrap_is_noticed(at: int, sign: str) -> None:
    wrap = wrap_data_key(DATA_KEY, BY, BOUND)
    at %= len(wrap)
    altered = wrap[:at] + sign + wrap[at + 1 :]
    if altered != wrap:
        with pytest.raises(WrongWrap):
            unwrap_data_key(altered, BY, BOUND)


@given(text=st.text(max_size=100))
def test_what_is_no_wrap_is_said_to_be_none(text: str) -> None:
    with pytest.raises(WrongWrap):
        unwrap_data_key(text, BY, BOUND)


@pytest.mark.parametrize(
    "by",
    [
        WrappingKey(BY.kind, BY.id, b"x" * 32),
        WrappingKey(BY.kind, "fedcba9876543210", BY.key),
        WrappingKey("c", BY.id, BY.key),
    ],
    ids=["other bytes", "another id", "another kind"],
)
def test_another_key_does_not_open_a_wrap(by: WrappingKey) -> None:
    with pytest.raises(WrongWrap):
        unwrap_data_key(wrap_data_key(DATA_KEY, BY, BOUND), by, BOUND)


def test_a_wrap_made_ahead_binds_bucket_and_key_alone() -> None:
    wrap = wrap_ahead(DATA_KEY, BY, "bucket", "a/key")
    assert is_ahead(wrap)
    assert unwrap_data_key(wrap, BY, BOUND) == DATA_KEY
    for change in ({"bucket_id": "another"}, {"key": "b"}):
        with pytest.raises(WrongWrap):
            unwrap_data_key(wrap, BY, replace(BOUND, **change))


def test_neither_form_of_a_wrap_passes_for_the_other() -> None:
    bound = Bound("bucket", "a/key")
    for wrap, form in (
        (wrap_data_key(DATA_KEY, BY, bound), "AQ"),
        (wrap_ahead(DATA_KEY, BY, "b", "k"), "AA"),
    ):
        head, _, payload = wrap.rpartition(".")
        with pytest.raises(WrongWrap):
            unwrap_data_key(f"{head}.{form}{payload[2:]}", BY, bound)


def test_a_wrap_names_its_key_and_two_wraps_of_one_key_are_counted_together() -> None:
    customer = customer_wrapping(b"c" * 32)
    for by in (BY, customer):
        one, two = wrap_data_key(DATA_KEY, by, BOUND), wrap_ahead(DATA_KEY, by, "b", "k")
        assert one != wrap_data_key(DATA_KEY, by, BOUND)
        assert kind_and_key(one) == kind_and_key(two) == f"v1.{by.kind}.{by.id}"
        for text in (one, kind_and_key(two)):
            assert (name_of(text).kind, name_of(text).key_id) == (by.kind, by.id)


def test_the_id_of_a_customers_key_is_the_md5_that_clients_send() -> None:
    assert customer_wrapping(b"0" * 32).id == "zZ5FnqcIqUjVwvWmyog4zw=="


def test_no_key_is_shown() -> None:
    assert "kkk" not in repr(BY) and "6b6b" not in repr(Ring([("one", b"k" * 32)]).newest)


def test_a_bucket_key_opens_with_the_ring_key_that_wrapped_it_and_for_its_bucket_alone() -> None:
    old = Ring([("one", b"1" * 32)])
    wrap = wrap_bucket_key(DATA_KEY, "id", "bucket", old)
    both = Ring([("one", b"1" * 32), ("two", b"2" * 32)])
    assert kind_and_key(wrap) == "v1.r.one"
    assert unwrap_bucket_key(wrap, "id", "bucket", both) == DATA_KEY
    assert kind_and_key(wrap_bucket_key(DATA_KEY, "id", "bucket", both)) == "v1.r.two"
    for key_id, bucket in (("id", "another"), ("other", "bucket"), ("bucket", "id")):
        with pytest.raises(WrongWrap):
            unwrap_bucket_key(wrap, key_id, bucket, both)
    with pytest.raises(WrongWrap):
        unwrap_bucket_key(wrap, "id", "bucket", Ring([("one", b"2" * 32)]))


def test_a_missing_ring_key_is_named_together_with_those_that_are_there() -> None:
    wrap = wrap_bucket_key(DATA_KEY, "id", "bucket", Ring([("k-2025", b"1" * 32)]))
    with pytest.raises(MissingKey, match=r"'k-2025' is wanted; the ring has: a, b\."):
        unwrap_bucket_key(wrap, "id", "bucket", Ring([("a", b"a" * 32), ("b", b"b" * 32)]))
    with pytest.raises(MissingKey, match="the ring has: no key"):
        unwrap_bucket_key(wrap, "id", "bucket", Ring())
    with pytest.raises(EmptyRing):
        wrap_bucket_key(DATA_KEY, "id", "bucket", Ring())


@pytest.mark.parametrize("payload", [BOUND_PAYLOAD, AHEAD_PAYLOAD])
def test_wraps_of_the_first_release_still_open(payload: str) -> None:
    assert unwrap_data_key(f"v1.b.{BY.id}.{payload}", BY, BOUND) == DATA_KEY
