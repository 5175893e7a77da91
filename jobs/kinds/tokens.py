"""Cursor tokens: the JSON of a position without what is at its default. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from jobs.errors import BadToken

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def encode(position: DataclassInstance) -> str:
    """The token of a position, a dataclass whose defaults are all false."""
    told = {name: value for name, value in asdict(position).items() if value}
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False)


def read(token: str, types: Mapping[str, type], whose: str = "this job's kind") -> dict[str, Any]:
    """What a token tells, each value of exactly the type of its name. Raises BadToken."""
    try:
        told = json.loads(token)
    except ValueError as error:
        raise BadToken(f"The token is not JSON: {error}.") from None
    if not isinstance(told, dict) or any(type(value) is not types.get(name) for name, value in told.items()):
        raise BadToken(f"The token is not of {whose}.")
    return told
