"""One condition of a policy: read, and asked. Pure.

Source: AWS IAM User Guide, "IAM JSON policy elements: Condition operators" and "Multivalued
context keys".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from proxy.access.facts import Facts, known_key, multivalued
from proxy.access.operators import OPERATORS, Operator
from proxy.access.patterns import Pattern
from proxy.errors import MalformedPolicy

_ANY, _ALL = "ForAnyValue:", "ForAllValues:"
_IF_EXISTS = "IfExists"


@dataclass(frozen=True, slots=True)
class Condition:
    """`name` is the operator's without its set word and IfExists; `key` is lower case."""

    name: str
    key: str
    wanted: tuple[Any, ...]
    of_set: str = ""
    if_exists: bool = False

    def holds(self, facts: Facts) -> bool:
        values = facts.values(self.key)
        if self.name == "Null":
            return (values is None or not values) in self.wanted
        operator = OPERATORS[self.name]
        if not values:
            return self.if_exists or _WITHOUT[self.of_set](operator)
        fits = [self._fits(operator, value, facts) for value in values]
        return all(fits) if self.of_set == _ALL else any(fits)

    def _fits(self, operator: Operator, value: str, facts: Facts) -> bool:
        found = any(operator.fits(value, one, facts.variable) for one in self.wanted)
        return found is not operator.negative


_WITHOUT: dict[str, Callable[[Operator], bool]] = {
    "": lambda operator: operator.negative,
    _ANY: lambda operator: False,
    _ALL: lambda operator: True,
}
"""What a condition on a key without a value comes to."""


def read_conditions(block: Any, *, variables: bool) -> tuple[Condition, ...]:
    """The Condition element of a statement. Raises MalformedPolicy."""
    if not isinstance(block, dict):
        raise MalformedPolicy("The Condition element must be an object.")
    found = []
    for word, keys in block.items():
        if not isinstance(keys, dict):
            raise MalformedPolicy(f"The condition {word[:64]} must name keys and values.")
        found += [_condition(word, key, values, variables) for key, values in keys.items()]
    return tuple(found)


def _condition(word: str, key: str, values: Any, variables: bool) -> Condition:
    of_set = next((one for one in (_ANY, _ALL) if word.startswith(one)), "")
    name = word.removeprefix(of_set)
    if_exists = name.endswith(_IF_EXISTS)
    name = name.removesuffix(_IF_EXISTS)
    if name not in OPERATORS and not (name == "Null" and not if_exists):
        raise MalformedPolicy(f"Invalid Condition type: {word[:64]}")
    lowered = key.lower()
    if not known_key(lowered):
        raise MalformedPolicy(f"Policy has an invalid condition key: {key[:128]}")
    if multivalued(lowered) and not of_set and name != "Null":
        raise MalformedPolicy(f"The condition key {key[:64]} needs ForAnyValue or ForAllValues.")
    texts = [_text(value) for value in (values if isinstance(values, list) else [values])]
    if not texts:
        raise MalformedPolicy(f"The condition on {key[:64]} has no value.")
    try:
        return Condition(name, lowered, _wanted(name, texts, variables), of_set, if_exists)
    except ValueError:
        raise MalformedPolicy(f"Invalid value for the condition {word[:64]} on {key[:64]}") from None


def _wanted(name: str, texts: list[str], variables: bool) -> tuple[Any, ...]:
    if name == "Null":
        return tuple(OPERATORS["Bool"].read(text, False) == "true" for text in texts)
    found = tuple(OPERATORS[name].read(text, variables) for text in texts)
    check_variables(found)
    return found


def check_variables(found: tuple[Any, ...]) -> None:
    """Raise MalformedPolicy for a policy variable that we cannot tell the value of."""
    for one in found:
        for pattern in one if isinstance(one, tuple) else (one,):
            if isinstance(pattern, Pattern):
                for name in pattern.variables:
                    if not known_key(name) or multivalued(name):
                        raise MalformedPolicy(f"Invalid policy variable: {name[:64]}")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise MalformedPolicy("The values of conditions must be strings, numbers or booleans.")
