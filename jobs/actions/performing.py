"""What every action has: whether it applies, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jobs.errors import ActionNotSupported, Conflict
from jobs.kinds.base import Action, Kind
from jobs.models import Run
from jobs.presentation import Shown, supported, why_not


@dataclass(frozen=True, slots=True)
class Performed:
    """The job afterwards, or the new one that was made in its place.

    With the run that began, or what a preview found, where the action is one of these.
    """

    shown: Shown
    run: Run | None = None
    preview: Mapping[str, Any] | None = None


def check(shown: Shown, action: Action) -> Kind:
    """The job's kind. Raises ActionNotSupported, Conflict (with the reason)."""
    kind = shown.kind
    if kind is None or action not in kind.actions:
        raise unsupported(shown, action)
    if why := why_not(shown, action):
        raise Conflict(f"{action} does not apply to {shown.job.public_id}: {why}.")
    return kind


def unsupported(shown: Shown, action: str) -> ActionNotSupported:
    """The refusal of an action that the job's kind does not have."""
    names = supported(shown.kind)
    can = f"it supports {', '.join(names)}" if names else "it supports no actions"
    return ActionNotSupported(f"{shown.job.kind} jobs do not support {action}; {can}.", names)
