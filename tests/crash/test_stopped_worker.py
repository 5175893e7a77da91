"""A worker that is stopped past its lease and then continued changes nothing: not the job, not a place.

Meanwhile another worker has taken the job and ended it, and clients write to where the bucket is.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.samples import SAMPLES
from tests.contracts.work_place import Workers
from tests.sites import Site

pytestmark = [pytest.mark.timeout(180), pytest.mark.crash]

LEASE_S = "2"
KILLED = -9
DELETES = 1
"""The sample of `migrate` that deletes its source."""

OUTSIDE = [
    ("page", "copy"),
    ("before checkpoint", "copy"),
    ("after checkpoint", "copy"),
    ("page", "verify"),
    ("page", "cleanup"),
    ("before settle", "cleanup"),
]
"""Where a worker holds nothing when it is stopped, so that it is let live."""
INSIDE = [
    ("effect begins", "stage"),
    ("effect begins", "copy"),
    ("effect ended", "copy"),
    ("before the turn", "flip"),
    ("before the commit of the turn", "flip"),
    ("effect begins", "cleanup"),
]
"""Where it holds the work slot: it is in the way, and is killed."""


def _workers(site: Site) -> Workers:
    site.env["SLUICEGATE_LEASE_SECONDS"] = LEASE_S
    return Workers(site, "migrate", DELETES)


def _ended_by_another(workers: Workers) -> Any:
    """Its lease lapses by itself; recovery, a new worker, the end; everything as it is then."""
    workers.ask("lapse", job=workers.job)
    workers.recover(hurry=False)
    row = workers.work()
    sample = SAMPLES["migrate"][DELETES]
    assert (row["status"], row["failed"], row["runs"]) == ("succeeded", sample.failed, ["succeeded"])
    assert workers.ask("state") == sample.ends(workers.before)
    return workers.ask("snapshot", job=workers.job)


@pytest.mark.parametrize(("boundary", "phase"), OUTSIDE)
def test_it_changes_nothing_when_it_goes_on(boundary: str, phase: str, sqlite_site: Site) -> None:
    workers = _workers(sqlite_site)
    stopped = workers.halted(boundary, phase)
    ended = _ended_by_another(workers)
    assert workers.goes_on(stopped) == 0
    assert workers.ask("snapshot", job=workers.job) == ended


@pytest.mark.parametrize(("boundary", "phase"), INSIDE)
def test_inside_an_effect_it_is_killed_so_that_the_job_can_go_on(
    boundary: str, phase: str, sqlite_site: Site
) -> None:
    workers = _workers(sqlite_site)
    stopped = workers.halted(boundary, phase)
    ended = _ended_by_another(workers)
    assert workers.goes_on(stopped) == KILLED
    assert workers.ask("snapshot", job=workers.job) == ended
