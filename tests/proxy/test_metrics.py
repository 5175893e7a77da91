"""Counters over several processes, in processes of their own so that each has a fresh home."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.sites import GATEWAY_ALONE, ROOT, Site

_SETUP = "import django; django.setup()\nfrom proxy import metrics\n"


def _run(site: Site, code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _SETUP + code],
        cwd=ROOT,
        env={**site.env, **GATEWAY_ALONE},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _render(site: Site) -> dict[str, float]:
    lines = _run(site, "metrics._sources.clear(); print(metrics.render().decode())").splitlines()
    values = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
    return {name: float(value) for name, value in values}


def _files(site: Site) -> list[Path]:
    return sorted((site.home / "metrics").glob("*.db"))


_COUNT = """
metrics.count_request("GetObject", 200, 0.02)
metrics.count_request("PutObject", 503, 0.2)
metrics.count_bytes("in", 1000)
metrics.count_gate_refusal("closed")
metrics.count_backend_error("local", "StorageFull")
"""


def test_what_processes_counted_is_added_up_and_outlives_them(sqlite_site: Site) -> None:
    for _ in range(3):
        _run(sqlite_site, _COUNT)
    for _ in range(2):  # the second scrape reads what the first has folded
        found = _render(sqlite_site)
        assert found['sluicegate_requests_total{operation="GetObject",status="200"}'] == 3
        assert found['sluicegate_requests_total{operation="PutObject",status="503"}'] == 3
        assert found['sluicegate_request_seconds_bucket{le="0.025",operation="GetObject"}'] == 3
        assert found['sluicegate_request_seconds_bucket{le="0.1",operation="PutObject"}'] == 0
        assert found['sluicegate_request_seconds_count{operation="PutObject"}'] == 3
        assert round(found['sluicegate_request_seconds_sum{operation="PutObject"}'], 3) == 0.6
        assert found['sluicegate_body_bytes_total{direction="in"}'] == 3000
        assert found['sluicegate_gate_refusals_total{reason="closed"}'] == 3
        assert found['sluicegate_backend_errors_total{backend="local",code="StorageFull"}'] == 3
        assert [path.name for path in _files(sqlite_site)] == ["counter_folded.db", "histogram_folded.db"]
    _run(sqlite_site, _COUNT)
    assert _render(sqlite_site)['sluicegate_body_bytes_total{direction="in"}'] == 4000


def test_a_living_process_keeps_its_files_through_a_scrape(sqlite_site: Site) -> None:
    code = (
        _COUNT
        + """
import sys
print("counted", flush=True)
sys.stdin.readline()
metrics.count_bytes("in", 5)
"""
    )
    process = subprocess.Popen(
        [sys.executable, "-c", _SETUP + code],
        cwd=ROOT,
        env={**sqlite_site.env, **GATEWAY_ALONE},
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None and process.stdin is not None
        process.stdout.readline()
        assert _render(sqlite_site)['sluicegate_body_bytes_total{direction="in"}'] == 1000
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.wait(30) == 0
    assert _render(sqlite_site)['sluicegate_body_bytes_total{direction="in"}'] == 1005


def test_a_forked_child_counts_for_itself(sqlite_site: Site) -> None:
    code = (
        _COUNT
        + """
import os
child = os.fork()
if child == 0:
    metrics.count_bytes("in", 1)
    os._exit(0)
os.waitpid(child, 0)
metrics.count_bytes("in", 10)
"""
    )
    _run(sqlite_site, code)
    assert _render(sqlite_site)['sluicegate_body_bytes_total{direction="in"}'] == 1011


def test_without_room_for_its_files_a_process_works_on_and_counts_nothing(sqlite_site: Site) -> None:
    code = (
        """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
"""
        + _COUNT
    )
    _run(sqlite_site, code + "print('alive')")
    assert _render(sqlite_site) == {}


def test_readings_come_from_registered_sources_and_a_broken_source_hides_no_other(sqlite_site: Site) -> None:
    code = """
def broken():
    raise RuntimeError("no database")
def jobs():
    yield metrics.Reading("sluicegate_jobs", "Jobs.", 2, {"status": "running"})
    yield metrics.Reading("sluicegate_jobs", "Jobs.", 1, {"status": "failed"})
metrics._sources.clear()
for source in (broken, jobs, jobs):
    metrics.register(source)
print(metrics.render().decode())
"""
    assert _run(sqlite_site, code).splitlines() == [
        "# HELP sluicegate_jobs Jobs.",
        "# TYPE sluicegate_jobs gauge",
        'sluicegate_jobs{status="running"} 2.0',
        'sluicegate_jobs{status="failed"} 1.0',
        "",
    ]
