"""Where a run is: what its cursor token holds. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from jobs.kinds.tokens import encode as encode
from jobs.kinds.tokens import read


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


def decode(token: str) -> Position:
    """Raises BadToken."""
    return Position(**read(token, _TYPES, "a replication"))
