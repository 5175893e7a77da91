"""What the rules of the configuration cannot mean, alone and together.

Looks at the document as it was written: what has not the right type is told elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from jobsite.config_encryption import Loc
from jobsite.config_flows import Flow, Region, circles, into_itself, same_keys

_DISABLED_TOO = "disabled rules count too, so that enabling one can never close a circle"
_OVERWRITES = frozenset({"newer-wins", "content-diff"})


@dataclass(frozen=True, slots=True)
class _Written:
    """A rule as it is written, and where."""

    loc: Loc
    body: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.body.get("name"))


def rule_contradictions(storage: Mapping[str, Any]) -> Iterator[tuple[Loc, str]]:
    """Names used twice, circles, destinations that two rules quarrel over, keys without a meaning."""
    replication, lifecycle = _rules(storage, "replication"), _rules(storage, "lifecycle")
    for rules in (replication, lifecycle):
        yield from _names_used_twice(rules)
    for rule in replication:
        yield from _window(rule)
    for rule in lifecycle:
        for check in _LIFECYCLE_CHECKS:
            yield from check(rule)
    yield from _routes(replication, lifecycle)


def _rules(storage: Mapping[str, Any], section: str) -> list[_Written]:
    written = storage.get(section)
    rules = written.get("rules") if isinstance(written, Mapping) else None
    return [
        _Written(("storage", section, "rules", index), body)
        for index, body in enumerate(rules if isinstance(rules, list) else [])
        if isinstance(body, Mapping)
    ]


def _names_used_twice(rules: Sequence[_Written]) -> Iterator[tuple[Loc, str]]:
    seen: set[str] = set()
    for rule in rules:
        if isinstance(rule.body.get("name"), str):
            if rule.name in seen:
                yield (*rule.loc, "name"), f"a second rule with the name '{rule.name}'"
            seen.add(rule.name)


def _window(rule: _Written) -> Iterator[tuple[Loc, str]]:
    window = rule.body.get("window")
    opens, closes = (window.get("from"), window.get("to")) if isinstance(window, Mapping) else (None, None)
    if isinstance(opens, str) and opens == closes:
        yield (*rule.loc, "window", "to"), "the window ends when it begins; leave it away for the whole day"


# -- one rule of lifecycle ----------------------------------------------------------------------


def _action_type(rule: _Written) -> str:
    action = rule.body.get("action")
    said = action.get("type") if isinstance(action, Mapping) else action
    return said if isinstance(said, str) else ""


def _has(rule: _Written, name: str) -> bool:
    return rule.body.get(name) not in (None, False)


def _age(rule: _Written) -> Iterator[tuple[Loc, str]]:
    action, aged = _action_type(rule), _has(rule, "expire_after")
    if action in ("delete", "transition") and not aged:
        yield (*rule.loc, "action"), f"{action} needs 'expire_after': from what age it acts"
    if action == "retain-newest" and aged:
        text = "has no meaning with retain-newest; 'protect_younger_than' in the action keeps what is young"
        yield (*rule.loc, "expire_after"), text
    if "action" not in rule.body and aged:
        yield (*rule.loc, "expire_after"), "needs 'action': delete, or a transition"


def _idle(rule: _Written) -> Iterator[tuple[Loc, str]]:
    does = ("action", "noncurrent_expire_after", "abort_multipart_after", "expired_delete_markers")
    if not any(_has(rule, name) for name in (*does, "expire_after")):
        yield rule.loc, f"does nothing: give at least one of {', '.join(does)}"


def _kept(rule: _Written) -> Iterator[tuple[Loc, str]]:
    if rule.body.get("noncurrent_keep") and not _has(rule, "noncurrent_expire_after"):
        yield (*rule.loc, "noncurrent_keep"), "has no meaning without 'noncurrent_expire_after'"


_LIFECYCLE_CHECKS: tuple[Callable[[_Written], Iterator[tuple[Loc, str]]], ...] = (_age, _idle, _kept)


# -- where rules carry objects ------------------------------------------------------------------


def _region(place: Any) -> Region | None:
    if not isinstance(place, Mapping):
        return None
    bucket, prefix = place.get("bucket"), place.get("prefix", "")
    return Region(bucket, prefix) if isinstance(bucket, str) and isinstance(prefix, str) else None


def _flows(rules: Sequence[tuple[_Written, Any, Any]]) -> dict[int, Flow]:
    """The readable ones, by their number."""
    flows = {}
    for number, (rule, source, destination) in enumerate(rules):
        start, end = _region(source), _region(destination)
        if start is not None and end is not None:
            flows[number] = Flow(number, rule.name, start, end)
    return flows


def _transitions(lifecycle: Sequence[_Written]) -> list[tuple[_Written, Any, Any]]:
    return [
        (rule, rule.body, rule.body["action"].get("destination"))
        for rule in lifecycle
        if _action_type(rule) == "transition" and isinstance(rule.body["action"], Mapping)
    ]


def _routes(replication: Sequence[_Written], lifecycle: Sequence[_Written]) -> Iterator[tuple[Loc, str]]:
    copying = [(rule, rule.body.get("source"), rule.body.get("destination")) for rule in replication]
    rules = [*copying, *_transitions(lifecycle)]
    flows = _flows(rules)
    for number, flow in flows.items():
        if into_itself(flow):
            inside = ("destination",) if number < len(copying) else ("action", "destination")
            text = f"{flow.source} -> {flow.destination}: the rule would find again what it has put there"
            yield (*rules[number][0].loc, *inside), text
    for circle in circles(list(flows.values())):
        yield rules[circle.flows[0].number][0].loc, _told(circle.flows, circle.regions, circle.sure)
    for one, other in combinations(flows.values(), 2):
        pair = (rules[one.number][0], one), (rules[other.number][0], other)
        yield from _quarrel(*pair) if other.number < len(copying) else _loss(*pair)


def _told(flows: Sequence[Flow], regions: Sequence[Region], sure: bool) -> str:
    names = ", ".join(f"'{flow.rule}'" for flow in flows)
    if not sure:
        return f"there are too many ways from {names} through other rules to show that none is a circle"
    way = " -> ".join(str(region) for region in regions)
    return f"objects would go in a circle: {way} (rules {names}; {_DISABLED_TOO})"


_Way = tuple[_Written, Flow]


def _quarrel(one: _Way, other: _Way) -> Iterator[tuple[Loc, str]]:
    """Two rules that copy into one place are fine, unless one would undo for ever what the other does.

    Rules with globs may share a place in peace, which cannot be told from here; but without globs of its
    own a rule that deletes is about whatever the other brings.
    """
    (rule, a), (second, b) = one, other
    if not a.destination.overlaps(b.destination):
        return
    loc: Loc = (*second.loc, "destination")
    globs = _has_globs(rule) or _has_globs(second)
    if same_keys(a, b):
        if (a.source, a.destination) == (b.source, b.destination) and not globs:
            yield loc, f"the same source and destination as rule '{a.rule}'"
        return
    both = f"rule '{a.rule}' writes to {a.destination} too, from another source"
    for each, flow in (one, other):
        if _deletes(each) and not _has_globs(each):
            text = f"{both}: '{flow.rule}' with 'replicate_deletes' would delete what the other brings"
            yield loc, text
    ways = {str(each.body.get("conflict", "newer-wins")) for each in (rule, second)}
    if not globs and "content-diff" in ways and ways <= _OVERWRITES:
        yield loc, f"{both}: with 'conflict: content-diff' they would overwrite each other for ever"


def _loss(one: _Way, mover: _Way) -> Iterator[tuple[Loc, str]]:
    """What a transition has moved is nowhere else: no other rule may delete it, or write over it.

    Globs may keep two writers apart, which cannot be told from here; before deletes they are no excuse.
    """
    (rule, a), (moving, b) = one, mover
    if not a.destination.overlaps(b.destination):
        return
    loc: Loc = (*moving.loc, "action", "destination")
    if _deletes(rule):
        yield loc, f"rule '{a.rule}' with 'replicate_deletes' would delete at {b.destination} what this moves"
    elif not (same_keys(a, b) or _leaves(rule) or _has_globs(rule) or _has_globs(moving)):
        yield loc, f"rule '{a.rule}' writes to {a.destination} too, from another source: over what is moved"


def _deletes(rule: _Written) -> bool:
    return rule.body.get("replicate_deletes") is True


def _leaves(rule: _Written) -> bool:
    return rule.body.get("conflict") == "skip-if-dest-exists"


def _has_globs(rule: _Written) -> bool:
    return bool(rule.body.get("include_globs") or rule.body.get("exclude_globs"))
