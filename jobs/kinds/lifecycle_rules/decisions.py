"""What can become of an object, a version or an upload, and in which words operators read why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Does(StrEnum):
    """What is done to one thing; the words of the API."""

    NOTHING = "nothing"  # no rule touches it
    KEEP = "keep"  # a rule would touch it, and something keeps it
    LOOK = "look"  # its tags decide, and a listing tells none
    DELETE = "delete"  # a current version: gone, or behind a delete marker
    TRANSITION = "transition"  # copied, verified, and then deleted here
    DELETE_VERSION = "delete-version"  # a noncurrent version, or a noncurrent delete marker
    DELETE_MARKER = "delete-marker"  # a delete marker that hides nothing any more
    ABORT_UPLOAD = "abort-upload"


class Kept(StrEnum):
    """What keeps a thing that a rule would touch."""

    FOLDER = "directory-marker"
    NEWEST = "among-the-newest"
    YOUNG = "protected-by-age"
    RECENT = "among-the-newest-noncurrent"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True)
class Decision:
    """`rule` is the id of the rule that decides, `reason` a sentence, `kept` says by what it is kept."""

    does: Does
    rule: str = ""
    reason: str = ""
    kept: Kept | None = None


NOTHING = Decision(Does.NOTHING)
LOOK = Decision(Does.LOOK)

CHANGES = frozenset(Does) - {Does.NOTHING, Does.KEEP, Does.LOOK}
"""What changes something."""

_UNITS: Mapping[str, int] = {"day": 86_400, "hour": 3_600, "minute": 60}


def spell(seconds: int) -> str:
    """A duration in the largest unit that it is a whole number of: `90 days`."""
    unit, length = next(
        ((unit, length) for unit, length in _UNITS.items() if seconds and seconds % length == 0),
        ("second", 1),
    )
    number = seconds // length
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def kept(by: Kept, rule: str, reason: str) -> Decision:
    """A rule would touch it, and it stays."""
    return Decision(Does.KEEP, rule, reason, by)
