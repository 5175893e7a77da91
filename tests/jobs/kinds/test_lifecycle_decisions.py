"""What lifecycle rules decide: truth tables. No database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import BadRequest, BadToken
from jobs.kinds.lifecycle_rules.decisions import CHANGES, Does, Kept, spell
from jobs.kinds.lifecycle_rules.filters import tagged
from jobs.kinds.lifecycle_rules.planning import (
    Behind,
    of_current,
    of_lone_marker,
    of_noncurrent,
    of_upload,
    qualifies,
)
from jobs.kinds.lifecycle_rules.position import CURRENT, Position, decode, encode
from jobs.kinds.lifecycle_rules.ranking import Ranking
from jobs.kinds.lifecycle_rules.spec import Qualify, Rule, Target, common_prefix, read_spec
from proxy.backends.values import ObjectInfo, UploadInfo
from tests.jobs.kinds.ruling import rule as told_rule
from tests.jobs.kinds.ruling import spec as told_spec

NOW = 1_750_000_000_000
DAY = 24 * 3600
COLD = Target("cold")


def info(key: str = "k", age_s: int = 10 * DAY, size: int = 100, **facts: Any) -> ObjectInfo:
    return ObjectInfo(key, size, "e" * 32, NOW - age_s * 1000, **facts)


def delete(id: str = "d", after_s: int = 5 * DAY, **said: Any) -> Rule:
    return Rule(id, action="delete", after_s=after_s, **said)


def transition(id: str = "t", after_s: int = 5 * DAY, **said: Any) -> Rule:
    return Rule(id, action="transition", after_s=after_s, destination=COLD, **said)


# -- current versions -------------------------------------------------------------------------

CURRENT_CASES: dict[str, tuple[list[Rule], ObjectInfo, Does, str]] = {
    "no rule": ([], info(), Does.NOTHING, ""),
    "a rule about something else": ([Rule("x", abort_multipart_after_s=1)], info(), Does.NOTHING, ""),
    "a millisecond too young": (
        [delete(after_s=10)],
        replace(info(), last_modified=NOW - 9_999),
        Does.NOTHING,
        "",
    ),
    "old enough to the millisecond": (
        [delete(after_s=10)],
        replace(info(), last_modified=NOW - 10_000),
        Does.DELETE,
        "d",
    ),
    "another prefix": ([delete(prefix="x/")], info(), Does.NOTHING, ""),
    "on a date that has come": ([delete(after_s=None, on_date_ms=NOW)], info(age_s=0), Does.DELETE, "d"),
    "on a date to come": ([delete(after_s=None, on_date_ms=NOW + 1)], info(), Does.NOTHING, ""),
    "the earliest expiration wins": (
        [delete("late", 5 * DAY), delete("early", 4 * DAY)],
        info(),
        Does.DELETE,
        "early",
    ),
    "a date before an age": (
        [delete("age", 1), delete("date", None, on_date_ms=1)],
        info(),
        Does.DELETE,
        "date",
    ),
    "deleting before transition": ([transition(after_s=1), delete()], info(), Does.DELETE, "d"),
    "a transition until the delete is due": (
        [transition(after_s=1), delete(after_s=20 * DAY)],
        info(),
        Does.TRANSITION,
        "t",
    ),
    "the earliest transition": ([transition("b", 2), transition("a", 1)], info(), Does.TRANSITION, "a"),
    "a directory marker": ([delete()], info("d/", size=0), Does.KEEP, "d"),
    "a directory marker to move": ([transition()], info("d/", size=0), Does.KEEP, "t"),
    "a directory with bytes": ([delete()], info("d/", size=1), Does.DELETE, "d"),
    "protected by its age": ([delete(protect_younger_than_s=11 * DAY)], info(), Does.KEEP, "d"),
    "just not protected": ([delete(protect_younger_than_s=10 * DAY)], info(), Does.DELETE, "d"),
    "another rule does not protect": (
        [delete("p", protect_younger_than_s=11 * DAY), delete()],
        info(),
        Does.DELETE,
        "d",
    ),
    "tags are not known": ([delete(tags={"a": "b"})], info(), Does.LOOK, ""),
    "tags that decide nothing yet": ([delete(after_s=20 * DAY, tags={"a": "b"})], info(), Does.NOTHING, ""),
    "larger than": ([delete(min_size=100)], info(size=100), Does.NOTHING, ""),
    "larger than, and it is": ([delete(min_size=100)], info(size=101), Does.DELETE, "d"),
    "smaller than": ([delete(max_size=100)], info(size=100), Does.NOTHING, ""),
    "smaller than, and it is": ([delete(max_size=100)], info(size=99), Does.DELETE, "d"),
}


@pytest.mark.parametrize("case", CURRENT_CASES.values(), ids=CURRENT_CASES)
def test_what_becomes_of_a_current_version(case: tuple[list[Rule], ObjectInfo, Does, str]) -> None:
    rules, what, does, by = case
    decision = of_current(rules, what, NOW)
    assert (decision.does, decision.rule) == (does, by)
    assert bool(decision.reason) == (does in CHANGES or does is Does.KEEP)


@pytest.mark.parametrize(
    ("tags", "does"),
    [
        ({}, Does.NOTHING),
        ({"a": "b"}, Does.NOTHING),
        ({"a": "b", "c": "d"}, Does.DELETE),
        ({"a": "b", "c": "D"}, Does.NOTHING),
        ({"a": "b", "c": "d", "e": "f"}, Does.DELETE),
    ],
)
def test_all_tags_of_a_rule_must_be_there(tags: dict[str, str], does: Does) -> None:
    asking = delete(tags={"a": "b", "c": "d"})
    assert of_current([asking], info(), NOW, tags=tags).does is does


# -- the newest -------------------------------------------------------------------------------

RETAIN = Rule("r", action="retain-newest", count=2, qualify=Qualify(min_size=10, min_age_s=60))


def ranked(*infos: ObjectInfo, count: int = 2) -> dict[str, Ranking]:
    ranking = Ranking(count)
    ranking.add(infos)
    return {"r": ranking}


A, B, C = info("a", 300), info("b", 200), info("c", 100)

RETAIN_CASES: dict[str, tuple[dict[str, Ranking], ObjectInfo, Does, Kept | None]] = {
    "not ranked": ({}, A, Does.NOTHING, None),
    "the oldest of three": (ranked(A, B, C), A, Does.DELETE, None),
    "the second": (ranked(A, B, C), B, Does.KEEP, Kept.NEWEST),
    "the newest": (ranked(A, B, C), C, Does.KEEP, Kept.NEWEST),
    "fewer than are kept": (ranked(C), A, Does.NOTHING, None),
    "as many as are kept": (ranked(B, C), B, Does.KEEP, Kept.NEWEST),
    "an older one that came when there were as many": (ranked(B, C), A, Does.NOTHING, None),
    "one that came meanwhile": (ranked(A, B, C), info("new", 150), Does.NOTHING, None),
    "of the same moment and a smaller key": (ranked(A, B, C), info("a9", 200), Does.DELETE, None),
    "of the same moment and a greater key": (ranked(A, B, C), info("b1", 200), Does.NOTHING, None),
    "too small to count": (ranked(A, B, C), info("z", 900, size=9), Does.NOTHING, None),
    "a directory marker": (ranked(A, B, C), info("d/", 900, size=0), Does.NOTHING, None),
}


@pytest.mark.parametrize("case", RETAIN_CASES.values(), ids=RETAIN_CASES)
def test_what_becomes_of_it_where_the_newest_are_retained(
    case: tuple[dict[str, Ranking], ObjectInfo, Does, Kept | None],
) -> None:
    rankings, what, does, kept = case
    decision = of_current([RETAIN], what, NOW, rankings)
    assert (decision.does, decision.kept) == (does, kept)


def test_what_is_too_young_does_not_count_and_does_not_go() -> None:
    assert not qualifies(RETAIN, info(age_s=59), NOW)
    assert qualifies(RETAIN, info(age_s=60, size=10), NOW)


def test_what_is_protected_by_its_age_is_kept_though_it_is_not_among_the_newest() -> None:
    protecting = replace(RETAIN, protect_younger_than_s=301)
    assert of_current([protecting], A, NOW, ranked(A, B, C)).kept is Kept.YOUNG


# -- noncurrent versions ------------------------------------------------------------------------

NONCURRENT = Rule("n", noncurrent_after_s=5 * DAY, noncurrent_keep=2)

NONCURRENT_CASES: dict[str, tuple[list[Rule], ObjectInfo, Behind, Does]] = {
    "no rule": ([delete()], info(), Behind(0, 9), Does.NOTHING),
    "too short a time": ([NONCURRENT], info(), Behind(NOW - 5 * DAY * 1000 + 1, 9), Does.NOTHING),
    "long enough": ([NONCURRENT], info(), Behind(NOW - 5 * DAY * 1000, 9), Does.DELETE_VERSION),
    "the third": ([NONCURRENT], info(), Behind(0, 2), Does.DELETE_VERSION),
    "the second": ([NONCURRENT], info(), Behind(0, 1), Does.KEEP),
    "a marker is none to keep": ([NONCURRENT], info(size=0, marker=True), Behind(0, 0), Does.DELETE_VERSION),
    "another rule keeps fewer": (
        [NONCURRENT, Rule("m", noncurrent_after_s=1)],
        info(),
        Behind(0, 1),
        Does.DELETE_VERSION,
    ),
    "tags are not known": ([replace(NONCURRENT, tags={"a": "b"})], info(), Behind(0, 9), Does.LOOK),
    "a marker has no tags": (
        [replace(NONCURRENT, tags={"a": "b"})],
        info(size=0, marker=True),
        Behind(0, 9),
        Does.NOTHING,
    ),
    "a marker has no size": (
        [replace(NONCURRENT, max_size=5)],
        info(size=0, marker=True),
        Behind(0, 9),
        Does.NOTHING,
    ),
    "an older directory marker": ([NONCURRENT], info("d/", size=0), Behind(0, 9), Does.DELETE_VERSION),
}


@pytest.mark.parametrize("case", NONCURRENT_CASES.values(), ids=NONCURRENT_CASES)
def test_what_becomes_of_a_noncurrent_version(
    case: tuple[list[Rule], ObjectInfo, Behind, Does],
) -> None:
    rules, what, behind, does = case
    assert of_noncurrent(rules, what, behind, NOW).does is does


MARKER = info(size=0, marker=True)


@pytest.mark.parametrize(
    ("rule", "does"),
    [
        (Rule("x", expired_delete_markers=True), Does.DELETE_MARKER),
        (Rule("x", expired_delete_markers=True, prefix="other"), Does.NOTHING),
        (Rule("x", noncurrent_after_s=1), Does.NOTHING),
        (delete(after_s=10 * DAY), Does.DELETE_MARKER),
        (delete(after_s=10 * DAY + 1), Does.NOTHING),
        (delete(after_s=1, tags={"a": "b"}), Does.NOTHING),
        (transition(after_s=1), Does.NOTHING),
    ],
)
def test_what_becomes_of_a_delete_marker_that_is_alone(rule: Rule, does: Does) -> None:
    assert of_lone_marker([rule], MARKER, NOW).does is does


@pytest.mark.parametrize(
    ("rule", "does"),
    [
        (Rule("x", abort_multipart_after_s=100), Does.ABORT_UPLOAD),
        (Rule("x", abort_multipart_after_s=101), Does.NOTHING),
        (Rule("x", abort_multipart_after_s=1, prefix="other"), Does.NOTHING),
        (Rule("x", abort_multipart_after_s=1, exclude_globs=("k",)), Does.NOTHING),
        (delete(after_s=1), Does.NOTHING),
    ],
)
def test_what_becomes_of_an_open_upload(rule: Rule, does: Does) -> None:
    upload = UploadInfo("u", "k", NOW - 100_000)
    assert of_upload([rule], upload, NOW).does is does


# -- the small parts --------------------------------------------------------------------------


def test_tags_and_durations_are_told_as_they_are() -> None:
    assert tagged(Rule("x"), {}) and not tagged(Rule("x", tags={"a": ""}), {})
    spoken = [spell(seconds) for seconds in (0, 1, 60, 5400, 3600, 86_400, 90 * 86_400)]
    assert spoken == ["0 seconds", "1 second", "1 minute", "90 minutes", "1 hour", "1 day", "90 days"]


@given(st.lists(st.text(alphabet="ab/", max_size=4), max_size=4))
def test_no_key_of_a_rule_is_outside_of_what_all_have_in_common(prefixes: list[str]) -> None:
    found = common_prefix([Rule("x", prefix=prefix) for prefix in prefixes])
    assert all(prefix.startswith(found) for prefix in prefixes)


@given(st.text(), st.text(), st.integers(0))
def test_a_token_says_where_the_walk_is(after: str, id: str, page: int) -> None:
    at = Position(CURRENT, after, id, page, held=[after, id, 1, "", 2, 3, False, True])
    assert decode(encode(at)) == at
    with pytest.raises(BadToken):
        decode(encode(at)[:-1])


WRONG: dict[str, Callable[[], dict[str, Any]]] = {
    "an unknown action": lambda: told_rule(action="archive"),
    "delete without a time": lambda: told_rule(action="delete"),
    "a transition to nowhere": lambda: told_rule(action="transition", after_s=1),
    "retaining nothing": lambda: told_rule(action="retain-newest", count=0),
    "retaining too many": lambda: told_rule(action="retain-newest", count=1001),
    "a glob that means nothing": lambda: told_rule(include_globs=["[a"]),
    "no id": lambda: {"prefix": ""},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_spec_that_says_not_what_is_to_be_done_is_refused(wrong: Callable[[], dict[str, Any]]) -> None:
    with pytest.raises(BadRequest):
        read_spec(told_spec(wrong()))


def test_a_spec_is_read_as_it_was_made() -> None:
    told = told_rule(
        "x", prefix="p/", action="transition", after_s=7, destination={"bucket": "cold", "prefix": "q/"},
        qualify={"min_size": 5, "min_age_s": None}, include_globs=["*.log"], tags={"a": "b"},
    )  # fmt: skip
    (rule,) = read_spec(told_spec(told)).rules
    assert rule == Rule(
        "x", "p/", {"a": "b"}, include_globs=("*.log",), action="transition", after_s=7,
        destination=Target("cold", "q/"), qualify=Qualify(min_size=5),
    )  # fmt: skip
