"""How long a feed is followed while clients write: until few changes are left, or they do not get fewer."""

from __future__ import annotations

from jobs.kinds.migration.feed import noted, pending
from jobs.kinds.migration.ground import Ground

FEW = 50
"""Changes that can wait until the gate is closed: they take some tenths of a second."""
MOST_ROUNDS = 50
SHRINKS = 0.9
"""Of the changes at its begin at most this share is left after a round that was worth it."""


def is_near(ground: Ground) -> bool:
    """Whether it is time to close the gate; notes the rounds.

    A round ends where the feed was when it began. What came meanwhile is the next one's.
    """
    state, left, at = ground.work.state, pending(ground), noted(ground)
    if at.inside:
        return False
    before = state.get("round")
    if before is not None and max(at.position.seq, at.done) < before["until"]:
        return False
    number = 1 if before is None else before["number"] + 1
    if is_enough(left, None if before is None else before["left"], number):
        return True
    state["round"] = {"number": number, "left": left, "until": max(at.position.seq, at.done) + left}
    return False


def is_enough(left: int, before: int | None, number: int) -> bool:
    """`left` changes wait after round `number - 1`, at whose begin there were `before`. Pure."""
    if left <= FEW or number > MOST_ROUNDS:
        return True
    return before is not None and left > before * SHRINKS
