"""Reconcile: a walk over both sides, while the feed is followed and large objects go over in pieces.

Each page is one turn of one of the three, and the turns go round: a long walk holds up no change, and a busy
writer no walk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from jobs.errors import BadToken
from jobs.kinds.base import Item, Page
from jobs.kinds.replication import large
from jobs.kinds.replication.following import begin_feed, follow
from jobs.kinds.replication.ground import Ground
from jobs.kinds.replication.position import Position, decode, encode
from jobs.kinds.replication.walking import walk

_Turn = Callable[[Ground, Position], tuple[Sequence[Item], Position]]


def page(ground: Ground, token: str | None) -> Page:
    """The next turn that has something to do. The end: the walk is, and no large object waits."""
    ground.require_open_window()
    if token is None:
        at, items = _begin(ground)
        if items:
            return Page(items, encode(at.next()), truncated=True)
    else:
        at = decode(token)
        if at.between != _between(ground):
            raise BadToken("A bucket was made anew since, and nothing of it was seen.")
    for number in range(len(_TURNS)):
        if at.walked and not ground.notes.large:
            break
        items, following = _TURNS[(at.turn + number) % len(_TURNS)](ground, at)
        if items or following != at:
            return Page(items, encode(following.next()), truncated=True)
    if at.life == ground.notes.life:
        ground.notes.walked()
    return Page()


def _begin(ground: Ground) -> tuple[Position, Sequence[Item]]:
    """The feed's position is noted before anything is listed."""
    begin_feed(ground)
    ground.notes.begin_walk(ground.destination.place.bucket_id)
    at = Position(life=ground.notes.life, between=_between(ground))
    return at, large.leftovers(ground)


def _between(ground: Ground) -> str:
    """Which buckets have the names of the rule. One that moves to another backend stays the same."""
    return f"{ground.source.place.bucket_id} {ground.destination.place.bucket_id}"


def _feed(ground: Ground, at: Position) -> tuple[Sequence[Item], Position]:
    return follow(ground).items, at


def _large(ground: Ground, at: Position) -> tuple[Sequence[Item], Position]:
    return large.large_items(ground), at


def _walk(ground: Ground, at: Position) -> tuple[Sequence[Item], Position]:
    if at.walked or ground.notes.is_full:
        return (), at
    stretch = walk(ground, at.after)
    return stretch.items, replace(at, after=stretch.after, walked=stretch.ended)


_TURNS: tuple[_Turn, ...] = (_feed, _large, _walk)
