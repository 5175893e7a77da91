"""Sealing and opening: what opens, what does not, and what is said then."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from proxy import crypto

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


@given(cut=st.integers(min_value=0, max_value=len(SECRET) + 28))
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


SEALED_BY_THE_FIRST_RELEASE = "01c4b380ab66871946e738980338c15a22e1b9a12b7dc9648dbc815d28d2e602a23936"
