from __future__ import annotations

from typing import Any

import pytest

from jobs.kinds import KINDS
from jobs.rules.values import Declaration, DeclaredRule, Difference, InForce, difference, revision_of

SPEC: dict[str, Any] = {
    "source": {"bucket": "aaa", "prefix": "x/"},
    "destination": {"bucket": "bbb", "prefix": ""},
    "trigger": "events",
    "replicate_deletes": False,
    "conflict": "newer-wins",
    "bandwidth": None,
    "window": None,
    "include_globs": [],
    "exclude_globs": [],
    "interval_s": 60,
    "concurrency": 8,
    "timeout_s": 300,
}
WINDOW = {"from": "22:00", "to": "06:00", "timezone": "UTC"}


def _rule(name: str = "mirror", enabled: bool = True, **changed: Any) -> DeclaredRule:
    return DeclaredRule("replication", name, enabled, SPEC | changed)


def _in_force(*rules: DeclaredRule) -> list[InForce]:
    return [InForce(rule.kind, rule.declared()) for rule in rules]


@pytest.mark.parametrize(
    ("now", "wanted", "expected"),
    [
        ([], [], Difference()),
        ([], [_rule()], Difference(added=("replication:mirror",))),
        ([_rule()], [_rule()], Difference(unchanged=("replication:mirror",))),
        ([_rule()], [_rule(interval_s=90)], Difference(changed=("replication:mirror",))),
        ([_rule()], [_rule(enabled=False)], Difference(changed=("replication:mirror",))),
        ([_rule()], [], Difference(removed=("replication:mirror",))),
        (
            [_rule("a"), _rule("b")],
            [_rule("b"), _rule("c")],
            Difference(("replication:c",), (), ("replication:a",), ("replication:b",)),
        ),
    ],
)
def test_what_a_sync_changes(
    now: list[DeclaredRule], wanted: list[DeclaredRule], expected: Difference
) -> None:
    assert difference(wanted, _in_force(*now), KINDS) == expected
    assert expected.empty == (not (expected.added or expected.changed or expected.removed))


@pytest.mark.parametrize(
    "changed",
    [
        {"interval_s": 90},
        {"bandwidth": 1000},
        {"window": WINDOW},
        {"concurrency": 1},
        {"timeout_s": 1},
        {"trigger": "schedule"},
    ],
)
def test_what_only_says_when_and_how_fast_keeps_the_cursor(changed: dict[str, Any]) -> None:
    assert revision_of(SPEC | changed) == revision_of(SPEC)


@pytest.mark.parametrize(
    "changed",
    [
        {"source": {"bucket": "aaa", "prefix": "y/"}},
        {"destination": {"bucket": "ccc", "prefix": ""}},
        {"replicate_deletes": True},
        {"conflict": "content-diff"},
        {"include_globs": ["*"]},
        {"exclude_globs": ["*"]},
    ],
)
def test_what_says_which_objects_does_not_keep_the_cursor(changed: dict[str, Any]) -> None:
    assert revision_of(SPEC | changed) != revision_of(SPEC)


def test_a_declaration_is_the_same_in_any_order_and_another_with_any_other_rule() -> None:
    one, two = _rule("a"), _rule("b")
    revision = Declaration((one, two), True).revision
    assert revision == Declaration((two, one), True).revision
    others = [
        Declaration((one,), True),
        Declaration((one, two), False),
        Declaration((one, _rule("b", enabled=False)), True),
        Declaration((one, _rule("b", interval_s=61)), True),
    ]
    assert revision not in {other.revision for other in others}


def test_a_job_is_named_by_what_its_rule_does() -> None:
    declared = _rule(destination={"bucket": "bbb", "prefix": "p" * 500}).declared()
    assert declared.name.startswith("replicate aaa/x/ -> bbb/ppp") and len(declared.name) == 200
    assert (declared.rule, declared.bucket_name) == ("mirror", "aaa")
    entries = [{"prefix": "nightly/", "destination": {"bucket": "cellar", "prefix": ""}}]
    rule = DeclaredRule("lifecycle", "expire", True, {"bucket": "dumps", "rules": entries})
    assert rule.declared().name == "lifecycle of dumps/nightly/"
    assert dict(rule.buckets) == {"bucket": "dumps", "action.destination.bucket": "cellar"}
