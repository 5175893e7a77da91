"""Runs that begin because something happened: the change feeds of the rules' sources are watched.

Every scheduler process watches, not the leader alone: a directory is seen only from its own host. That
several look at the same feed is harmless, for beginning a run is a guarded UPDATE. Each backend has a
thread of its own, so that one that hangs holds up nobody else.

A rule is watched if its spec says `"trigger": "events"` and its kind has the modes of `Mode`. In its notes
`feed` is the position up to which its source was followed, `large` is what of it is not done yet, and `whole`
says that a full walk has ended since the feed last went on from there.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.db import Error, connection
from django.db.models import Q

from jobs import scheduling, standing
from jobs.kinds import KINDS
from jobs.kinds.base import Kind
from jobs.models import Job
from jobs.runs import EVENT, SCHEDULE
from jobs.states import Status
from proxy import routes
from proxy.backends.base import Backend
from proxy.backends.values import FeedPosition, Place
from proxy.errors import NoSuchBucket, S3Error
from proxy.models import Bucket

log = logging.getLogger(__name__)

LOOK_S = 0.25
FIRST_REST_S = 1.0
MOST_REST_S = 60.0


class Mode(StrEnum):
    """What is begun."""

    FOLLOW = "events"
    WALK = "reconcile"


def wanted(noted: FeedPosition | None, whole: bool, head: FeedPosition, left: bool = False) -> Mode | None:
    """What a rule needs whose source is at `head`: to follow it, a full walk, or nothing.

    `left`: something was taken from the feed and is not done, for a run ended before its time.
    """
    if noted is None or not whole or not same_life(noted, head):
        return Mode.WALK
    return None if noted.seq == head.seq and not left else Mode.FOLLOW


def same_life(noted: FeedPosition, head: FeedPosition) -> bool:
    """Whether both are of one feed."""
    return (noted.bucket_id, noted.incarnation) == (head.bucket_id, head.incarnation)


@dataclass(frozen=True, slots=True)
class _Begun:
    """The last run of a rule: from which position (None: a full walk), the how-manyth from there, when."""

    position: FeedPosition | None
    times: int
    at: float


@dataclass(slots=True)
class Patience:
    """A run that did not bring its rule on is not begun again at once.

    It failed, or found nothing that it could do: the next one waits a second, and after each
    more twice as long, up to a minute. Times are seconds of any clock that does not jump.
    """

    _last: dict[int, _Begun] = field(default_factory=dict)

    def may_begin(self, job_id: int, position: FeedPosition | None, now: float) -> bool:
        last = self._last.get(job_id)
        return last is None or last.position != position or now - last.at >= rest(last.times)

    def began(self, job_id: int, position: FeedPosition | None, now: float) -> None:
        before = self._last.get(job_id)
        again = before is not None and before.position == position
        self._last[job_id] = _Begun(position, before.times + 1 if before and again else 1, now)

    def forget(self, job_id: int) -> None:
        """It needs nothing: what comes next is not the same again."""
        self._last.pop(job_id, None)


def rest(times: int) -> float:
    """Seconds between a run that was the so-manyth of one position and the next."""
    return min(MOST_REST_S, FIRST_REST_S * 2.0 ** min(times - 1, 20))


@dataclass(frozen=True, slots=True)
class Watched:
    """A rule, where it stands, and the place that its source is now."""

    job_id: int
    name: str
    """As operators know it."""
    kind: str
    status: str
    place: Place
    noted: FeedPosition | None
    whole: bool
    left: bool = False


def watched(backend: str, kinds: Mapping[str, Kind], which: Q) -> Iterator[Watched]:
    """Those of the rules that follow a source on that backend. Raises database errors."""
    sources = Bucket.objects.filter(backend=backend)
    rows = (
        Job.objects.filter(which, kind__in=_followers(kinds), spec__trigger="events")
        .filter(bucket_name__in=sources.values("name"))
        .order_by("pk")
        .values_list(
            "pk",
            "subsystem",
            "rule",
            "kind",
            "status",
            "bucket_name",
            "state__feed",
            "state__whole",
            "state__large",
        )
    )
    found = list(rows)
    places = {
        name: Place(bucket_id, real, incarnation)
        for name, bucket_id, real, incarnation in sources.filter(
            name__in={row[5] for row in found}
        ).values_list("name", "id", "real_bucket", "incarnation")
    }
    for job_id, subsystem, rule, kind, status, bucket, noted, whole, large in found:
        if bucket in places:
            name, position = f"{subsystem}:{rule}", _position(noted)
            yield Watched(job_id, name, kind, status, places[bucket], position, bool(whole), bool(large))


def head_of(rule: Watched, backend: Backend) -> FeedPosition | None:
    """Where its source is; None if that was removed or moved since its row was read. Raises S3Error."""
    try:
        seq = backend.head_seq(rule.place)
    except NoSuchBucket:
        return None
    return FeedPosition(rule.place.bucket_id, rule.place.incarnation, seq)


def _followers(kinds: Mapping[str, Kind]) -> list[str]:
    return [name for name, kind in kinds.items() if set(Mode) <= set(kind.modes)]


def _position(noted: Mapping[str, Any] | None) -> FeedPosition | None:
    return None if noted is None else FeedPosition(**noted)


class FeedWatch:
    """Looks at the feeds of one backend. For one thread."""

    def __init__(self, backend: str, kinds: Mapping[str, Kind] = KINDS) -> None:
        self._backend, self._kinds = backend, kinds
        self._patience = Patience()
        self._mood = ""
        self._step = -1
        """There and back again: of very many places a backend keeps those open that were used last."""

    def run_forever(self, stop: threading.Event) -> None:
        """Look every LOOK_S seconds until `stop` is set; a backend without feeds is left at once."""
        while not stop.is_set() and self._safely():
            stop.wait(LOOK_S)
        connection.close()

    def look(self) -> int:
        """Begin the runs that are wanted: how many. Raises database errors, S3Error, OSError."""
        backend = routes.backend(self._backend)
        self._step, begun = -self._step, 0
        for rule in list(watched(self._backend, self._kinds, standing.startable()))[:: self._step]:
            head = head_of(rule, backend)
            mode = None if head is None else wanted(rule.noted, rule.whole, head, rule.left)
            if mode is None:
                self._patience.forget(rule.job_id)
            else:
                begun += self._begin(rule, mode)
        return begun

    def _begin(self, rule: Watched, mode: Mode) -> bool:
        """What is due comes first: it follows the feed, too, and of a feed there may always be more."""
        due = Job.objects.filter(standing.due(), pk=rule.job_id).exists()
        mode, by = (Mode.WALK, SCHEDULE) if due else (mode, EVENT)
        now, position = time.monotonic(), rule.noted if mode is Mode.FOLLOW else None
        deferred = rule.status == Status.IDLE  # how long to wait, that run has said itself
        if not deferred and not self._patience.may_begin(rule.job_id, position, now):
            return False
        job = Job.objects.filter(pk=rule.job_id).first()
        if job is None or scheduling.begin(job, self._kinds[rule.kind], mode, by) is None:
            return False
        self._patience.began(rule.job_id, position, now)
        return True

    def _safely(self) -> bool:
        """A look that must not end the watching; what is wrong is said once, and once that it is over.

        False if the backend feeds nothing that could be watched.
        """
        feeds, mood = True, ""
        try:
            feeds = routes.backend(self._backend).feeds_changes
            if feeds:
                self.look()
        except S3Error as error:
            mood = f"is not there: {error.message}"
        except Error as error:
            mood = f"cannot be watched: the database does not answer: {error}"
            connection.close()
        except Exception as error:
            mood = f"cannot be watched: {type(error).__name__}: {error}"
        if mood != self._mood:
            log.warning("backend %s %s", self._backend, mood or "is watched again")
        self._mood = mood
        return feeds
