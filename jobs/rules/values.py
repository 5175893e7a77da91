"""What is declared, and how that differs from what is in force. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jobs.kinds.base import Kind
from jobs.standing import Declared

Finding = tuple[int, str]
"""A line of the configuration (0: the file as a whole) and what is to be said of it."""

REPLICATION, LIFECYCLE = "replication", "lifecycle"
BUCKET_RULE = "bucket:"
"""What the name of a rule begins with that a bucket's owner has set; no name in the file holds a colon."""

_AT_THE_NEXT_SLICE = frozenset({"interval_s", "bandwidth", "window", "concurrency", "timeout_s", "trigger"})
"""What can change under a run: cursors and notes mean the same with another one."""


@dataclass(frozen=True, slots=True)
class DeclaredRule:
    """One rule as it is declared; `lines` are those of its keys, by their dotted path in it."""

    kind: str
    name: str
    enabled: bool
    spec: Mapping[str, Any]
    lines: Mapping[str, int] = field(default_factory=dict)

    @property
    def buckets(self) -> tuple[tuple[str, str], ...]:
        """Every bucket that it names, after the path of the key that names it."""
        if self.kind == REPLICATION:
            return tuple((f"{side}.bucket", self.spec[side]["bucket"]) for side in ("source", "destination"))
        targets = (entry["destination"] for entry in self.spec["rules"] if entry["destination"])
        moves = (("action.destination.bucket", target["bucket"]) for target in targets)
        return (("bucket", self.spec["bucket"]), *moves)

    def line(self, path: str) -> int:
        """Of a key, or of the rule where that is left away."""
        return self.lines.get(path) or self.lines.get("", 0)

    def declared(self) -> Declared:
        """As its job is to be."""
        return Declared(
            rule=self.name,
            name=_title(self)[:200],
            bucket_name=self.buckets[0][1],
            spec=self.spec,
            revision=revision_of(self.spec),
            enabled=self.enabled,
        )


@dataclass(frozen=True, slots=True)
class Declaration:
    """All rules of the file. `lifecycle`: whether those that buckets' owners have set run, too."""

    rules: tuple[DeclaredRule, ...]
    lifecycle: bool

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Declaration:
        """Of what `settings.LOAD_RULES` gives."""
        return cls(tuple(DeclaredRule(**rule) for rule in plain["rules"]), plain["lifecycle"])

    @property
    def revision(self) -> str:
        """The same for the same rules, wherever they stand in the file."""
        said = [[rule.kind, rule.name, rule.enabled, rule.spec] for rule in self.rules]
        return _digest([sorted(said, key=lambda rule: rule[:2]), self.lifecycle])


@dataclass(frozen=True, slots=True)
class InForce:
    """What the job of a rule says of it."""

    kind: str
    declared: Declared


@dataclass(frozen=True, slots=True)
class Difference:
    """What a sync changes, as ids of jobs."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        return not (self.added or self.changed or self.removed)

    def counts(self) -> dict[str, int]:
        return {name: len(getattr(self, name)) for name in ("added", "changed", "removed", "unchanged")}


def difference(
    rules: Iterable[DeclaredRule], in_force: Sequence[InForce], kinds: Mapping[str, Kind]
) -> Difference:
    """What is to be done so that these rules are in force and no others."""
    now = {(each.kind, each.declared.rule): each.declared for each in in_force}
    wanted = {(rule.kind, rule.name): rule.declared() for rule in rules}
    same = {key for key, declared in wanted.items() if now.get(key) == declared}

    def ids(keys: Iterable[tuple[str, str]]) -> tuple[str, ...]:
        return tuple(sorted(f"{kinds[kind].subsystem}:{name}" for kind, name in keys))

    return Difference(
        added=ids(wanted.keys() - now.keys()),
        changed=ids((wanted.keys() & now.keys()) - same),
        removed=ids(now.keys() - wanted.keys()),
        unchanged=ids(same),
    )


def revision_of(spec: Mapping[str, Any]) -> str:
    """Of a definition: no cursor is carried over between two that differ in it."""
    return _digest({name: value for name, value in spec.items() if name not in _AT_THE_NEXT_SLICE})


def _title(rule: DeclaredRule) -> str:
    spec = rule.spec
    if rule.kind == REPLICATION:
        return "replicate {0[bucket]}/{0[prefix]} -> {1[bucket]}/{1[prefix]}".format(
            spec["source"], spec["destination"]
        )
    prefixes = {entry["prefix"] for entry in spec["rules"]}
    prefix = prefixes.pop() if len(prefixes) == 1 else ""
    return f"lifecycle of {spec['bucket']}/{prefix}"


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
