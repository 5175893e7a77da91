"""Where a run is: what its cursor token holds. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from jobs.errors import BadToken


@dataclass(frozen=True, slots=True)
class Position:
    """`turn` counts the pages, so that no token comes twice; it says too whose turn it is.

    Of a walk `after` is the relative key up to which both sides are done, `walked` says that all are, `life`
    which life of the feed covers what is changed behind it, and `between` which two buckets it is about.
    """

    turn: int = 0
    after: str = ""
    walked: bool = False
    life: int = 0
    between: str = ""

    def next(self, **changes: Any) -> Position:
        """The position of the page that follows."""
        return replace(self, turn=self.turn + 1, **changes)


_TYPES = {name: type(value) for name, value in asdict(Position()).items()}


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
    if not isinstance(told, dict) or any(type(value) is not _TYPES.get(name) for name, value in told.items()):
        raise BadToken("The token is not of a replication.")
    return Position(**told)
