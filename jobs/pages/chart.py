"""A rule's latest runs as bars: where each of them is drawn, and what it stands for. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jobs import units
from jobs.kinds.base import EVENTS

WIDTH, HEIGHT, GAP = 320, 56, 2
LEAST = 1.5
"""So high is a bar at least."""
FEWEST, MOST = 2, 30
SLOTS = 12
"""There is room for so many bars at least: a few are not as wide as the whole."""


def throughput(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Of run rows, the newest first: the oldest to the left. None of fewer than two.

    Those that ended and moved something, in bytes a second; in objects a second if none moved a byte. A row
    of runs that followed changes is none of them: it spans the time between these, too.
    """
    ended = [run for run in runs if "finished_at" in run and _did(run)][:MOST][::-1]
    if len(ended) < FEWEST:
        return None
    in_bytes = any(run["bytes"] for run in ended)
    rates = [_amount(run, in_bytes) / _seconds(run) for run in ended]
    most = max(rates)
    step = WIDTH / max(len(ended), SLOTS)
    bars = []
    for number, (run, rate) in enumerate(zip(ended, rates, strict=True)):
        height = max(LEAST, HEIGHT * rate / most)
        bars.append(
            {
                "x": round(number * step, 2),
                "y": round(HEIGHT - height, 2),
                "height": round(height, 2),
                "failed": run["status"] == "failed" or run["errors"] > 0,
                "told": f"run {run['id']}: {_told(rate, in_bytes)}",
            }
        )
    return {
        "bars": bars,
        "width": WIDTH,
        "height": HEIGHT,
        "bar": round(step - GAP, 2),
        "most": _told(most, in_bytes),
    }


def _did(run: Mapping[str, Any]) -> bool:
    moved = run["bytes"] or run["objects_processed"] or run["objects_deleted"]
    return bool(moved) and run.get("mode") != EVENTS


def _amount(run: Mapping[str, Any], in_bytes: bool) -> int:
    return int(run["bytes"] if in_bytes else run["objects_processed"] + run["objects_deleted"])


def _seconds(run: Mapping[str, Any]) -> int:
    return max(1, run["finished_at"] - run["started_at"])


def _told(rate: float, in_bytes: bool) -> str:
    return f"{units.binary(rate)}/s" if in_bytes else f"{units.counted(round(rate), 'object')}/s"
