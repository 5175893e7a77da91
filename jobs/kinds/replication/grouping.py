"""Which keys make up an item. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jobs.kinds.base import Item
from jobs.kinds.replication.ground import Limits
from jobs.kinds.steps import todo


@dataclass(frozen=True, slots=True)
class Wanted:
    """A relative key that needs something done.

    `absent`: the destination had no such object when it was listed, so that it need not be asked.
    `changed`: it is known to have changed, so that all its facts count. `size` is that of the source's
    object, as far as it is known.
    """

    relative: str
    size: int = 0
    absent: bool = False
    changed: bool = False


def items_of(prefix: str, wanted: Iterable[Wanted], limits: Limits) -> list[Item]:
    """Large enough ones alone, small ones together. `prefix` is the source's."""
    items: list[Item] = []
    group: list[Wanted] = []
    for one in wanted:
        if one.size > limits.small_bytes:
            items.append(item_of(prefix, [one]))
            continue
        group.append(one)
        if len(group) == limits.group_items:
            items.append(item_of(prefix, group))
            group = []
    return [*items, item_of(prefix, group)] if group else items


def item_of(prefix: str, group: Sequence[Wanted]) -> Item:
    """One item of some keys; its own key is that of the first at the source."""
    size = sum(one.size for one in group)
    keys = [[one.relative, one.size, one.absent, one.changed] for one in group]
    return todo("keys", prefix + group[0].relative, size, keys=keys)


def wanted_of(item: Item) -> list[Wanted]:
    """The keys of an item."""
    return [Wanted(*each) for each in item.data["keys"]]
