"""What a replication rule wants, from the plain JSON that its job keeps. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from jobs.errors import BadRequest
from jobs.globs import Selection
from jobs.kinds.replicas.sides import Side
from jobs.windows import Window


class Conflict(StrEnum):
    """What becomes of an object that both sides have."""

    NEWER_WINS = "newer-wins"
    CONTENT_DIFF = "content-diff"
    SKIP = "skip-if-dest-exists"


@dataclass(frozen=True, slots=True)
class Spec:
    """One rule.

    `follows`: changes of the source are copied as they happen, where it tells them. `bandwidth` is bytes
    per second, `timeout_s` the time that one object may take.
    """

    source: Side
    destination: Side
    selection: Selection
    conflict: Conflict = Conflict.NEWER_WINS
    follows: bool = True
    deletes: bool = False
    bandwidth: int | None = None
    window: Window | None = None
    timeout_s: float | None = None

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Spec:
        """Raises BadRequest."""
        try:
            return cls(
                source=Side.of(said["source"]),
                destination=Side.of(said["destination"]),
                selection=Selection.of(said.get("include_globs", ()), said.get("exclude_globs", ())),
                conflict=Conflict(said.get("conflict") or Conflict.NEWER_WINS),
                follows=said.get("trigger", "events") == "events",
                deletes=bool(said.get("replicate_deletes")),
                bandwidth=said.get("bandwidth") or None,
                window=Window.of(said["window"]) if said.get("window") else None,
                timeout_s=said.get("timeout_s") or None,
            )
        except (KeyError, ValueError, TypeError) as error:
            raise BadRequest(f"This is no replication rule: {type(error).__name__}: {error}.") from None

    @property
    def buckets(self) -> tuple[str, ...]:
        """Both sides', by name."""
        return self.source.bucket, self.destination.bucket

    def is_about(self, relative: str) -> bool:
        """Whether a key, relative to either prefix, is one that the rule copies and may delete.

        What a prefix itself names (an empty relative key) is no object under it.
        """
        return relative != "" and self.selection.takes(relative)
