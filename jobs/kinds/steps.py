"""The steps of a kind's phases: tables of what is done to an item, by the word in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from jobs.kinds.base import Item, Outcome, Page

G = TypeVar("G")


@dataclass(frozen=True, slots=True)
class Step(Generic[G]):
    """What one phase does: how it pages, and what it does to an item by `item.data["do"]`."""

    page: Callable[[G, str | None], Page]
    does: dict[str, Callable[[G, Item], Outcome]]


def todo(do: str, key: str, size: int = 0, **data: Any) -> Item:
    """An item that `Step.does[do]` handles."""
    return Item(key=key, size=size, data={"do": do, **data})
