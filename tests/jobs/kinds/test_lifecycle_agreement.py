"""A run does what its preview has shown: any rules, over any versions, on a clock that stands still."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.backends.values import Lock
from proxy.store import Store
from tests.jobs.kinds.ruling import DAY_S, aged, bucket_of, preview, rule, run, spec
from tests.jobs.kinds.world import keys, mark, versions

pytestmark = pytest.mark.usefixtures("backends")

_times = st.sampled_from([None, 0, DAY_S, 10 * DAY_S, 30 * DAY_S])
_about = {
    "prefix": st.sampled_from(["", "", "a", "b/"]),
    "tags": st.sampled_from([{}, {}, {}, {"t": "1"}]),
    "min_size": st.sampled_from([None, None, 3]),
    "max_size": st.sampled_from([None, None, 6]),
    "exclude_globs": st.sampled_from([[], ["*x"]]),
}
_deleting = st.fixed_dictionaries({**_about, "action": st.just("delete"), "after_s": _times.filter(bool)})
_retaining = st.fixed_dictionaries(
    {
        **_about,
        "action": st.just("retain-newest"),
        "count": st.integers(1, 3),
        "protect_younger_than_s": _times,
    }
)
_removing = st.fixed_dictionaries(
    {
        **_about,
        "noncurrent_after_s": _times,
        "noncurrent_keep": st.integers(0, 2),
        "expired_delete_markers": st.booleans(),
    }
)
_rules = st.lists(st.one_of(_deleting, _retaining, _removing), min_size=1, max_size=3)
_key = st.sampled_from(["a", "ax", "b/", "b/c", "b/cx"])
_writes = st.lists(
    st.tuples(
        _key,
        st.sampled_from(["put", "put", "mark"]),
        st.integers(0, 7),
        st.sampled_from([{}, {"t": "1"}]),
        st.booleans(),
    ),
    max_size=12,
)
Version = tuple[str, str]


def fill(store: Store, writes: list[tuple[str, str, int, dict[str, str], bool]], *, versioned: bool) -> None:
    """The writes in their order, each a day younger than the one before."""
    for number, (key, what, size, tags, held) in enumerate(writes):
        if what == "mark" and versioned:
            mark(store, key, f"m{number}")
        elif what == "put":
            version = {"version_id": f"v{number}", "lock": Lock(hold=held)} if versioned else {}
            aged(store, key, 40 - number, b"x" * size, tags=tags, **version)


def there(store: Store) -> set[Version]:
    return {(info.key, info.version_id) for info in versions(store)}


@pytest.mark.parametrize("versioned", [False, True], ids=["without versions", "versioned"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(_rules, _writes)
def test_what_goes_is_what_was_shown_and_nothing_else(
    versioned: bool, rules: list[dict[str, Any]], writes: list[Any]
) -> None:
    store = bucket_of(f"b-{uuid.uuid4().hex[:12]}", locked=versioned)
    fill(store, writes, versioned=versioned)
    named = [rule(f"rule {number}", **said) for number, said in zip(itertools.count(), rules, strict=False)]
    asked = spec(*named, bucket=store.place.bucket)
    before, visible = there(store), set(keys(store))
    told = preview(asked, in_days=1)
    assert there(store) == before
    saved = run(asked, in_days=1)
    gone = before - there(store)
    shown = {(row["key"], row["version_id"]) for row in told["candidates"] if row["action"] != "delete"}
    hidden = {row["key"] for row in told["candidates"] if row["action"] == "delete"}
    assert gone == shown | (set() if versioned else {(key, "null") for key in hidden})
    assert visible - set(keys(store)) == hidden
    assert saved.deleted == len(told["candidates"]) and saved.issues == []
    assert all(row["rule"] and row["reason"] for row in told["candidates"])
