"""Single requests: the S3 load harness of the field against each server, side by side."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.servers import ROOT, Server

HARNESS = ROOT.parent / "shared" / "bench" / "s3bench.py"
ROWS = ("put", "get", "head", "delete", "list", "multidelete", "put_large", "get_large")


def available() -> bool:
    return HARNESS.exists()


def measure(server: Server, *, seconds: float, repeat: int, list_keys: int) -> dict[str, Any]:
    """The harness's summary by row: median, unit, p99_ms, errors, server CPU per operation."""
    command = [
        sys.executable, str(HARNESS), "--endpoint", server.endpoint, "--access-key", server.access_key,
        "--secret-key", server.secret_key, "--seconds", str(seconds), "--repeat", str(repeat),
        "--list-keys", str(list_keys), "--server-pid", str(server.pid), "--label", server.label,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ), check=False)
    if done.returncode:
        ends = done.stderr[-2000:] + done.stdout[-500:]
        raise RuntimeError(f"{Path(HARNESS).name} against {server.label}: {ends}")
    summary: dict[str, Any] = json.loads(done.stdout)["summary"]
    return summary


def table(ours: dict[str, Any], peer: dict[str, Any], peer_label: str) -> list[str]:
    """Rows of `name unit ours p99 peer p99 ratio`."""
    figures = f"{'p99 ms':>9}{'us/op':>11}"
    lines = [f"{'row':<12}{'unit':<8}{'ours':>10}{figures}{peer_label:>12}{figures}{'ratio':>8}"]
    for row in ROWS:
        mine, theirs = ours.get(row), peer.get(row)
        if not mine or not theirs:
            continue
        ratio = mine["median"] / theirs["median"] if theirs["median"] else float("nan")
        cells = (_cell(mine, "p99_ms"), _cell(mine, "server_cpu_us_per_op"))
        peers = (_cell(theirs, "p99_ms"), _cell(theirs, "server_cpu_us_per_op"))
        errors = f"  errors {mine['errors']}/{theirs['errors']}" if mine["errors"] or theirs["errors"] else ""
        lines.append(
            f"{row:<12}{mine['unit']:<8}{mine['median']:>10,.0f}{cells[0]:>9}{cells[1]:>11}"
            f"{theirs['median']:>12,.0f}{peers[0]:>9}{peers[1]:>11}{ratio:>8.2f}{errors}"
        )
    return lines


def _cell(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    return "-" if value is None else f"{value:,.1f}"
