"""What the pages say before an action is done, and after: a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jobs.kinds.base import Action


@dataclass(frozen=True, slots=True)
class Asked:
    """`{id}`, `{bucket}` and `{failed}` (so many objects) are filled in.

    `says` is empty where the kind's own words say what happens.
    """

    title: str
    says: str
    button: str
    done: str
    danger: bool = False
    runs: bool = False
    """It begins a run, of a rule that is paused or disabled too."""


ONE_OFFS: Mapping[Action, Asked] = {
    Action.CANCEL: Asked("Cancel {id}?", "", "Cancel the job", "Cancel was asked for.", danger=True),
    Action.RETRY_FAILED: Asked(
        "Try {id} again?",
        "A new job starts from the beginning with the same parameters and names this one as its parent."
        " Writes to {bucket} pause until it is done.",
        "Start a new job",
        "A new job was started in its place.",
    ),
}
RULES: Mapping[Action, Asked] = {
    Action.RUN_NOW: Asked(
        "Run {id} now?",
        "The run that the schedule would begin next begins now; a worker takes it up as any other.",
        "Run now",
        "A run was begun.",
        runs=True,
    ),
    Action.PAUSE: Asked(
        "Pause {id}?",
        "No run begins until it is resumed, and one that is on its way waits after its next page."
        " It stays paused when the rules are loaded again.",
        "Pause",
        "It is paused.",
    ),
    Action.RESUME: Asked(
        "Resume {id}?",
        "A run that waits goes on where it was, and one that is due begins.",
        "Resume",
        "It goes on.",
    ),
    Action.VERIFY: Asked(
        "Verify {id}?",
        "Both sides are listed and compared. Nothing is changed; what differs is told with its reason.",
        "Verify",
        "A run that compares was begun.",
        runs=True,
    ),
    Action.RETRY_FAILED: Asked(
        "Try again what failed in {id}?",
        "A run looks once more at the {failed} that failed and that no run has looked at since.",
        "Try again",
        "A run over what failed was begun.",
        runs=True,
    ),
}


def asked(action: str, standing: bool) -> Asked | None:
    """What to say of an action that is asked for before it is done; None of any other word."""
    table = RULES if standing else ONE_OFFS
    return table.get(Action(action)) if action in set(Action) else None
