"""Globs of rules, as far as one can be wrong.

They are matched against keys relative to the rule's prefix: `*` within a segment, `**` across
segments, `?` one character, `[a-z]` and `[!a-z]` one of a set.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

MOST_GLOBS = 100
LONGEST_GLOB = 200


def glob_fault(glob: str) -> str | None:
    """What is wrong with a glob, or None."""
    at = 0
    while (at := glob.find("[", at)) >= 0:
        first = at + 1 + (glob[at + 1 : at + 2] in ("!", "^"))
        end = glob.find("]", first + 1)  # a `]` that comes first is one of the set
        if end < 0:
            return "a '[' is not closed by a ']'"
        body = glob[first:end]
        if "/" in body:
            return "a set in [...] cannot hold '/'"
        if any(body[i + 1] == "-" and body[i] > body[i + 2] for i in range(len(body) - 2)):
            return "a range in [...] runs backwards"
        at = end + 1
    return None


def _compiles(glob: str) -> str:
    if fault := glob_fault(glob):
        raise PydanticCustomError("bad_glob", fault)
    return glob


Glob = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_GLOB), AfterValidator(_compiles)]
Globs = Annotated[list[Glob], Field(max_length=MOST_GLOBS)]
