"""`manage.py serve` for real: what is killed or frozen comes back, and one signal ends all."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.leases import started
from tests.jobsite.service import CLUSTER, EVENTS, Service, until

FREEZE_SECONDS = 5
BACK_SECONDS = 60.0

pytestmark = [pytest.mark.timeout(300), pytest.mark.crash]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    running = Service(tmp_path_factory.mktemp("serve"), SLUICEGATE_FREEZE_SECONDS=str(FREEZE_SECONDS))
    try:
        running.start()
        yield running
    finally:
        running.kill()


def _replaced(service: Service, word: str, old: int) -> None:
    """A new child is there, everything is ready, and nothing of the old group lives."""
    until(lambda: started(old) is None, BACK_SECONDS, f"{word} {old} was not ended")
    back = f"{word} did not come back"
    until(lambda: service.is_ready() and service.child(word) not in (0, old), BACK_SECONDS, back)


def _cluster(service: Service, pattern: str = CLUSTER, size: int = 4) -> tuple[int, int, list[int]]:
    """First process, sentinel, and what the sentinel forked (workers first), once all are there."""
    cluster = service.child(pattern)
    [sentinel] = until(lambda: service.below(cluster), BACK_SECONDS)
    pool = until(lambda: len(found := service.below(sentinel)) >= size and found, BACK_SECONDS)
    return cluster, sentinel, pool


def test_a_web_server_whose_master_is_killed_comes_back(service: Service) -> None:
    master = service.child("gunicorn")
    workers = service.below(master)
    os.kill(master, signal.SIGKILL)
    _replaced(service, "gunicorn", master)
    assert not [pid for pid in workers if started(pid) is not None]


def test_a_web_server_that_is_stopped_is_replaced(service: Service) -> None:
    master = service.child("gunicorn")
    for pid in [master, *service.below(master)]:
        os.kill(pid, signal.SIGSTOP)
    _replaced(service, "gunicorn", master)


def test_clusters_whose_idle_workers_are_killed_work_again(service: Service) -> None:
    cluster, _, pool = _cluster(service)
    events, _, events_pool = _cluster(service, EVENTS, size=3)
    for worker in [*pool[:2], events_pool[0]]:  # whichever has the queue's lock
        os.kill(worker, signal.SIGKILL)
    _replaced(service, CLUSTER, cluster)
    _replaced(service, EVENTS, events)


def test_a_cluster_whose_sentinel_is_killed_leaves_no_orphans(service: Service) -> None:
    cluster, sentinel, pool = _cluster(service)
    os.kill(sentinel, signal.SIGKILL)
    _replaced(service, CLUSTER, cluster)
    assert not [pid for pid in pool if started(pid) is not None]


def test_a_cluster_that_is_stopped_is_replaced(service: Service) -> None:
    cluster = service.child(CLUSTER)
    os.killpg(cluster, signal.SIGSTOP)
    _replaced(service, CLUSTER, cluster)


def test_a_scheduler_that_is_stopped_is_replaced_and_another_leads(service: Service) -> None:
    scheduler = service.child(" scheduler")
    os.kill(scheduler, signal.SIGSTOP)
    until(lambda: started(scheduler) is None, BACK_SECONDS)
    until(lambda: service.readiness().get("leader") == "ok", 90.0, "nobody leads")


def test_a_second_serve_in_the_same_home_is_refused(service: Service) -> None:
    second = subprocess.run(
        service.command("serve"), env=service.environ, capture_output=True, text=True, timeout=60
    )
    assert second.returncode != 0
    assert "Another `manage.py serve` runs with the home" in second.stderr


def test_an_address_in_use_is_told_before_anything_starts(service: Service, tmp_path: Path) -> None:
    environ = {**service.environ, "SLUICEGATE_HOME": str(tmp_path / "other")}
    second = subprocess.run(service.command("serve"), env=environ, capture_output=True, text=True, timeout=60)
    assert second.returncode != 0
    assert "something listens there already" in second.stderr


def test_one_ctrl_c_ends_everything_in_order(service: Service) -> None:
    since = time.monotonic()
    assert service.stop(signal.SIGINT) == 0
    assert time.monotonic() - since < 60
    ends = [line.split()[-2] for line in service.output.read_text().splitlines() if line.endswith(" ended")]
    assert ends == ["web", "scheduler", "cluster", "events"]


def test_nothing_outlives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    service = Service(tmp_path)
    try:
        service.start()
        pids = list(service.processes())
        assert service.process is not None
        service.process.kill()
        service.process.wait()
        until(lambda: not [pid for pid in pids if started(pid) is not None], 60.0, "something is left")
    finally:
        service.kill()
