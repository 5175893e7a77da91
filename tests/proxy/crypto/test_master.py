"""Sealing and opening: what opens, what does not, and what is said then."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from proxy import crypto, secrets

SECRET = b"wJalrXUtnFEMI/K7MDENG"


def test_a_sealed_secret_opens_with_its_context_and_hides_the_plain_text() -> None:
    sealed = crypto.seal(SECRET, b"access key a")
    assert crypto.open_sealed(sealed, b"access key a") == SECRET
    assert SECRET not in sealed


def test_sealing_twice_gives_two_different_results() -> None:
    assert crypto.seal(SECRET, b"c") != crypto.seal(SECRET, b"c")


def test_a_secret_that_was_moved_to_another_row_does_not_open() -> None:
    with pytest.raises(crypto.WrongKey):
        crypto.open_sealed(crypto.seal(SECRET, b"access key a"), b"access key b")


@given(position=st.integers(min_value=0), bit=st.integers(min_value=0, max_value=7))
def test_one_altered_bit_anywhere_is_noticed(position: int, bit: int) -> None:
    sealed = bytearray(crypto.seal(SECRET, b"c"))
    sealed[position % len(sealed)] ^= 1 << bit
    with pytest.raises(crypto.WrongKey):
        crypto.open_sealed(bytes(sealed), b"c")


@given(cut=st.integers(min_value=0, max_value=len(SECRET) + 32))
def test_a_shortened_secret_is_refused_and_nothing_else_is_raised(cut: int) -> None:
    with pytest.raises(crypto.WrongKey):
        crypto.open_sealed(crypto.seal(SECRET, b"c")[:cut], b"c")


def test_another_master_key_is_named_as_the_reason(settings: Settings) -> None:
    sealed = crypto.seal(SECRET, b"c")
    settings.MASTER_KEY = "another"
    with pytest.raises(crypto.WrongKey, match="does not open with this SLUICEGATE_MASTER_KEY"):
        crypto.open_sealed(sealed, b"c")


def test_without_a_master_key_nothing_is_sealed_or_opened(settings: Settings) -> None:
    sealed = crypto.seal(SECRET, b"c")
    settings.MASTER_KEY = ""
    for attempt in (lambda: crypto.seal(SECRET, b"c"), lambda: crypto.open_sealed(sealed, b"c")):
        with pytest.raises(crypto.NoKey, match="is not set"):
            attempt()


def test_secrets_that_were_sealed_by_the_first_release_still_open(settings: Settings) -> None:
    settings.MASTER_KEY = "0123456789abcdef"
    sealed = bytes.fromhex(SEALED_BY_THE_FIRST_RELEASE)
    assert crypto.open_sealed(sealed, b"access key AKIDEXAMPLE") == b"secret"


def test_the_newest_key_of_the_ring_seals_and_any_opens(settings: Settings) -> None:
    settings.MASTER_KEY = "first key"
    by_first = crypto.seal(SECRET, b"c")
    settings.MASTER_KEY = "first key, second key"
    by_second = crypto.seal(SECRET, b"c")
    assert crypto.open_sealed(by_first, b"c") == crypto.open_sealed(by_second, b"c") == SECRET
    settings.MASTER_KEY = "second key"
    assert crypto.open_sealed(by_second, b"c") == SECRET
    with pytest.raises(crypto.WrongKey):
        crypto.open_sealed(by_first, b"c")


def test_a_secret_of_the_first_release_opens_with_whichever_key_of_the_ring_sealed_it(
    settings: Settings,
) -> None:
    sealed = bytes.fromhex(SEALED_BY_THE_FIRST_RELEASE)
    for ring in ("0123456789abcdef,newest", "oldest, 0123456789abcdef"):
        settings.MASTER_KEY = ring
        assert crypto.open_sealed(sealed, b"access key AKIDEXAMPLE") == b"secret"


def test_a_ring_of_commas_is_no_key(settings: Settings) -> None:
    settings.MASTER_KEY = " , "
    with pytest.raises(crypto.NoKey):
        crypto.seal(SECRET, b"c")


def test_the_head_names_the_key_that_sealed_it(settings: Settings) -> None:
    settings.MASTER_KEY = "first key,second key"
    sealed = crypto.seal(SECRET, b"c")
    assert secrets.is_sealed_with(sealed, "second key")
    assert not secrets.is_sealed_with(sealed, "first key")
    assert secrets.head_of("first key") != secrets.head_of("second key")


SEALED_BY_THE_FIRST_RELEASE = "01c4b380ab66871946e738980338c15a22e1b9a12b7dc9648dbc815d28d2e602a23936"
