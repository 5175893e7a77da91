"""Counting a source that must be listed to know what it holds: page by page, to fit any slice."""

from __future__ import annotations

from dataclasses import asdict

from jobs.kinds.base import Page
from jobs.kinds.migration.ground import Ground
from jobs.kinds.position import Position, decode, encode
from proxy.backends.values import Usage

_LISTED = 1000


def begin(ground: Ground) -> Page:
    """Nothing is counted yet."""
    ground.work.state["counted"] = asdict(Usage(0, 0, 0, 0))
    return Page(token=encode(Position()), truncated=True)


def page(ground: Ground, token: str) -> Page:
    """Count some more versions; behind the last of them the uploads. Raises BadToken."""
    position, counts = decode(token), ground.work.state["counted"]
    listing = ground.source.list_versions(after=(position.after, position.after_id), limit=_LISTED)
    for each in listing.versions:
        live = each.latest and not each.marker
        counts["keys" if live else "versions"] += 1
        counts["size" if live else "versions_size"] += each.size
    if listing.last is not None:
        return Page(token=encode(position.past(*listing.last)), truncated=True)
    counts["uploads"] = _uploads(ground)
    return Page()


def _uploads(ground: Ground) -> int:
    found, after = 0, ("", "")
    while True:
        listing = ground.source.list_uploads(after=after, limit=_LISTED)
        found += len(listing.uploads)
        if listing.last is None:
            return found
        after = listing.last


def counted(ground: Ground) -> Usage | None:
    """What was counted, if it had to be. How many versions are locked only their copy shows."""
    found = ground.work.state.get("counted")
    return None if found is None else Usage(**found)
