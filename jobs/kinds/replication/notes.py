"""What a rule remembers from run to run, as it stands in the job's state.

`feed` is how far the source's change feed was followed (None: it is not), `life` counts how often it was
begun anew, and `whole` says that all that lies before it was seen by a walk that came to its end. `large` are
the objects that go over in pieces, `verify` is what the last audit found, and `remark` what
operators should know.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any, Final

from proxy.backends.values import FeedPosition

MOST_LARGE: Final = 32
"""Large objects that wait; while there are so many, nothing else is looked for."""


class Notes:
    """A view of the state; what is set here is saved with the page."""

    def __init__(self, state: MutableMapping[str, Any]) -> None:
        self._state = state

    @property
    def feed(self) -> FeedPosition | None:
        return position_of(self._state.get("feed"))

    def follow_from(self, position: FeedPosition) -> None:
        """The feed is done up to there."""
        self._state["feed"] = {
            "bucket_id": position.bucket_id,
            "incarnation": position.incarnation,
            "seq": position.seq,
        }

    def begin_feed(self, position: FeedPosition | None) -> None:
        """From there on (None: there is no feed to follow), after a gap that only a walk can close."""
        self._state["life"] = self.life + 1
        self._state["whole"] = False
        if position is None:
            self._state["feed"] = None
        else:
            self.follow_from(position)

    @property
    def life(self) -> int:
        return int(self._state.get("life", 0))

    @property
    def whole(self) -> bool:
        return bool(self._state.get("whole"))

    @property
    def into(self) -> str:
        """The bucket into which the last walk led, by its id; "" before the first."""
        return str(self._state.get("into", ""))

    def begin_walk(self, into: str) -> None:
        self._state["into"] = into

    def walked(self) -> None:
        """A walk that this life of the feed has seen from its beginning came to its end."""
        self._state["whole"] = True

    def remark(self, text: str) -> None:
        """What operators should know of the rule; "" if there is nothing."""
        self._state["remark"] = text

    @property
    def large(self) -> list[dict[str, Any]]:
        """Changed in place."""
        return self._state.setdefault("large", [])

    def add_large(self, relative: str, *, changed: bool = False) -> None:
        """To go over in pieces, if it does not wait for that already. `changed`: it is known to have."""
        entry = next((entry for entry in self.large if entry["key"] == relative), None)
        if entry is None:
            entry = {"key": relative}
            self.large.append(entry)
        if changed:
            entry.update(changed=True, tried=0)

    @property
    def is_full(self) -> bool:
        """Whether no more large objects are to be found before some are done."""
        return len(self.large) >= MOST_LARGE


def position_of(note: Mapping[str, Any] | None) -> FeedPosition | None:
    """A position from what the state says of it."""
    return None if note is None else FeedPosition(note["bucket_id"], note["incarnation"], note["seq"])
