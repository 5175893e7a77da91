"""A run over what the change feed tells, until it tells no more."""

from __future__ import annotations

from jobs.kinds.base import Page
from jobs.kinds.replication import large
from jobs.kinds.replication.following import follow
from jobs.kinds.replication.ground import Ground
from jobs.kinds.replication.position import Position, decode, encode

MOST_PAGES = 500
"""A run that never comes to the end of its feed ends, so that a reconcile gets its turn. What is left, large
objects too, is the next one's."""


def page(ground: Ground, token: str | None) -> Page:
    """Changes and the pieces of large objects by turns."""
    ground.require_open_window()
    at = Position() if token is None else decode(token)
    if at.turn >= MOST_PAGES:
        return Page()
    items, more = large.large_items(ground) if at.turn % 2 else (), False
    if not items:
        followed = follow(ground)
        items, more = followed.items or large.large_items(ground), followed.more
    if items or more:
        return Page(items, encode(at.next()), truncated=True)
    return Page()
