"""How much was looked at, and what was decided. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jobs.kinds.lifecycle_rules.decisions import CHANGES, Decision, Does
from jobs.kinds.lifecycle_rules.walking import Found, FoundUpload


@dataclass(slots=True)
class Tally:
    """`decided`: number and bytes by what is done; `kept`: number by what keeps it; `by_rule`: decisions."""

    looked_at: int = 0
    decided: dict[str, list[int]] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    by_rule: dict[str, int] = field(default_factory=dict)

    def add(self, found: Iterable[Found]) -> None:
        for each in found:
            self._count(each.decision, each.info.size)

    def add_uploads(self, found: Iterable[FoundUpload]) -> None:
        """They have no size."""
        for each in found:
            self._count(each.decision, 0)

    def _count(self, decision: Decision, size: int) -> None:
        self.looked_at += 1
        if decision.kept is not None:
            self.kept[decision.kept.value] = self.kept.get(decision.kept.value, 0) + 1
        elif decision.does in CHANGES or decision.does is Does.LOOK:
            number, total = self.decided.get(decision.does.value, (0, 0))
            self.decided[decision.does.value] = [number + 1, total + size]
            if decision.rule:
                self.by_rule[decision.rule] = self.by_rule.get(decision.rule, 0) + 1

    def told(self) -> dict[str, Any]:
        """As JSON."""
        decided = {does: {"objects": number, "bytes": size} for does, (number, size) in self.decided.items()}
        return {
            "looked_at": self.looked_at,
            "decided": decided,
            "kept": dict(self.kept),
            "by_rule": dict(self.by_rule),
        }

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Tally:
        """What `told` said."""
        decided = {does: [each["objects"], each["bytes"]] for does, each in told.get("decided", {}).items()}
        kept, by_rule = dict(told.get("kept", {})), dict(told.get("by_rule", {}))
        return cls(told.get("looked_at", 0), decided, kept, by_rule)
