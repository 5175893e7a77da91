"""What is written into a JSON column is read back, whatever characters are in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.models import Job
from jobs.stored_json import Decoder, Encoder

TEXTS = st.text(alphabet=st.sampled_from('a01\\"u\0\ufdd0\ufffd'), max_size=8) | st.text(max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for item in value.items():
                yield from texts(list(item))
        case list():
            for each in value:
                yield from texts(each)


@given(VALUES)
def test_it_comes_back_and_holds_no_nul(value: Any) -> None:
    text = json.dumps(value, cls=Encoder)
    assert json.loads(text, cls=Decoder) == value
    assert not any("\0" in each for each in texts(json.loads(text)))
    unescaped = json.dumps(json.loads(text), ensure_ascii=False)
    assert json.loads(unescaped, cls=Decoder) == value, "as a database writes it that does not escape"


@pytest.mark.parametrize("value", [{"a": [1, "b"]}, [], "", {"long": "x" * 1000}])
def test_what_needs_no_care_is_plain_json(value: Any) -> None:
    assert json.dumps(value, cls=Encoder) == json.dumps(value)


@pytest.mark.django_db
def test_the_notes_the_cursors_and_the_keys_of_a_job_may_hold_any_key() -> None:
    any_key = "a\0b\ufdd00"
    values = {"state": {any_key: any_key}, "kept": {"mode": ["phase", any_key]}, "keys": [any_key]}
    Job.objects.create(kind="k", subsystem="s", rule="r", **values)
    row = Job.objects.get()
    assert {name: getattr(row, name) for name in values} == values
