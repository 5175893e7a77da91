"""Where a lifecycle walk is: what a cursor token holds.

A run first ranks what its rules retain, then goes through older versions and delete markers, through
current versions, and through multipart uploads; a run over single objects goes through their keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from jobs.errors import BadToken
from jobs.kinds.tokens import encode as encode
from jobs.kinds.tokens import read

RANK, CURRENT, VERSIONS, UPLOADS, KEYS = "rank", "current", "versions", "uploads", "keys"
NO_VERSION = "-"
"""The id of no version: a listing after it begins with the newest version of its key."""
SECTIONS = (RANK, CURRENT, VERSIONS, UPLOADS, KEYS)


@dataclass(frozen=True, slots=True)
class Position:
    """`after` (and `after_id`: a version, an upload) is done; `page` sets two tokens apart in any case.

    In `versions` the version at `after_id` is looked at but not decided, since what stands behind it
    decides too, and a version that is gone has no place in line: `held` are its facts, `since` and
    `newer` say what stands before it.
    """

    section: str
    after: str = ""
    after_id: str = ""
    page: int = 0
    since: int = 0
    newer: int = 0
    held: Sequence[Any] = field(default=())


def decode(token: str) -> Position:
    """Raises BadToken."""
    told = read(token, _TYPES)
    if told.get("section") not in SECTIONS:
        raise BadToken(f"The token names no section of a walk: {told.get('section')!r}.")
    return Position(**told)


_TYPES: dict[str, type] = {each.name: int for each in fields(Position)}
_TYPES |= dict.fromkeys(("section", "after", "after_id"), str) | {"held": list}
