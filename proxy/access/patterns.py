"""Texts of policies that stand for many: `*`, `?` and policy variables. Pure.

A pattern is compared in time proportional, at most, to its length times that of the text: each
run between two stars is taken where it first fits and never looked for again.
Source: AWS IAM User Guide, "IAM policy elements: Variables and tags".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

MAX_PATTERN = 2048
"""Characters of one pattern; an ARN with the longest key has fewer."""

_TOKEN = re.compile(r"\$\{([^{}]{1,128})\}|(\*+)|(\?)|([^*?$]+|\$)", re.DOTALL)
_ESCAPES = {"*", "?", "$"}

_LITERAL, _RUN, _ONE, _VARIABLE = range(4)
Pieces = tuple[tuple[int, str], ...]
Resolve = Callable[[str], str | None]
"""The value of a policy variable by its lower-case name, None if there is none now."""


class Pattern:
    """One compiled pattern. Raises ValueError for one that is too long."""

    __slots__ = ("_fixed", "_pieces", "text", "variables")

    def __init__(self, text: str, *, variables: bool = False) -> None:
        if len(text) > MAX_PATTERN:
            raise ValueError("too long")
        self.text = text
        self._pieces = tuple(_pieces(text, variables))
        self.variables = tuple(name for kind, name in self._pieces if kind == _VARIABLE)
        self._fixed = None if self.variables else _compiled(self._pieces)

    @property
    def literal(self) -> bool:
        """Whether it stands for one text only."""
        return all(kind == _LITERAL for kind, _ in self._pieces)

    def matches(self, text: str, resolve: Resolve) -> bool:
        """Whether it stands for this text; a variable without a value stands for nothing."""
        compiled = self._fixed
        if compiled is None:
            resolved = self._resolved(resolve)
            if resolved is None:
                return False
            compiled = _compiled(resolved)
        return compiled.fullmatch(text) is not None

    def plain(self, resolve: Resolve) -> str | None:
        """The text with its variables replaced and nothing else special; None as in `matches`."""
        resolved = self._resolved(resolve) if self.variables else self._pieces
        return None if resolved is None else "".join(text for _, text in resolved)

    def _resolved(self, resolve: Resolve) -> Pieces | None:
        found = []
        for kind, text in self._pieces:
            value: str | None = text
            if kind == _VARIABLE:
                kind, value = _LITERAL, resolve(text)
            if value is None:
                return None
            found.append((kind, value))
        return tuple(found)


def _pieces(text: str, variables: bool) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for match in _TOKEN.finditer(text):
        name, run, one, literal = match.groups()
        if name is not None and not variables:
            found += _pieces_of_literal(match[0])
        elif name is not None and name in _ESCAPES:
            found.append((_LITERAL, name))
        elif name is not None:
            found.append((_VARIABLE, name.lower()))
        elif run:
            found.append((_RUN, "*"))
        elif one:
            found.append((_ONE, "?"))
        else:
            found.append((_LITERAL, literal))
    return found


def _pieces_of_literal(text: str) -> list[tuple[int, str]]:
    """`${...}` where there are no variables: `$` and braces as they are, stars as stars."""
    return [(_LITERAL, "$"), *_pieces(text[1:], variables=False)]


@lru_cache(maxsize=4096)
def _compiled(pieces: Pieces) -> re.Pattern[str]:
    segments = [""]
    for kind, text in pieces:
        if kind == _RUN:
            segments.append("")
        else:
            segments[-1] += "." if kind == _ONE else re.escape(text)
    first, *rest = segments
    if not rest:
        return re.compile(first, re.DOTALL)
    *middle, last = rest
    found = "".join(f"(?>.*?{segment})" for segment in middle if segment)
    return re.compile(f"{first}{found}.*{last}", re.DOTALL)
