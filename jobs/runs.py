"""How a run of a rule ends: what its job's row keeps of it, and what the history tells.

A rule has one job for all its life and any number of runs. The ends that a worker makes are in
`jobs.claims`, those for which no worker is needed in `jobs.transitions` and `jobs.standing`.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import F
from django.utils import timezone

from jobs import clock
from jobs.clock import NowMs
from jobs.kinds.base import EVENTS, Kind
from jobs.models import Failure, Job, Run
from jobs.progress import Progress
from jobs.states import Event, Status, target

log = logging.getLogger(__name__)

DEFERRED, STOPPED, REPLACED = "deferred", "stopped", "replaced"
"""What `status_raw` says of runs that did not come to an end of their own: something had to be waited for,
or the rule went away, or it was changed."""

SCHEDULE, EVENT = "scheduler", "event"
"""What begins runs by itself: it was time, or something happened."""

DETAIL_BYTES = 65_536
"""A longer report is not kept in the history."""
BY_ITSELF = frozenset({SCHEDULE, EVENT})
"""Runs that nobody asked for and waits for: of many that say the same, one is kept."""
MERGED_WITHIN = dt.timedelta(hours=1)
"""Runs that follow a feed are one row of the history if they begin within this time of its start."""


@dataclass(frozen=True, slots=True)
class End:
    """How a run ends.

    `keeps`: the next run of its mode begins where it stopped. `due_s`: a scheduled run is due in that
    many seconds (None: when it was due anyway), `rest_s`: none begins by itself sooner.
    """

    event: Event
    raw: str = ""
    keeps: bool = False
    due_s: float | None = None
    rest_s: float = 0.0
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """It did all that it was to do."""
        return self.event is Event.SUCCEED and not self.keeps


def columns(job: Job, progress: Progress, end: End, now: dt.datetime) -> dict[str, Any]:
    """What the UPDATE that ends a run sets in the job's row, but for the lease.

    `job` is the row as it was claimed. Unless the run succeeded, the notes stay those of the last
    checkpoint, to which the token belongs that is kept.
    """
    counts = progress.run_columns()
    saved = progress.columns()
    if end.event is not Event.SUCCEED:
        del saved["state"]
    return {
        **saved,
        "status": target(end.event),
        "kept": kept_after(job, progress, end),
        "keys": [],
        "run_anyway": False,
        "lifetime_objects": F("lifetime_objects") + counts["objects_processed"],
        "lifetime_bytes": F("lifetime_bytes") + counts["bytes_done"],
        "not_before_ms": NowMs() + int(end.rest_s * 1000) if end.rest_s else 0,
        "lease_clock": clock.clock_id(),
        "finished_at": now,
        "updated_at": now,
        **_due(job, end),
    }


def kept_after(job: Job, progress: Progress, end: End) -> dict[str, Any]:
    """The cursors that the next runs begin at, by mode. That of a run over given keys ends with them."""
    others = {mode: at for mode, at in job.kept.items() if mode != job.mode}
    if not end.keeps or job.keys or not progress.phase:
        return others
    return {**others, job.mode: [progress.phase, progress.token]}


def _due(job: Job, end: End) -> dict[str, Any]:
    """What follows a feed is no matter of a schedule: it begins when the feed has something."""
    return {} if end.due_s is None or job.mode == EVENTS else due_in(end.due_s)


def due_in(seconds: float) -> dict[str, Any]:
    """The columns that say when the next scheduled run is due.

    By the clock of leases, which no clock setting moves; by the wall clock once that clock is another's.
    """
    return {
        "next_due_ms": NowMs() + int(seconds * 1000) if seconds else NowMs(),
        "next_due_at": timezone.now() + dt.timedelta(seconds=seconds),
        "due_clock": clock.clock_id(),
    }


def report(kind: Kind | None, state: Mapping[str, Any]) -> dict[str, Any]:
    """What the kind has to say of its notes, as every database can keep it, and no longer than that.

    A kind that cannot say it does not keep a run from its end.
    """
    try:
        told = _without_nul(dict(kind.report(state))) if kind else {}
        size = len(json.dumps(told))
    except Exception:
        log.exception("%s cannot report", kind.name if kind else "")
        return {"left_out": "The report cannot be made."}
    if size > DETAIL_BYTES:
        return {"left_out": f"The report of {size} bytes is too long."}
    return dict(told)


def _without_nul(value: Any) -> Any:
    """Keys may hold NUL, which PostgreSQL's JSON may not."""
    match value:
        case str():
            return value.replace("\0", "\N{REPLACEMENT CHARACTER}")
        case Mapping():
            return {_without_nul(name): _without_nul(each) for name, each in value.items()}
        case list() | tuple():
            return [_without_nul(each) for each in value]
    return value


# -- the history ------------------------------------------------------------------------------


def close(job: Job, progress: Progress, end: End, now: dt.datetime) -> None:
    """End the job's open Run, in the caller's transaction; of those that say the same, one stays."""
    run = Run.objects.filter(job_id=job.pk, finished_at=None).first()
    if run is None:
        return
    counts = progress.run_columns()
    if run.triggered_by in BY_ITSELF and _told_already(run, counts, end, now):
        run.delete()
        return
    status = target(end.event)
    Run.objects.filter(pk=run.pk).update(
        finished_at=now, status=status, status_raw=end.raw or status, detail=_detail(end), **counts
    )


def _told_already(run: Run, counts: Mapping[str, int], end: End, now: dt.datetime) -> bool:
    """Whether nothing is to be told of a run, or the run before it tells it now."""
    nothing = not any(counts.values())
    after_a_feed = end.whole and run.mode == EVENTS and not counts["errors"]
    waits_on = end.raw == DEFERRED and nothing
    if nothing and run.mode == EVENTS and (after_a_feed or end.raw == STOPPED):
        return True
    before = Run.objects.filter(job_id=run.job_id, pk__lt=run.pk).order_by("-pk").first()
    if before is None:
        return False
    if end.event is Event.FAIL and _failed_alike(before, run, counts):
        Failure.objects.filter(run=run).delete()
        Run.objects.filter(pk=before.pk).update(finished_at=now)
        return True
    same = (after_a_feed and _goes_on(before, run)) or (waits_on and _waited(before, run))
    if same:
        added = {name: F(name) + count for name, count in counts.items()}
        Run.objects.filter(pk=before.pk).update(finished_at=now, detail=_detail(end), **added)
    return same


def _waited(before: Run, run: Run) -> bool:
    """Whether the one before waited, too: what waits by itself may do so in several modes by turns."""
    alike = before.mode == run.mode or before.triggered_by in BY_ITSELF
    return alike and before.status_raw == DEFERRED


def _failed_alike(before: Run, run: Run, counts: Mapping[str, int]) -> bool:
    """Whether both were begun by nobody and failed for one reason before they did anything.

    So they will go on to do, until somebody makes the bucket that is not there.
    """
    if before.triggered_by not in BY_ITSELF or before.status != Status.FAILED:
        return False
    if counts["objects_scanned"] != 1 or counts["errors"] != 1:
        return False
    why, why_before = (
        list(Failure.objects.filter(run=each, key="").values_list("code", "message")[:2])
        for each in (run, before)
    )
    return len(why) == 1 and why == why_before


def _goes_on(before: Run, run: Run) -> bool:
    clean = (before.mode, before.status, before.errors) == (run.mode, Status.SUCCEEDED, 0)
    return clean and before.started_at > run.started_at - MERGED_WITHIN


def _detail(end: End) -> dict[str, Any]:
    unfinished = end.event is Event.SUCCEED and end.keeps
    return {**end.detail, "unfinished": True} if unfinished else dict(end.detail)
