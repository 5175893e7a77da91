"""What an operator may ask of a migration, read and checked. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from jobs.errors import BadRequest
from jobs.kinds.migration.keeping import DROPS

PRECOPY = "precopy"
"""The mode of a migration that copies while clients write."""
_FLAGS = ("delete_source", "replace_target", PRECOPY)


@dataclass(frozen=True, slots=True)
class Wish:
    """What an operator may ask of a migration."""

    target_backend: str
    delete_source: bool = False
    replace_target: bool = False
    drop: tuple[str, ...] = ()
    precopy: bool = False

    def spec(self) -> dict[str, Any]:
        """As a job keeps it: plain JSON."""
        return {**asdict(self), "drop": list(self.drop)}


def read_wish(params: Mapping[str, Any]) -> Wish:
    """Raises BadRequest for what is missing, unknown or of the wrong type."""
    unknown = sorted(set(params) - {"target_backend", "drop", *_FLAGS})
    if unknown:
        raise BadRequest(f"A migration has no parameter {unknown[0]}.", parameter=unknown[0])
    target = params.get("target_backend")
    if not isinstance(target, str) or not target:
        raise BadRequest("target_backend must name a backend.", parameter="target_backend")
    for name in _FLAGS:
        if not isinstance(params.get(name, False), bool):
            raise BadRequest(f"{name} must be true or false.", parameter=name)
    flags = {name: params.get(name, False) for name in _FLAGS}
    return Wish(target, **flags, drop=_read_drop(params.get("drop", ())))


def _read_drop(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list | tuple) or not all(each in DROPS for each in given):
        raise BadRequest(f"drop must be a list of: {', '.join(DROPS)}.", parameter="drop")
    return tuple(each for each in DROPS if each in given)
