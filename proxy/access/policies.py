"""Policies as values, and what they say of a question. Pure.

Source: AWS IAM User Guide, "IAM JSON policy elements reference" and "Policy evaluation logic".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from proxy.access.conditions import Condition
from proxy.access.facts import Facts
from proxy.access.patterns import Pattern
from proxy.access.principals import Principals


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; `not_...` turns a list around. `principals` is None in a user's policy."""

    allow: bool
    actions: tuple[Pattern, ...]
    resources: tuple[Pattern, ...]
    conditions: tuple[Condition, ...] = ()
    principals: Principals | None = None
    not_actions: bool = False
    not_resources: bool = False
    not_principals: bool = False

    def covers(self, action: str, resource: str, facts: Facts, *, named: bool = False) -> bool:
        """Whether it speaks of this; with `named`, only if it means the caller in particular."""
        return (
            self._about(facts, named)
            and self.speaks_of(action) is not self.not_actions
            and self._on(resource, facts) is not self.not_resources
            and all(condition.holds(facts) for condition in self.conditions)
        )

    def speaks_of(self, action: str) -> bool:
        """Whether its list of actions, turned around or not, has this one."""
        lowered = action.lower()
        return any(one.matches(lowered, _no_variable) for one in self.actions)

    def _on(self, resource: str, facts: Facts) -> bool:
        return any(one.matches(resource, facts.variable) for one in self.resources)

    def _about(self, facts: Facts, named: bool) -> bool:
        if self.principals is None:
            return True
        if named and self.allow:
            return self.principals.name(facts.caller)
        return self.principals.include(facts.caller) is not self.not_principals


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole policy."""

    statements: tuple[Statement, ...]

    def denies(self, action: str, resource: str, facts: Facts) -> bool:
        return any(not one.allow and one.covers(action, resource, facts) for one in self.statements)

    def allows(self, action: str, resource: str, facts: Facts, *, named: bool = False) -> bool:
        """Whether a statement allows it; denials are for the caller to ask for first."""
        return any(one.allow and one.covers(action, resource, facts, named=named) for one in self.statements)

    def users(self) -> Iterable[str]:
        """The users that it names as principals, by name or canonical id."""
        for statement in self.statements:
            if statement.principals is not None:
                yield from statement.principals.users


def _no_variable(name: str) -> str | None:
    return None
