"""What the supervisor decides, as tables: no process is started here."""

from __future__ import annotations

import pytest

from jobs.liveness import CLUSTER, WORKER, Life
from jobsite.supervisor.decisions import (
    BACKOFF_MOST,
    HEALTHY_SECONDS,
    START_SECONDS,
    Action,
    Child,
    Signs,
    after_death,
    after_start,
    backoff,
    judge,
)
from jobsite.supervisor.specs import cluster_signs, in_lane, silent_since, web_signs
from jobsite.supervisor.watching import Seen

NOW = 10_000.0
UP = Child(started=NOW - 500)
YOUNG = Child(started=NOW - 5)
FRESH, OLD = Signs(True, 1.0), Signs(True, 31.0)


@pytest.mark.parametrize(
    ("child", "signs", "action"),
    [
        (Child(), Signs(), Action.START),
        (Child(deaths=1, died=NOW - 0.4), Signs(), Action.NONE),
        (Child(deaths=1, died=NOW - 0.5), Signs(), Action.START),
        (Child(started=NOW - 500, exited=True), FRESH, Action.KILL),
        (UP, FRESH, Action.NONE),
        (UP, Signs(True, 30.0), Action.NONE),
        (UP, OLD, Action.KILL),
        (UP, Signs(True, 31.0, limit=60.0), Action.NONE),
        (UP, Signs(looked=False, silence=31.0), Action.NONE),
        (UP, Signs(True, None), Action.KILL),
        (UP, Signs(True, 501.0), Action.KILL),
        (YOUNG, Signs(True, None), Action.NONE),
        (YOUNG, Signs(True, 500.0), Action.NONE),
        (Child(started=NOW - START_SECONDS), Signs(True, None), Action.NONE),
        (Child(started=NOW - START_SECONDS - 1), Signs(True, None), Action.KILL),
        (UP, Signs(True, 1.0, stopped=31.0), Action.KILL),
        (UP, Signs(False, None, stopped=31.0), Action.KILL),
        (UP, Signs(True, 1.0, stopped=30.0), Action.NONE),
    ],
)
def test_a_child_is_judged_by_what_is_seen(child: Child, signs: Signs, action: Action) -> None:
    assert judge(child, signs, NOW).action is action


def test_the_wait_before_a_restart_doubles_up_to_a_bound() -> None:
    assert [backoff(deaths) for deaths in range(5)] == [0.0, 0.5, 1.0, 2.0, 4.0]
    assert backoff(1000) == BACKOFF_MOST


def test_a_healthy_time_forgives_earlier_deaths() -> None:
    often = Child(started=NOW, deaths=7)
    assert after_death(often, NOW + HEALTHY_SECONDS - 1).deaths == 8
    assert after_death(often, NOW + HEALTHY_SECONDS).deaths == 1
    assert after_start(Child(deaths=3, died=1.0), NOW) == Child(started=NOW, deaths=3)


def _seen(life: Life, *, at: float = NOW - 1, since: float = 0.0) -> Seen[Life]:
    return Seen(life, at, since)


def test_who_cannot_look_accuses_nobody() -> None:
    assert silent_since(None, CLUSTER, NOW, 30.0).looked is False
    assert cluster_signs(None, NOW, 30.0, 2).looked is False
    assert web_signs(None, NOW, 30.0).looked is False


def test_silence_counts_from_when_looking_began() -> None:
    life = Life(here={CLUSTER: 300.0})
    assert silent_since(_seen(life), CLUSTER, NOW, 30.0).silence == 301.0
    assert silent_since(_seen(life, since=NOW - 3), CLUSTER, NOW, 30.0).silence == 3.0
    assert web_signs(Seen(NOW - 300, NOW, NOW - 3), NOW, 30.0).silence == 3.0
    assert web_signs(Seen(0.0, NOW, NOW - 3), NOW, 30.0).silence is None


def test_each_lane_is_judged_by_its_own_signs() -> None:
    lives = {
        "": Life(here={CLUSTER: 1.0, WORKER: 1.0}, busy=2),
        "events": Life(here={CLUSTER: 1.0, WORKER: 40.0}),
    }
    verdicts = {}
    for lane in lives:
        seen = in_lane(Seen(lives, NOW - 1, 0.0), lane)
        verdicts[lane] = judge(UP, cluster_signs(seen, NOW, 30.0, workers=1), NOW).action
    assert verdicts == {"": Action.NONE, "events": Action.KILL}
    assert in_lane(None, "events") is None


@pytest.mark.parametrize(
    ("life", "action"),
    [
        (Life(here={CLUSTER: 1.0, WORKER: 1.0}), Action.NONE),
        (Life(here={CLUSTER: 1.0, WORKER: 40.0}), Action.KILL),
        (Life(here={CLUSTER: 40.0, WORKER: 1.0}), Action.KILL),
        (Life(here={CLUSTER: 1.0}), Action.KILL),
        (Life(here={CLUSTER: 1.0, WORKER: 40.0}, busy=1), Action.KILL),
        (Life(here={CLUSTER: 1.0, WORKER: 40.0}, busy=2), Action.NONE),
        (Life(here={CLUSTER: 40.0, WORKER: 40.0}, busy=2), Action.KILL),
        (Life(here={CLUSTER: 1.0, WORKER: 40.0}, elsewhere={WORKER: 1.0}), Action.NONE),
        (Life(here={CLUSTER: 1.0, WORKER: 160.0}, elsewhere={WORKER: 1.0}), Action.KILL),
        (Life(here={CLUSTER: 1.0, WORKER: 40.0}, elsewhere={WORKER: 90.0}), Action.KILL),
    ],
)
def test_a_cluster_lives_if_its_workers_answer(life: Life, action: Action) -> None:
    signs = cluster_signs(_seen(life), NOW, 30.0, workers=2)
    assert judge(UP, signs, NOW).action is action
