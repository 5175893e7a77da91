"""What windows show of a rule: pure values, no database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from jobs.models import Failure, Job, Run
from jobs.pages.chart import HEIGHT, LEAST, MOST, throughput
from jobs.presentation import Shown, dest_key, failure_row, fraction, job_row, ladder, run_row
from jobs.presentation.rows import gated
from jobs.states import Status
from tests.jobs.rule_rows import ENTRY, LIFECYCLE, REPLICATION
from tests.jobs.windows import NOW


def rule(status: str = "idle", kind: str = "replication", raw: str = "", **columns: Any) -> Shown:
    spec = REPLICATION if kind == "replication" else LIFECYCLE
    facts: dict[str, Any] = {
        "pk": 42,
        "kind": kind,
        "subsystem": kind,
        "rule": "mirror",
        "name": "mirror",
        "bucket_name": "releases",
        "spec": spec,
        "created_at": NOW,
        "next_due_at": NOW + timedelta(hours=1),
    }
    job = Job(status=status, **(facts | columns))
    return Shown(job, Status(status), raw=raw, last_run=NOW - timedelta(minutes=5))


@pytest.mark.parametrize(
    ("kind", "columns", "trigger", "scope"),
    [
        (
            "replication",
            {},
            "continuous",
            {"bucket": "releases", "prefix": "firmware/", "target": "releases-dr"},
        ),
        (
            "replication",
            {"spec": REPLICATION | {"trigger": "schedule", "destination": {"bucket": "b", "prefix": "x/"}}},
            "scheduled",
            {"bucket": "releases", "prefix": "firmware/", "target": "b/x/"},
        ),
        ("lifecycle", {}, "scheduled", {"bucket": "releases", "prefix": "nightly/"}),
        (
            "lifecycle",
            {"spec": LIFECYCLE | {"rules": [ENTRY | {"destination": {"bucket": "cellar", "prefix": ""}}]}},
            "scheduled",
            {"bucket": "releases", "prefix": "nightly/", "target": "cellar"},
        ),
        ("lifecycle", {"spec": LIFECYCLE | {"rules": [ENTRY, ENTRY]}}, "scheduled", {"bucket": "releases"}),
    ],
)
def test_a_row_says_what_a_rule_is_about_and_what_makes_it_run(
    kind: str, columns: dict[str, Any], trigger: str, scope: dict[str, str]
) -> None:
    row = job_row(rule(kind=kind, **columns), NOW)
    assert (row["trigger"], row["scope"]) == (trigger, scope)


def test_a_row_of_a_rule_has_what_only_rules_have() -> None:
    row = job_row(rule(lifetime_objects=7, lifetime_bytes=70), NOW)
    assert row["id"] == "replication:mirror" and row["lifetime"] == {"objects": 7, "bytes": 70}
    assert row["enabled"] is True and row["declared"] is True and row["paused"] is False
    assert row["next_due_at"] - int(NOW.timestamp()) == 3600
    assert int(NOW.timestamp()) - row["last_run_at"] == 300
    assert None not in row.values() and "percent" not in row


@pytest.mark.parametrize("columns", [{"paused": True}, {"enabled": False}, {"declared": False}])
def test_nothing_is_due_where_nothing_runs_by_itself(columns: dict[str, Any]) -> None:
    assert "next_due_at" not in job_row(rule(**columns), NOW)


@pytest.mark.parametrize(
    ("status", "raw", "shown"),
    [
        ("idle", "", "idle"),
        ("idle", "deferred", "deferred"),
        ("idle", "replaced", "replaced"),
        ("succeeded", "succeeded", "succeeded"),
        ("queued", "deferred", "queued"),
        ("running", "deferred", "running"),
    ],
)
def test_the_raw_status_is_that_of_the_latest_run_while_none_is_on_its_way(
    status: str, raw: str, shown: str
) -> None:
    assert job_row(rule(status, raw=raw), NOW)["status_raw"] == shown


def test_a_report_is_told_of_one_rule_and_not_in_lists() -> None:
    shown = rule("succeeded", state={"verify": {"counts": {"missing": 1}, "samples": {}}})
    assert job_row(shown, NOW)["detail"]["report"]["verify"]["counts"] == {"missing": 1}
    assert "report" not in job_row(shown, NOW, listed=True)["detail"]


@pytest.mark.parametrize(
    ("status", "mode", "phase", "steps"),
    [
        ("idle", "", "", [("reconcile", "next")]),
        ("queued", "events", "", [("follow", "next")]),
        ("running", "events", "follow", [("follow", "now")]),
        ("succeeded", "verify", "verify", [("verify", "done")]),
        ("failed", "reconcile", "reconcile", [("reconcile", "stopped")]),
        ("idle", "reconcile", "reconcile", [("reconcile", "next")]),
        ("failed", "a mode of another version", "x", [("reconcile", "stopped")]),
    ],
)
def test_the_ladder_is_that_of_the_mode(
    status: str, mode: str, phase: str, steps: list[tuple[str, str]]
) -> None:
    shown = rule(status, mode=mode, phase=phase)
    assert [(step["name"], step["state"]) for step in ladder(shown)] == steps


@pytest.mark.parametrize(
    ("status", "columns", "done"),
    [
        ("idle", {}, None),
        ("idle", {"mode": "reconcile", "phase": "reconcile", "phase_done": 1, "phase_total": 2}, None),
        ("running", {"mode": "reconcile", "phase": "reconcile", "phase_done": 1, "phase_total": 2}, 0.5),
        ("running", {"mode": "reconcile", "phase": "reconcile", "phase_done": 7}, None),
        ("failed", {"mode": "reconcile", "phase": "reconcile", "phase_done": 7}, None),
        ("queued", {"mode": "reconcile"}, 0.0),
        ("succeeded", {"mode": "reconcile", "phase": "reconcile"}, 1.0),
        ("running", {"mode": "reconcile", "phase": "follow"}, None),
    ],
)
def test_the_percentage_is_that_of_the_mode(status: str, columns: dict[str, Any], done: float | None) -> None:
    assert fraction(rule(status, **columns)) == done


@pytest.mark.parametrize(
    ("columns", "closed"),
    [
        ({"phase": ""}, True),
        ({"phase": "copy"}, True),
        ({"phase": "copy", "turned": True}, False),
        ({"phase": "copy", "gated": False}, False),
    ],
)
def test_a_bucket_takes_no_writes_until_its_job_has_turned(columns: dict[str, Any], closed: bool) -> None:
    facts: dict[str, Any] = {"kind": "migrate", "gated": True, "spec": {}}
    assert gated(Shown(Job(status="running", **(facts | columns)), Status.RUNNING)) is closed


# -- history ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "key", "target"),
    [
        (REPLICATION, "firmware/a/b", "a/b"),
        (REPLICATION, "other/a", None),
        (REPLICATION, "", None),
        (REPLICATION | {"destination": {"bucket": "b", "prefix": "x/"}}, "firmware/a", "x/a"),
        (LIFECYCLE, "nightly/a", None),
        ({}, "a", None),
    ],
)
def test_a_key_of_the_source_has_its_place_at_the_destination(
    spec: dict[str, Any], key: str, target: str | None
) -> None:
    assert dest_key(spec, key) == target
    row = failure_row(Failure(pk=1, occurred_at=NOW, key=key, code="C", message="m"), Job(spec=spec))
    assert row.get("dest_key") == target and row.get("source_key") == (None if target is None else key)


def test_a_run_tells_its_mode_its_raw_status_and_what_was_found() -> None:
    run = Run(pk=3, started_at=NOW, status="idle", status_raw="deferred", mode="verify", detail={"a": 1})
    row = run_row(run)
    assert (row["mode"], row["status"], row["status_raw"], row["detail"]) == (
        "verify",
        "idle",
        "deferred",
        {"a": 1},
    )
    assert {"mode", "detail"}.isdisjoint(run_row(Run(pk=3, started_at=NOW)))


def row_of(number: int, seconds: int = 10, **counts: Any) -> dict[str, Any]:
    facts = {"bytes": 0, "objects_processed": 0, "objects_deleted": 0, "errors": 0, "status": "succeeded"}
    return facts | {"id": number, "started_at": 100, "finished_at": 100 + seconds} | counts


def test_the_chart_draws_the_latest_runs_from_left_to_right() -> None:
    chart = throughput([row_of(2, bytes=2000), row_of(1, bytes=1000, errors=1)])
    assert chart is not None and chart["most"] == "200 B/s"
    assert [bar["told"] for bar in chart["bars"]] == ["run 1: 100 B/s", "run 2: 200 B/s"]
    assert [bar["height"] for bar in chart["bars"]] == [HEIGHT / 2, HEIGHT]
    assert [bar["failed"] for bar in chart["bars"]] == [True, False]


def test_runs_without_a_byte_are_drawn_by_objects() -> None:
    chart = throughput([row_of(2, objects_deleted=4000), row_of(1, objects_processed=1)])
    assert chart is not None and chart["most"] == "400 objects/s"
    assert [bar["height"] for bar in chart["bars"]] == [LEAST, HEIGHT]


def test_there_is_no_chart_of_less_than_two_runs_and_one_that_goes_on_is_none() -> None:
    open_run = row_of(2, bytes=1)
    del open_run["finished_at"]
    assert throughput([]) is None and throughput([open_run, row_of(1, bytes=1)]) is None
    assert throughput([row_of(2), row_of(1, bytes=1)]) is None, "one moved nothing"
    followed = [row_of(number, bytes=1, mode="events") for number in (2, 1)]
    assert throughput(followed) is None, "rows that span the time between small runs"
    chart = throughput([row_of(number, bytes=1) for number in range(MOST + 5, 0, -1)])
    assert chart is not None and len(chart["bars"]) == MOST
    assert all(0 <= bar["x"] <= chart["width"] - chart["bar"] for bar in chart["bars"])
