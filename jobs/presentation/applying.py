"""Which actions apply to a job now, as a table; the others are refused with the reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from jobs.kinds.base import EVENTS, Action, Kind
from jobs.presentation.shown import Shown
from jobs.states import Event, Status, sources

Condition = Callable[[Shown], str]
"""Why not; empty if nothing stands against it."""


def _is(*wanted: Status) -> Condition:
    def condition(shown: Shown) -> str:
        words = " or ".join(sorted(wanted))
        return "" if shown.status in wanted else f"it is {shown.status}, and must be {words}"

    return condition


def _not_stopping(shown: Shown) -> str:
    return "it stops already" if shown.job.stop_requested else ""


def _declared(shown: Shown) -> str:
    return "" if shown.job.declared else "the rule is not declared any more"


def _at_rest(shown: Shown) -> str:
    """Or as good as that: what follows a feed, and what a pause holds up, gives way."""
    if shown.status in sources(Event.ENQUEUE) or shown.job.mode == EVENTS or shown.job.waits:
        return ""
    return f"a run is on its way, and is {shown.status}"


def _may_run(shown: Shown) -> str:
    """Paused and disabled rules of some kinds run nevertheless, if an operator says so."""
    if shown.kind is not None and shown.kind.at_will:
        return ""
    if shown.job.paused:
        return "it is paused"
    return "" if shown.job.enabled else "it is disabled in its configuration"


def _not_paused(shown: Shown) -> str:
    return "it is paused already" if shown.job.paused else ""


def _paused(shown: Shown) -> str:
    return "" if shown.job.paused else "it is not paused"


def _failing(shown: Shown) -> str:
    return "" if shown.failing else "no object has failed that was not looked at again"


ONE_OFFS: Mapping[Action, tuple[Condition, ...]] = {
    Action.CANCEL: (_is(Status.QUEUED, Status.RUNNING), _not_stopping),
    Action.RETRY_FAILED: (_is(Status.FAILED, Status.CANCELLED),),
}
RULES: Mapping[Action, tuple[Condition, ...]] = {
    Action.PAUSE: (_declared, _not_paused),
    Action.RESUME: (_declared, _paused),
    Action.RUN_NOW: (_declared, _at_rest, _may_run),
    Action.VERIFY: (_declared, _at_rest, _may_run),
    Action.PREVIEW: (_declared,),
    Action.RETRY_FAILED: (_declared, _at_rest, _may_run, _failing),
}
APPLIES: Mapping[Action, Mapping[bool, tuple[Condition, ...]]] = {
    action: {
        standing: table[action] for standing, table in ((False, ONE_OFFS), (True, RULES)) if action in table
    }
    for action in Action
    if action in ONE_OFFS or action in RULES
}
"""By action and by whether the job is a rule's. An action that no window offers is not here."""


def supported(kind: Kind | None) -> list[str]:
    """The kind's actions that a window can carry out, sorted."""
    return sorted(action.value for action in (kind.actions if kind else ()) if action in APPLIES)


def why_not(shown: Shown, action: Action) -> str:
    """Why an action that the kind has does not apply now: the first reason; empty if it does."""
    conditions = APPLIES[action].get(shown.job.standing, ())
    return next((why for condition in conditions if (why := condition(shown))), "")


def available(shown: Shown) -> list[str]:
    """The actions that apply now."""
    return [name for name in supported(shown.kind) if not why_not(shown, Action(name))]
