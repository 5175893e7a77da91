"""What becomes of a key, as truth tables, and what a plan made of such decisions does, for any listings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import BadRequest, BadToken
from jobs.globs import Selection
from jobs.kinds.base import Item
from jobs.kinds.replicas.sameness import Sameness, sameness
from jobs.kinds.replicas.sides import Side
from jobs.kinds.replication.deciding import Act, Decision, State, decide
from jobs.kinds.replication.ground import Limits
from jobs.kinds.replication.grouping import Wanted, items_of, wanted_of
from jobs.kinds.replication.merging import Merged, Stream
from jobs.kinds.replication.position import Position, decode, encode
from jobs.kinds.replication.spec import Conflict, Spec
from proxy.backends.values import Listing, ObjectInfo

A, B = "a" * 32, "b" * 32
NEWER, SKIP, DIFF = Conflict.NEWER_WINS, Conflict.SKIP, Conflict.CONTENT_DIFF


def info(etag: str = A, size: int = 10, at: int = 5000, key: str = "k") -> ObjectInfo:
    return ObjectInfo(key, size, etag, at)


SAME = [
    (info(A), info(A), Sameness.SAME),
    (info(A), info(B), Sameness.DIFFERENT),
    (info(A), info(A, size=11), Sameness.DIFFERENT),
    (info(A), info(B, size=11), Sameness.DIFFERENT),
    (info(f"{A}-2"), info(f"{A}-2"), Sameness.SAME),
    (info(f"{A}-2"), info(f"{B}-2"), Sameness.DIFFERENT),
    (info(A), info(f"{A}-2"), Sameness.UNKNOWN),
    (info(f"{A}-2"), info(f"{A}-3"), Sameness.UNKNOWN),
    (info(A), info("of a service"), Sameness.UNKNOWN),
    (info(A), info(f"{A}-2", size=9), Sameness.DIFFERENT),
]


@pytest.mark.parametrize(("one", "other", "expected"), SAME)
def test_bytes_are_compared_by_what_listings_tell(
    one: ObjectInfo, other: ObjectInfo, expected: Sameness
) -> None:
    assert sameness(one, other) is expected
    assert sameness(other, one) is expected


DIFFERENT, UNKNOWN = info(B), info(f"{A}-2")
LATER, EARLIER = 6000, 4999
TABLE: list[tuple[Conflict, ObjectInfo, int, State, Act]] = [
    # the destination: its content, when it was written; the source is info(A) of 5000
    (NEWER, info(A), EARLIER, State.DIFFERENT, Act.COPY),
    (NEWER, info(A), 5999, State.IN_SYNC, Act.LEAVE),
    (NEWER, info(A), LATER, State.IN_SYNC, Act.LEAVE),
    (NEWER, DIFFERENT, EARLIER, State.DIFFERENT, Act.COPY),
    (NEWER, DIFFERENT, 5999, State.DIFFERENT, Act.COPY),
    (NEWER, DIFFERENT, LATER, State.DIFFERENT, Act.LEAVE),
    (NEWER, UNKNOWN, EARLIER, State.UNVERIFIABLE, Act.COPY),
    (NEWER, UNKNOWN, 5999, State.UNVERIFIABLE, Act.COPY),
    (NEWER, UNKNOWN, LATER, State.UNVERIFIABLE, Act.LEAVE),
    *((DIFF, info(A), at, State.IN_SYNC, Act.LEAVE) for at in (EARLIER, 5999, LATER)),
    *((DIFF, DIFFERENT, at, State.DIFFERENT, Act.COPY) for at in (EARLIER, 5999, LATER)),
    *((DIFF, UNKNOWN, at, State.UNVERIFIABLE, Act.COPY) for at in (EARLIER, 5999, LATER)),
    *((SKIP, info(A), at, State.IN_SYNC, Act.LEAVE) for at in (EARLIER, 5999, LATER)),
    *((SKIP, DIFFERENT, at, State.DIFFERENT, Act.LEAVE) for at in (EARLIER, 5999, LATER)),
    *((SKIP, UNKNOWN, at, State.UNVERIFIABLE, Act.LEAVE) for at in (EARLIER, 5999, LATER)),
]


@pytest.mark.parametrize("deletes", [True, False])
@pytest.mark.parametrize(("conflict", "there", "at", "state", "act"), TABLE)
def test_what_both_have(
    conflict: Conflict, there: ObjectInfo, at: int, state: State, act: Act, deletes: bool
) -> None:
    found = decide(info(A), replace(there, last_modified=at), conflict, deletes=deletes)
    assert (found.state, found.act) == (state, act)


@pytest.mark.parametrize("conflict", Conflict)
@pytest.mark.parametrize("deletes", [True, False])
def test_what_one_side_has(conflict: Conflict, deletes: bool) -> None:
    one = info()
    assert decide(None, None, conflict, deletes=deletes).act is Act.LEAVE
    assert decide(one, None, conflict, deletes=deletes).act is Act.COPY
    extra = decide(None, one, conflict, deletes=deletes)
    assert (extra.state, extra.act) == (State.EXTRA, Act.DELETE if deletes else Act.LEAVE)


def every_decision() -> list[Decision]:
    one = info()
    pairs = [(None, one), (one, None)]
    found = [decide(*pair, NEWER, deletes=deletes) for pair in pairs for deletes in (True, False)]
    return found + [
        decide(one, replace(there, last_modified=at), conflict, deletes=False)
        for conflict, there, at, *_ in TABLE
    ]


def test_whatever_is_not_in_sync_says_why_and_what_would_mend_it() -> None:
    for decision in every_decision():
        assert (decision.state is State.IN_SYNC) == (not decision.reason) == (not decision.fix)


# -- plans --------------------------------------------------------------------------------------

SIDES = Side("a", "from/"), Side("b", "to/")
Objects = dict[str, ObjectInfo]


@dataclass
class Shelf:
    """A Store of which only listings are asked, in pages of two."""

    objects: Objects

    def list(self, *, prefix: str, after: str, limit: int) -> Listing:
        found = [self.objects[key] for key in sorted(self.objects) if key.startswith(prefix) and key > after]
        page = found[:limit]
        return Listing(tuple(page), (), page[-1].key if len(found) > limit else None)


def plan(spec: Spec, source: Objects, destination: Objects) -> dict[str, Act]:
    """What a walk in pages finds to do, by relative key."""
    streams = [
        Stream(Shelf(objects), side, limit=2)  # type: ignore[arg-type]
        for objects, side in ((source, spec.source), (destination, spec.destination))
    ]
    return {
        pair.relative: decide(pair.source, pair.destination, spec.conflict, deletes=spec.deletes).act
        for pair in Merged(*streams)
        if spec.is_about(pair.relative)
    }


def carry_out(spec: Spec, acts: dict[str, Act], source: Objects, destination: Objects) -> Objects:
    """The destination afterwards: a copy has its source's facts, a delete needs the source's word."""
    after = dict(destination)
    for relative, act in acts.items():
        here, there = spec.source.key(relative), spec.destination.key(relative)
        if act is Act.COPY:
            after[there] = replace(source[here], key=there)
        elif act is Act.DELETE and here not in source:
            del after[there]
    return after


def listings(prefixes: list[str]) -> st.SearchStrategy[Objects]:
    keys = st.builds(str.__add__, st.sampled_from(prefixes), st.text("ab/é￿", max_size=3))
    one = st.builds(
        info, st.sampled_from([A, B, f"{A}-2", "opaque"]), st.integers(0, 2), st.integers(0, 4000)
    )
    return st.dictionaries(keys, one, max_size=12).map(
        lambda found: {key: replace(each, key=key) for key, each in found.items()}
    )


specs: Callable[..., st.SearchStrategy[Spec]] = lambda: st.builds(  # noqa: E731
    Spec,
    source=st.just(SIDES[0]),
    destination=st.just(SIDES[1]),
    selection=st.builds(
        Selection.of, st.sampled_from([[], ["a*"], ["**/b"]]), st.sampled_from([[], ["*b"], ["a/**"]])
    ),
    conflict=st.sampled_from(Conflict),
    deletes=st.booleans(),
)


@given(specs(), listings(["from/", "fro", "g"]), listings(["to/", "t", "u"]))
def test_after_one_plan_a_second_one_has_nothing_to_do(
    spec: Spec, source: Objects, destination: Objects
) -> None:
    after = carry_out(spec, plan(spec, source, destination), source, destination)
    assert set(plan(spec, source, after).values()) <= {Act.LEAVE}


@given(specs(), listings(["from/", "fro", "g"]), listings(["to/", "t", "u"]))
def test_a_plan_touches_nothing_outside_of_its_rule_and_deletes_only_what_it_may(
    spec: Spec, source: Objects, destination: Objects
) -> None:
    acts = plan(spec, source, destination)
    after = carry_out(spec, acts, source, destination)
    for key in destination.keys() | after.keys():
        relative = spec.destination.relative(key)
        if relative is None or not spec.is_about(relative):
            assert after.get(key) == destination.get(key)
        if key not in after:
            assert spec.deletes and relative is not None and spec.source.key(relative) not in source


def test_a_page_that_ends_with_the_prefix_itself_is_followed_by_the_next() -> None:
    objects = {key: ObjectInfo(key, 1, "e", 1000) for key in ("from/", "from/a", "from/b")}
    stream = Stream(Shelf(objects), SIDES[0], limit=1)  # type: ignore[arg-type]
    nothing = Stream(Shelf({}), SIDES[1])  # type: ignore[arg-type]
    assert [pair.relative for pair in islice(Merged(stream, nothing), 4)] == ["", "a", "b"]


@given(listings(["from/", "fro"]), listings(["to/", "t"]))
def test_two_listings_are_gone_through_once_and_in_order(source: Objects, destination: Objects) -> None:
    streams = [
        Stream(Shelf(objects), side, limit=2)  # type: ignore[arg-type]
        for objects, side in zip((source, destination), SIDES, strict=True)
    ]
    pairs = list(Merged(*streams))
    relatives = [pair.relative for pair in pairs]
    assert relatives == sorted(set(relatives))
    for objects, side, found in (
        (source, SIDES[0], {pair.relative: pair.source for pair in pairs if pair.source}),
        (destination, SIDES[1], {pair.relative: pair.destination for pair in pairs if pair.destination}),
    ):
        assert found == {
            key[len(side.prefix) :]: objects[key] for key in objects if side.relative(key) is not None
        }


# -- the small things ------------------------------------------------------------------------------


def test_small_keys_share_an_item_and_large_ones_have_one_each() -> None:
    limits = Limits(group_items=2, small_bytes=10)
    wanted = [Wanted("a", 1), Wanted("b", 11), Wanted("c", 2, True), Wanted("d", 3)]
    items: list[Item] = items_of("p/", wanted, limits)
    assert [[one.relative for one in wanted_of(item)] for item in items] == [["b"], ["a", "c"], ["d"]]
    assert [item.key for item in items] == ["p/b", "p/a", "p/d"]
    assert sum(item.size for item in items) == 17


def test_a_token_is_read_back_as_it_was_and_none_is_like_the_one_before() -> None:
    at = Position(turn=3, after="日/a", walked=True, life=2)
    assert decode(encode(at)) == at
    assert encode(at.next()) != encode(at)


@pytest.mark.parametrize("token", ["", "x", "[]", '{"turn": "1"}', '{"other": 1}', '{"walked": 1}', "7"])
def test_a_token_of_another_kind_is_refused(token: str) -> None:
    with pytest.raises(BadToken):
        decode(token)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"source": {"bucket": "a"}},
        {"source": {"bucket": "a"}, "destination": {"bucket": "b"}, "conflict": "older-wins"},
        {"source": {"bucket": "a"}, "destination": {"bucket": "b"}, "include_globs": ["[a"]},
        {"source": {"bucket": "a"}, "destination": {"bucket": "b"}, "window": {"from": "8:00", "to": "x"}},
    ],
)
def test_what_is_no_rule_is_refused(said: dict[str, object]) -> None:
    with pytest.raises(BadRequest):
        Spec.of(said)


def test_an_empty_relative_key_is_no_object_of_a_rule() -> None:
    assert not Spec(*SIDES, Selection.of([], [])).is_about("")
