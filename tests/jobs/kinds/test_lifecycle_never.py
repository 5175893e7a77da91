"""What no lifecycle rules may ever decide, whatever they say and whatever there is. No database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from jobs.kinds.lifecycle_rules.decisions import CHANGES, LOOK, Does
from jobs.kinds.lifecycle_rules.filters import fits, named
from jobs.kinds.lifecycle_rules.planning import (
    Behind,
    of_current,
    of_noncurrent,
    qualifies,
)
from jobs.kinds.lifecycle_rules.ranking import Ranking, rank_of
from jobs.kinds.lifecycle_rules.spec import Qualify, Rule, Target
from proxy.backends.values import ObjectInfo

NOW = 1_750_000_000_000
DAY = 24 * 3600
COLD = Target("cold")


def info(key: str = "k", age_s: int = 10 * DAY, size: int = 100, **facts: Any) -> ObjectInfo:
    return ObjectInfo(key, size, "e" * 32, NOW - age_s * 1000, **facts)


_keys = st.text(alphabet="ab/", min_size=1, max_size=5)
_times = st.one_of(st.none(), st.integers(0, 20 * DAY))
_rules = st.builds(
    Rule,
    id=st.text(alphabet="xyz", min_size=1, max_size=3),
    prefix=st.text(alphabet="ab/", max_size=2),
    tags=st.dictionaries(st.just("t"), st.sampled_from("12"), max_size=1),
    min_size=st.one_of(st.none(), st.integers(0, 50)),
    max_size=st.one_of(st.none(), st.integers(0, 50)),
    include_globs=st.lists(st.sampled_from(["*a", "**/b", "?"]), max_size=2).map(tuple),
    exclude_globs=st.lists(st.sampled_from(["a*", "**a"]), max_size=1).map(tuple),
    action=st.sampled_from(["", "delete", "transition", "retain-newest"]),
    after_s=_times,
    on_date_ms=st.one_of(st.none(), st.integers(NOW - 10**9, NOW + 10**9)),
    destination=st.just(COLD),
    count=st.integers(1, 3),
    protect_younger_than_s=_times,
    noncurrent_after_s=_times,
    noncurrent_keep=st.integers(0, 3),
    expired_delete_markers=st.booleans(),
)
_infos = st.builds(
    info,
    key=_keys,
    age_s=st.integers(-5, 20 * DAY),
    size=st.integers(0, 60),
)
_tags = st.dictionaries(st.just("t"), st.sampled_from("12"), max_size=1)


def _is_about(rule: Rule, what: ObjectInfo, tags: dict[str, str]) -> bool:
    """Said once more, as plainly as can be; the globs are tested elsewhere."""
    return (
        what.key.startswith(rule.prefix)
        and named(rule, what.key)
        and (rule.min_size is None or what.size > rule.min_size)
        and (rule.max_size is None or what.size < rule.max_size)
        and set(rule.tags.items()) <= set(tags.items())
    )


@given(st.lists(_rules, max_size=4), st.lists(_infos, max_size=8, unique_by=lambda one: one.key), _tags)
def test_nothing_is_decided_by_a_rule_that_is_not_about_it_or_not_due(
    rules: list[Rule], infos: list[ObjectInfo], tags: dict[str, str]
) -> None:
    rankings = {rule.id: Ranking(rule.count or 0) for rule in rules}
    for what in infos:
        decision = of_current(rules, what, NOW, rankings, tags)
        if decision.does not in CHANGES:
            continue
        by = [rule for rule in rules if rule.id == decision.rule and _is_about(rule, what, tags)]
        assert by, "no rule of that name is about it"
        age_ms = NOW - what.last_modified
        assert any(
            (rule.after_s is not None and age_ms >= rule.after_s * 1000)
            or (rule.on_date_ms is not None and rule.on_date_ms <= NOW)
            for rule in by
        )
        assert not (what.key.endswith("/") and what.size == 0)


@given(_rules, st.lists(_infos, max_size=12, unique_by=lambda one: one.key), st.randoms())
def test_the_newest_are_kept_whatever_the_order_of_the_listing(
    rule: Rule, infos: list[ObjectInfo], random: Any
) -> None:
    rule = replace(rule, action="retain-newest", tags={}, qualify=Qualify(min_age_s=0))
    counted = [
        one for one in infos if fits(rule, one) and qualifies(rule, one, NOW) and not one.key.endswith("/")
    ]
    ranking = Ranking(rule.count or 0)
    random.shuffle(counted)
    ranking.add(counted)
    ranking = Ranking.from_json(ranking.as_json())
    kept = sorted(counted, key=rank_of, reverse=True)[: rule.count]
    assert set(ranking.kept) == {one.key for one in kept}
    gone = [one for one in counted if of_current([rule], one, NOW, {rule.id: ranking}).does is Does.DELETE]
    assert not set(ranking.kept) & {one.key for one in gone}
    assert len(counted) - len(gone) >= min(rule.count or 0, len(counted))


@given(st.lists(_rules, max_size=4), _infos, st.integers(0, 10), st.integers(0, 20 * DAY), _tags)
def test_a_noncurrent_version_goes_only_by_a_rule_that_is_about_it_and_keeps_enough(
    rules: list[Rule], what: ObjectInfo, newer: int, since_s: int, tags: dict[str, str]
) -> None:
    decision = of_noncurrent(rules, what, Behind(NOW - since_s * 1000, newer), NOW, tags)
    if decision.does in CHANGES:
        assert any(
            _is_about(rule, what, tags)
            and rule.noncurrent_after_s is not None
            and since_s >= rule.noncurrent_after_s
            and newer >= rule.noncurrent_keep
            for rule in rules
            if rule.id == decision.rule
        )


@given(st.lists(_rules, max_size=4), _infos, _tags)
def test_what_a_listing_tells_decides_as_all_facts_do_or_asks_for_them(
    rules: list[Rule], what: ObjectInfo, tags: dict[str, str]
) -> None:
    listed, whole = of_current(rules, what, NOW), of_current(rules, what, NOW, tags=tags)
    assert listed in (LOOK, whole)
