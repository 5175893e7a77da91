"""Where a migration is in the change feed of a source that still takes writes: notes in the job's state."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from jobs.kinds.migration.ground import Ground
from proxy.backends.values import FeedLost, FeedPosition


@dataclass(frozen=True, slots=True)
class Following:
    """What was done of the feed behind `position`, up to which all is.

    Of the next batch the changes up to the number `done` are, and of the one with the number `change` the
    versions of `key` up to `version`: a key that changes once more comes with another number. `inside` is
    the position in a large version that is on its way, which had the sequence number `at` when it began.
    """

    position: FeedPosition
    done: int = 0
    change: int = 0
    key: str = ""
    version: str = ""
    inside: str = ""
    at: int = 0


def begin(ground: Ground) -> None:
    """Follow from now on: what is read of the source afterwards misses nothing."""
    note(ground, Following(ground.source.feed_head()))


def note(ground: Ground, at: Following) -> None:
    ground.work.state["following"] = asdict(at)


def noted(ground: Ground) -> Following:
    told = dict(ground.work.state["following"])
    return Following(FeedPosition(**told.pop("position")), **told)


def pending(ground: Ground) -> int:
    """How many changes there are that nothing was done for yet."""
    at = noted(ground)
    return ground.source.backend.head_seq(ground.source.place) - max(at.position.seq, at.done)


def is_pending(ground: Ground, key: str) -> bool:
    """Whether there is a change of the key for which nothing was done yet, as far as the feed tells."""
    at, more = noted(ground).position, True
    try:
        while more:
            listing = ground.source.changes(at)
            if any(change.key == key for change in listing.changes):
                return True
            at, more = listing.position, listing.more
    except FeedLost:
        return True
    return False
