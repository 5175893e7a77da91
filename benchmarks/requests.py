"""Single requests: the S3 load harness of the field against each server, side by side."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.servers import ROOT, Server

HARNESS = ROOT.parent / "shared" / "bench" / "s3bench.py"
ROWS = ("put", "get", "head", "delete", "list", "multidelete", "put_large", "get_large")


def available() -> bool:
    return HARNESS.exists()


def measure(
    server: Server,
    *,
    seconds: float,
    repeat: int,
    list_keys: int,
    rows: Sequence[str] = ROWS,
    prefix: str = "s3bench",
) -> dict[str, Any]:
    """The harness's summary by row: median, unit, p99_ms, errors, server CPU per operation.

    `prefix` is what the names of its buckets begin with.
    """
    command = [
        sys.executable, str(HARNESS), "--endpoint", server.endpoint, "--access-key", server.access_key,
        "--secret-key", server.secret_key, "--seconds", str(seconds), "--repeat", str(repeat),
        "--list-keys", str(list_keys), "--server-pid", str(server.pid), "--label", server.label,
        "--phases", ",".join(rows), "--bucket-prefix", prefix,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ), check=False)
    if done.returncode:
        ends = done.stderr[-2000:] + done.stdout[-500:]
        raise RuntimeError(f"{Path(HARNESS).name} against {server.label}: {ends}")
    summary: dict[str, Any] = json.loads(done.stdout)["summary"]
    return summary


def table(ours: dict[str, Any], peers: dict[str, dict[str, Any]]) -> list[str]:
    """Rows of name, unit, then rate, p99 and server CPU per operation of each, and our ratio to the best.

    Where a machine is busy the CPU per operation says more than the rate.
    """
    every = {"ours": ours, **peers}
    titles = "".join(f"{label:>12}{'p99 ms':>9}{'us/op':>11}" for label in every)
    lines = [f"{'row':<12}{'unit':<8}{titles}{'ratio':>8}  best peer"]
    for row in ROWS:
        found = {label: summary[row] for label, summary in every.items() if summary.get(row)}
        if "ours" not in found or len(found) < 2:
            continue
        mine = found["ours"]
        best = max((label for label in found if label != "ours"), key=lambda label: found[label]["median"])
        ratio = mine["median"] / found[best]["median"] if found[best]["median"] else float("nan")
        cells = "".join(cells(found.get(label)) for label in every)
        failed = {label: one["errors"] for label, one in found.items() if one["errors"]}
        errors = f"  errors {failed}" if failed else ""
        lines.append(f"{row:<12}{mine['unit']:<8}{cells}{ratio:>8.2f}  {best}{errors}")
    return lines


def cells(row: dict[str, Any] | None) -> str:
    """Rate, p99 and server CPU per operation of one row; dashes if it was not measured."""
    if row is None:
        return f"{'-':>12}{'-':>9}{'-':>11}"
    return f"{row['median']:>12,.0f}{_cell(row, 'p99_ms'):>9}{_cell(row, 'server_cpu_us_per_op'):>11}"


def _cell(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    return "-" if value is None else f"{value:,.1f}"
