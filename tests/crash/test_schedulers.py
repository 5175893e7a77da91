"""Whoever schedules may be killed or stopped at any moment: what is due runs, and runs once."""

from __future__ import annotations

import subprocess

import pytest

from tests.sites import Site

pytestmark = [pytest.mark.timeout(180), pytest.mark.crash]


def _scene(site: Site, *words: str) -> str:
    """What the scene printed. Fails if it did."""
    process: subprocess.Popen[str] = site.start("tests.crash.schedulers", *words)
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == 0, printed
    return printed


def test_schedulers_and_workers_are_killed_for_a_while_and_no_run_is_lost_or_doubled(site: Site) -> None:
    printed = _scene(site, "storm", "5", "6")
    kills, succeeded = [int(word) for word in printed.split() if word.isdecimal()][:2]
    assert kills > 15
    assert succeeded > 15


def test_a_leader_that_is_killed_is_followed_by_another(sqlite_site: Site) -> None:
    _scene(sqlite_site, "leader_killed")


def test_a_leader_that_is_stopped_past_its_lease_does_nothing_more_of_its_tick(sqlite_site: Site) -> None:
    _scene(sqlite_site, "leader_stopped", "between two duties")


def test_a_leader_that_is_stopped_after_it_read_what_is_due_begins_nothing_of_it(site: Site) -> None:
    _scene(site, "leader_stopped", "between reading and beginning")
