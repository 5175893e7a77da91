"""Following the source's change feed: what changed since a position, key by key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from jobs.kinds.base import Item
from jobs.kinds.replicas.target import look
from jobs.kinds.replication.ground import Ground
from jobs.kinds.replication.grouping import Wanted, items_of
from proxy.backends.values import Change, ChangeListing, FeedLost, FeedPosition
from proxy.store import Store

_NO_FEED = "The source's backend tells no changes, so the rule runs at its interval alone."


@dataclass(frozen=True, slots=True)
class Followed:
    """What is to be done for the changes, and whether there are more of them."""

    items: Sequence[Item] = ()
    more: bool = False


def follow(ground: Ground) -> Followed:
    """The next changes that the rule is about; the notes then say how far the feed was followed.

    Where the feed is lost it is begun anew, and the notes say that a walk has to close the gap.
    """
    notes, source = ground.notes, ground.source
    position = notes.feed
    if position is None or notes.is_full:
        return Followed()
    if not source.feeds_changes:  # it was migrated to a backend that tells none
        notes.begin_feed(None)
        return Followed()
    if notes.into != ground.destination.place.bucket_id:  # it was made anew, and lacks what came before
        notes.begin_feed(source.feed_head())
        return Followed()
    until_ms = ground.work.now_ms() + ground.limits.look_ms
    try:
        while True:
            listing = source.changes(position, ground.limits.page_items)
            wanted, position = _wanted(ground, source, listing)
            more = position.seq < listing.position.seq or listing.more
            if wanted or not more or notes.is_full or ground.work.now_ms() >= until_ms:
                break
    except FeedLost:
        notes.begin_feed(source.feed_head())
        return Followed()
    notes.follow_from(position)
    return Followed(items_of(ground.spec.source.prefix, wanted, ground.limits), more)


def begin_feed(ground: Ground) -> None:
    """Have the notes say where a feed is, before a walk lists anything: the head, unless it is followed."""
    notes, source = ground.notes, ground.source
    feeds = source.feeds_changes
    notes.remark(_NO_FEED if ground.spec.follows and not feeds else "")
    if not (ground.spec.follows and feeds):
        if notes.feed is not None or not notes.life:
            notes.begin_feed(None)
        return
    try:
        if notes.feed is not None:
            source.changes(notes.feed, 1)
            return
    except FeedLost:
        pass  # it begins anew, as one that was never followed
    notes.begin_feed(source.feed_head())


def _wanted(ground: Ground, source: Store, listing: ChangeListing) -> tuple[list[Wanted], FeedPosition]:
    """Up to a page of what the rule is about, and how far that goes. Large objects are noted."""
    wanted: list[Wanted] = []
    size, position = 0, listing.position
    for change in listing.changes:
        one = _one(ground, source, change)
        if one is None:
            continue
        if one.size > ground.limits.large_bytes:
            ground.notes.add_large(one.relative, changed=True)
        else:
            wanted.append(one)
            size += one.size
        if size >= ground.limits.page_bytes or ground.notes.is_full:
            position = replace(position, seq=change.seq)
            break
    return wanted, position


def _one(ground: Ground, source: Store, change: Change) -> Wanted | None:
    """What a change asks for; None if it is none of the rule's."""
    spec = ground.spec
    relative = spec.source.relative(change.key)
    if relative is None or not spec.is_about(relative):
        return None
    if change.gone:
        return Wanted(relative) if spec.deletes else None
    found = look(source, change.key)
    if found is None:
        return Wanted(relative) if spec.deletes else None
    return Wanted(relative, found.size, changed=True)
