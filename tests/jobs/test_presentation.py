"""What windows show of a row: pure values, no database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from jobs.models import Failure, Job
from jobs.presentation import Shown, available, busy_row, failure_row, fraction, job_row, ladder
from jobs.states import Status
from tests.jobs.windows import NOW


def shown(status: str = "running", **columns: Any) -> Shown:
    facts = {
        "pk": 42,
        "kind": "migrate",
        "subsystem": "maintenance",
        "name": "migrate photos: local -> archive",
        "bucket_name": "photos",
        "spec": {"target_backend": "archive", "source_backend": "local"},
        "created_at": NOW,
    }
    return Shown(Job(status=status, **(facts | columns)), Status(status))


@pytest.mark.parametrize(
    ("columns", "done"),
    [
        ({"phase": ""}, 0.0),
        ({"phase": "copy"}, 0.01),
        ({"phase": "copy", "phase_done": 5, "phase_total": 10}, 0.01 + 0.49 * 0.5),
        (
            {"phase": "copy", "phase_done": 5, "phase_total": 10, "bytes_done": 100, "bytes_total": 100},
            0.01 + 0.49 * 0.75,
        ),
        ({"phase": "copy", "phase_done": 99, "phase_total": 10}, 0.5),
        ({"phase": "verify"}, 0.5),
        ({"phase": "flip"}, 0.95),
        ({"phase": "unwind", "phase_done": 1, "phase_total": 2}, None),
    ],
)
def test_the_percentage_follows_the_shares_of_the_phases(columns: dict[str, Any], done: float | None) -> None:
    assert fraction(shown(**columns)) == pytest.approx(done)


def test_a_job_that_succeeded_is_whole_whatever_its_counters_say() -> None:
    assert fraction(shown("succeeded", phase="flip")) == 1.0


def test_what_is_absent_is_left_out() -> None:
    row = job_row(shown("queued"), NOW)
    assert {"phase", "rate", "eta_s", "started_at", "finished_at", "last_error"}.isdisjoint(row)
    assert "total" not in row["progress"]
    assert None not in row.values()


def test_a_running_job_has_a_rate_and_an_estimate() -> None:
    row = job_row(
        shown(phase="copy", phase_done=50, phase_total=100, processed=50, bytes_done=5000, started_at=NOW),
        NOW + timedelta(seconds=10),
    )
    assert row["rate"] == {"objects_s": 5.0, "bytes_s": 500.0}
    assert row["percent"] == 25
    assert row["eta_s"] == round(10 * (1 - 0.255) / 0.255)


def test_a_job_that_has_just_begun_has_no_estimate() -> None:
    row = job_row(shown(phase="stage", started_at=NOW), NOW + timedelta(seconds=10))
    assert "eta_s" not in row and "rate" in row


@pytest.mark.parametrize(("kind", "phase"), [("migrate", "cleanup"), ("reencrypt", "settle")])
def test_a_phase_that_waits_for_reads_says_so_and_tells_no_pace(kind: str, phase: str) -> None:
    at = {"kind": kind, "phase": phase, "processed": 9, "bytes_done": 900, "started_at": NOW}
    row = job_row(shown(**at), NOW + timedelta(seconds=10))
    assert row["waiting"] is True and "eta_s" not in row and "rate" not in row
    row = job_row(shown(**at, phase_done=1), NOW + timedelta(seconds=10))
    assert "waiting" not in row and "eta_s" in row and "rate" in row


def test_a_row_has_the_shape_of_the_admin_api() -> None:
    row = job_row(shown("failed", last_error="away", started_at=NOW, finished_at=NOW, phase="copy"), NOW)
    assert row["id"] == "maintenance:42"
    assert row["scope"] == {"bucket": "photos", "target": "archive"}
    assert row["trigger"] == "oneoff"
    assert row["created_at"] == row["started_at"] == row["last_run_at"] == int(NOW.timestamp())
    assert row["last_error"] == "away"
    assert row["progress"] == {"processed": 0, "bytes": 0, "failed": 0, "skipped": 0}


def test_a_success_with_failed_objects_says_so() -> None:
    assert job_row(shown("succeeded", failed=3), NOW)["with_errors"] is True
    assert job_row(shown("succeeded"), NOW)["with_errors"] is False
    assert job_row(shown("failed", failed=3), NOW)["with_errors"] is False


@pytest.mark.parametrize(
    ("status", "actions"),
    [
        ("queued", ["cancel"]),
        ("running", ["cancel"]),
        ("cancelling", []),
        ("succeeded", []),
        ("failed", ["retry-failed"]),
        ("cancelled", ["retry-failed"]),
    ],
)
def test_only_actions_that_apply_are_offered(status: str, actions: list[str]) -> None:
    assert available(shown(status)) == actions


def test_a_cancel_that_was_heard_after_the_turn_is_not_offered_again() -> None:
    assert available(shown("running", stop_requested=True)) == []


def test_a_kind_that_this_version_does_not_know_is_shown_without_promises() -> None:
    row = job_row(shown("running", kind="gone", phase="copy"), NOW)
    assert row["actions"] == [] and "percent" not in row and row["detail"]["phases"] == []


@pytest.mark.parametrize(
    ("status", "phase", "states"),
    [
        ("queued", "", ["next"] * 5),
        ("running", "verify", ["done", "done", "now", "next", "next"]),
        ("failed", "copy", ["done", "stopped", "next", "next", "next"]),
        ("succeeded", "flip", ["done"] * 5),
        ("cancelling", "unwind", ["now"]),
        ("cancelled", "unwind", ["done"]),
    ],
)
def test_the_ladder_shows_where_the_job_is(status: str, phase: str, states: list[str]) -> None:
    assert [step["state"] for step in ladder(shown(status, phase=phase))] == states


def test_the_busy_state_tells_no_configuration() -> None:
    row = busy_row(shown(phase="copy", gated=True))
    assert set(row) == {"id", "kind", "status", "phase", "percent", "progress", "since", "gated"}
    assert row["gated"] is True


def test_a_bucket_takes_writes_again_once_it_has_moved() -> None:
    assert busy_row(shown(phase="cleanup", gated=True, turned=True))["gated"] is False


def test_a_failure_names_the_object_and_the_reason() -> None:
    row = failure_row(
        Failure(pk=7, occurred_at=NOW, phase="copy", bucket="b", key="k", code="NoSuchKey", message="gone")
    )
    assert row["object_key"] == "k" and row["code"] == "NoSuchKey" and row["error"] == "gone"
    assert "run_id" not in row and "version_id" not in row
