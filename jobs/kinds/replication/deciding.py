"""What becomes of a key: the one definition of "in sync", for copy, feed, retry and audit alike. Pure.

All that counts are the facts that listings tell: size, ETag, and the second of the last change. Of what is
known to have changed, metadata, headers and tags count too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from jobs.kinds.replicas.sameness import Listed, Sameness, described_alike, is_newer, sameness
from jobs.kinds.replication.spec import Conflict
from proxy.backends.values import ObjectInfo


class State(StrEnum):
    """How the two sides of a key stand to each other."""

    IN_SYNC = "in_sync"
    MISSING = "missing"
    EXTRA = "extra"
    DIFFERENT = "different"
    UNVERIFIABLE = "unverifiable"


class Act(StrEnum):
    """What a run does about it."""

    LEAVE = "leave"
    COPY = "copy"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Decision:
    """`reason` and `fix` (what would bring the sides in line) are for operators."""

    state: State
    act: Act = Act.LEAVE
    reason: str = ""
    fix: str = ""


class Age(StrEnum):
    """The source against the destination, by whole seconds."""

    NEWER = "newer"
    EQUAL = "equal"
    OLDER = "older"


_RECONCILE = "The next reconcile copies it."
_OVERWRITE = "Write the object at the source anew, or remove it at the destination."

IN_SYNC = Decision(State.IN_SYNC)
MISSING = Decision(State.MISSING, Act.COPY, "The destination has no such object.", _RECONCILE)
TO_DELETE = Decision(
    State.EXTRA, Act.DELETE, "The source has no such object.", "The next reconcile deletes it."
)
EXTRA = Decision(
    State.EXTRA,
    Act.LEAVE,
    "The source has no such object, and the rule replicates no deletes.",
    "Remove it at the destination, or set replicate_deletes.",
)
WRITTEN_ANEW = Decision(State.DIFFERENT, Act.COPY, "The source was written anew since.", _RECONCILE)
DIFFERENT = Decision(State.DIFFERENT, Act.COPY, "The contents differ.", _RECONCILE)
DESCRIBED_ANEW = Decision(State.DIFFERENT, Act.COPY, "Metadata, headers or tags differ.", _RECONCILE)
UNKNOWN = Decision(
    State.UNVERIFIABLE, Act.COPY, "Equal sizes, and ETags of forms that cannot be compared.", _RECONCILE
)
LEFT_NEWER = Decision(
    State.DIFFERENT, Act.LEAVE, "The contents differ, and the destination's is newer.", _OVERWRITE
)
UNKNOWN_NEWER = Decision(
    State.UNVERIFIABLE,
    Act.LEAVE,
    "Equal sizes, ETags of forms that cannot be compared, and the destination is newer.",
    "Read both and compare them; `conflict: content-diff` copies it.",
)
LEFT_THERE = Decision(
    State.DIFFERENT,
    Act.LEAVE,
    "The contents differ, and the rule leaves what is there.",
    "Remove it at the destination, or choose another `conflict`.",
)
UNKNOWN_THERE = Decision(
    State.UNVERIFIABLE,
    Act.LEAVE,
    "Equal sizes, ETags of forms that cannot be compared, and the rule leaves what is there.",
    "Read both and compare them, or choose another `conflict`.",
)
LOCKED = Decision(
    State.UNVERIFIABLE,
    Act.LEAVE,
    "Only a customer's key (SSE-C) opens it, so it cannot be copied to another bucket.",
    "Copy it with its key.",
)

BOTH: dict[Conflict, dict[Sameness, dict[Age, Decision]]] = {
    Conflict.NEWER_WINS: {
        Sameness.SAME: {Age.NEWER: WRITTEN_ANEW, Age.EQUAL: IN_SYNC, Age.OLDER: IN_SYNC},
        Sameness.DIFFERENT: {Age.NEWER: DIFFERENT, Age.EQUAL: DIFFERENT, Age.OLDER: LEFT_NEWER},
        Sameness.UNKNOWN: {Age.NEWER: UNKNOWN, Age.EQUAL: UNKNOWN, Age.OLDER: UNKNOWN_NEWER},
    },
    Conflict.CONTENT_DIFF: {
        Sameness.SAME: dict.fromkeys(Age, IN_SYNC),
        Sameness.DIFFERENT: dict.fromkeys(Age, DIFFERENT),
        Sameness.UNKNOWN: dict.fromkeys(Age, UNKNOWN),
    },
    Conflict.SKIP: {
        Sameness.SAME: dict.fromkeys(Age, IN_SYNC),
        Sameness.DIFFERENT: dict.fromkeys(Age, LEFT_THERE),
        Sameness.UNKNOWN: dict.fromkeys(Age, UNKNOWN_THERE),
    },
}
"""What becomes of an object that both sides have."""


def decide(
    source: Listed | None, destination: Listed | None, conflict: Conflict, *, deletes: bool
) -> Decision:
    """What becomes of a key of which both sides show this; None: nothing is there.

    A decision to delete stands only once the source has confirmed the absence.
    """
    if source is None:
        if destination is None:
            return IN_SYNC
        return TO_DELETE if deletes else EXTRA
    if destination is None:
        return MISSING
    return BOTH[conflict][sameness(source, destination)][_age(source, destination)]


def decide_changed(
    source: ObjectInfo | None, destination: ObjectInfo | None, conflict: Conflict, *, deletes: bool
) -> Decision:
    """The same of a key that is known to have changed, by all facts of both: what would be in sync is copied
    for its metadata, headers and tags, unless the destination is newer.

    Not for walks: a destination that cannot keep such facts gets one copy for each change, and no more.
    """
    decision = decide(source, destination, conflict, deletes=deletes)
    if decision is not IN_SYNC or source is None or destination is None or conflict is Conflict.SKIP:
        return decision
    if is_newer(destination, source) or described_alike(source, destination):
        return decision
    return DESCRIBED_ANEW


def _age(source: Listed, destination: Listed) -> Age:
    if is_newer(source, destination):
        return Age.NEWER
    return Age.OLDER if is_newer(destination, source) else Age.EQUAL
