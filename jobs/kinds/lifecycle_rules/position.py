"""Where a lifecycle walk is: what a cursor token holds.

A run first ranks what its rules retain, then goes through older versions and delete markers, through
current versions, and through multipart uploads; a run over single objects goes through their keys.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from jobs.errors import BadToken

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


def encode(position: Position) -> str:
    """A token: JSON without what is at its default."""
    told = {name: value for name, value in asdict(position).items() if value}
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False)


def decode(token: str) -> Position:
    """Raises BadToken."""
    try:
        told = json.loads(token)
    except ValueError as error:
        raise BadToken(f"The token is not JSON: {error}.") from None
    if not isinstance(told, dict) or not all(_fits(name, value) for name, value in told.items()):
        raise BadToken("The token is not of this job's kind.")
    if told.get("section") not in SECTIONS:
        raise BadToken(f"The token names no section of a walk: {told.get('section')!r}.")
    return Position(**told)


_TYPES: dict[str, type] = {each.name: int for each in fields(Position)}
_TYPES |= dict.fromkeys(("section", "after", "after_id"), str) | {"held": list}


def _fits(name: Any, value: Any) -> bool:
    return name in _TYPES and type(value) is _TYPES[name]
