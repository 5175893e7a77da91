"""The children: web server, scheduler, and a cluster for each lane of the queue; ended in this order."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping

from django.conf import settings

from jobs.kinds.base import EVENTS
from jobs.liveness import CLUSTER, SCHEDULER, WORKER, Life
from jobsite.supervisor import watching
from jobsite.supervisor.decisions import Signs
from jobsite.supervisor.run import Spec
from jobsite.supervisor.watching import Seen, Watch

Lives = Mapping[str, Life]
"""By lane."""
SHARED_QUEUE_PATIENCE = 5.0
"""With other hosts' workers on the same queue our pings may go to them: be so much more patient."""


def silent_since(seen: Seen[Life] | None, role: str, moment: float, limit: float) -> Signs:
    """The signs of a process that beats by itself."""
    if seen is None:
        return Signs(limit=limit)
    age = seen.value.here.get(role)
    silence = None if age is None else min(age + moment - seen.at, moment - seen.since)
    return Signs(looked=True, silence=silence, limit=limit)


def cluster_signs(seen: Seen[Life] | None, moment: float, limit: float, workers: int) -> Signs:
    """Of its first process, and of workers that answer messages, whichever has been silent longer."""
    main = silent_since(seen, CLUSTER, moment, limit)
    if seen is None or seen.value.busy >= workers:
        return main
    others = seen.value.elsewhere.get(WORKER)
    shared = others is not None and others < limit
    answers = silent_since(seen, WORKER, moment, limit * SHARED_QUEUE_PATIENCE if shared else limit)
    return max(main, answers, key=_overdue)


def _overdue(signs: Signs) -> float:
    """Never heard of is worst."""
    return float("inf") if signs.silence is None else signs.silence - signs.limit


def web_signs(seen: Seen[float] | None, moment: float, limit: float) -> Signs:
    """Whether `/_/health` answers."""
    if seen is None:
        return Signs(limit=limit)
    silence = None if seen.value == 0.0 else min(moment - seen.value, moment - seen.since)
    return Signs(looked=True, silence=silence, limit=limit)


def in_lane(seen: Seen[Lives] | None, lane: str) -> Seen[Life] | None:
    """What was seen of one lane."""
    return None if seen is None else Seen(seen.value[lane], seen.at, seen.since)


def specs(answers: Watch[float], lives: Watch[Lives]) -> list[Spec]:
    """What `manage.py serve` runs, from the settings."""
    limit = float(settings.FREEZE_SECONDS)
    gunicorn = [
        sys.executable,
        "-m",
        "gunicorn",
        "-c",
        str(settings.BASE_DIR / "jobsite" / "gunicorn_conf.py"),
    ]
    return [
        Spec(
            "web",
            [*gunicorn, "jobsite.asgi:application"],
            lambda moment: web_signs(answers.latest(), moment, limit),
            patience=settings.DRAIN_SECONDS + 5.0,
            orphaned=signal.SIGTERM,
        ),
        Spec(
            "scheduler",
            [*_manage(), "scheduler"],
            lambda moment: silent_since(in_lane(lives.latest(), ""), SCHEDULER, moment, limit),
            patience=10.0,
            turn=1,
            reloads=True,
        ),
        _cluster("cluster", "", settings.JOB_WORKERS, lives),
        _cluster("events", EVENTS, settings.EVENT_WORKERS, lives),
    ]


def _cluster(name: str, lane: str, workers: int, lives: Watch[Lives]) -> Spec:
    limit = float(settings.FREEZE_SECONDS)
    return Spec(
        name,
        [*_manage(), "cluster", *(["--lane", lane] if lane else [])],
        lambda moment: cluster_signs(in_lane(lives.latest(), lane), moment, limit, workers),
        patience=settings.SLICE_SECONDS + 10.0,
        turn=2,
    )


def _manage() -> list[str]:
    return [sys.executable, str(settings.BASE_DIR / "manage.py")]


def environ() -> dict[str, str]:
    """The children's: ours, with the project on Python's path wherever we were started."""
    path = [str(settings.BASE_DIR), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path), "DJANGO_SETTINGS_MODULE": "jobsite.settings"}


def watches() -> tuple[Watch[float], Watch[Lives]]:
    """Both looks, each in its thread."""
    look: Callable[[], float | None] = watching.web(settings.BIND, bool(settings.TLS_CERT))
    return Watch(look), Watch(watching.database)
