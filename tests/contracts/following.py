"""A reader of a change feed."""

from __future__ import annotations

from proxy.backends.base import Backend
from proxy.backends.values import FeedPosition, ObjectInfo, Place
from proxy.errors import NoSuchKey


def head(backend: Backend, place: Place) -> FeedPosition:
    """Where the feed is now."""
    return FeedPosition(place.bucket_id, place.incarnation, backend.head_seq(place))


def listing(backend: Backend, place: Place) -> dict[str, ObjectInfo]:
    """What a plain GET finds, by key."""
    found: dict[str, ObjectInfo] = {}
    after: str | None = ""
    while after is not None:
        page = backend.list(place, after=after)
        found |= {info.key: backend.head(place, info.key) for info in page.objects}
        after = page.last
    return found


class Follower:
    """A copy of a listing from one moment on, kept by the feed alone."""

    def __init__(self, backend: Backend, place: Place) -> None:
        self.backend, self.place = backend, place
        self.position = head(backend, place)
        self.seen = listing(backend, place)

    def step(self, limit: int) -> bool:
        """One page; whether there are more."""
        page = self.backend.changes(self.place, self.position, limit)
        assert len(page.changes) <= limit
        for change in page.changes:
            if change.gone:
                self.seen.pop(change.key, None)
            else:
                self._look(change.key)
        self.position = page.position
        return page.more

    def _look(self, key: str) -> None:
        try:
            self.seen[key] = self.backend.head(self.place, key)
        except NoSuchKey:
            return  # that will be told too

    def catch_up(self, limit: int = 1000) -> None:
        """All there is."""
        while self.step(limit):
            pass
