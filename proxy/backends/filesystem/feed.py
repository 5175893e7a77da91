"""What happened in one open place, from the bounded log that each change leaves a row in."""

from __future__ import annotations

from proxy.backends import feeds
from proxy.backends.feeds import Bounds
from proxy.backends.filesystem.bucket import OpenBucket
from proxy.backends.filesystem.rows import Row
from proxy.backends.values import Change, ChangeListing, FeedPosition

_BOUNDS = "SELECT coalesce((SELECT min(seq) - 1 FROM changes), seq), seq FROM place"
_NEXT = "SELECT CAST(key AS TEXT), seq, gone FROM changes WHERE seq > ? ORDER BY seq LIMIT ?"


def changes(bucket: OpenBucket, after: FeedPosition, limit: int) -> ChangeListing:
    """See `Backend.changes`. Everything is read at one moment. Raises FeedLost."""
    feeds.require_life(bucket.place, after)
    with bucket.pool.lend() as connection:
        connection.execute("BEGIN")
        state: Row = connection.execute(_BOUNDS).fetchall()[0]
        bounds = Bounds(*state)
        feeds.require_held(bounds, after)
        rows: list[Row] = connection.execute(_NEXT, (after.seq, limit)).fetchall()
        connection.execute("COMMIT")
    return feeds.page(after, bounds.head, [Change(key, seq, bool(gone)) for key, seq, gone in rows])
