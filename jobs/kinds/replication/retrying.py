"""A run over single keys: those that failed before."""

from __future__ import annotations

from jobs.kinds.base import Page
from jobs.kinds.replicas.target import look
from jobs.kinds.replication import large
from jobs.kinds.replication.ground import Ground
from jobs.kinds.replication.grouping import Wanted, items_of
from jobs.kinds.replication.position import Position, decode, encode


def page(ground: Ground, token: str | None) -> Page:
    """The next of the run's keys, which are keys of the source; then those of them that are large."""
    ground.require_open_window()
    at = Position() if token is None else decode(token)
    spec, limits, keys = ground.spec, ground.limits, ground.work.keys
    first = at.turn * limits.page_items
    wanted: list[Wanted] = []
    for key in keys[first : first + limits.page_items]:
        relative = spec.source.relative(key)
        if relative is None or not spec.is_about(relative):
            continue
        found = look(ground.source, key)
        if found is not None and found.size > limits.large_bytes:
            ground.notes.add_large(relative, changed=True)
        else:
            wanted.append(Wanted(relative, found.size if found else 0, changed=True))
    items = items_of(spec.source.prefix, wanted, limits) or large.large_items(ground)
    if items or first + limits.page_items < len(keys):
        return Page(items, encode(at.next()), truncated=True)
    return Page()
