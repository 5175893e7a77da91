"""Watching a job from a terminal: a progress bar there, a line per change elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

from django.core.management.base import BaseCommand
from django.utils import timezone

from jobs import actions, units
from jobs.actions import Actor
from jobs.management.commands._words import actor
from jobs.presentation import Shown, job_row
from jobs.states import Status

TERMINAL_POLL_S, PLAIN_POLL_S = 0.5, 2.0
BAR = 20
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it: 128 and the number of the signal."""


def _has_ended(shown: Shown) -> bool:
    return shown.job.terminal


def watch(
    who: Actor,
    public_id: str,
    out: TextIO,
    sleep: Callable[[float], None] = time.sleep,
    *,
    ended: Callable[[Shown], bool] = _has_ended,
) -> Shown:
    """Follow the job to its end, or that of a run, and give it back. KeyboardInterrupt passes through."""
    bar = out.isatty()
    last = ""
    while True:
        shown = actions.lookup(who, public_id)
        row = job_row(shown, timezone.now())
        text = line(row, shutil.get_terminal_size().columns if bar else None)
        if bar:
            out.write(f"\r\x1b[K{text}")
        elif text != last:
            out.write(text + "\n")
        out.flush()
        last = text
        if ended(shown):
            if bar:
                out.write("\n")
            return shown
        sleep(TERMINAL_POLL_S if bar else PLAIN_POLL_S)


def follow(command: BaseCommand, public_id: str, out: TextIO | None = None) -> bool:
    """Watch a job for a command, and tell how it ended: False unless it succeeded.

    Ctrl-C leaves it running. Raises SystemExit.
    """
    try:
        shown = watch(actor(), public_id, out or sys.stdout)
    except KeyboardInterrupt:
        command.stderr.write(
            f"\nNo longer watching. {public_id} goes on; end it with: manage.py jobs cancel {public_id}"
        )
        raise SystemExit(INTERRUPTED) from None
    if shown.status is not Status.SUCCEEDED:
        command.stderr.write(f"{public_id} {shown.status}: {shown.job.last_error or 'no reason is known'}")
        return False
    if shown.with_errors:
        command.stderr.write(f"{public_id} succeeded with errors: manage.py jobs show {public_id}")
    return True


def follow_run(command: BaseCommand, public_id: str, run_id: int, out: TextIO) -> bool:
    """Watch one run of a rule, and tell how it ended: False unless it succeeded.

    Ctrl-C leaves it running. Raises SystemExit.
    """
    who = actor()

    def ended(shown: Shown) -> bool:
        run = actions.run_of(who, run_id)
        return run is None or run.finished_at is not None

    try:
        shown = watch(who, public_id, out, ended=ended)
    except KeyboardInterrupt:
        command.stderr.write(f"\nNo longer watching. Run {run_id} of {public_id} goes on.")
        raise SystemExit(INTERRUPTED) from None
    run = actions.run_of(who, run_id)
    if run is None or run.status != Status.SUCCEEDED:
        how = "is not kept" if run is None else run.status_raw or run.status
        why = shown.job.last_error or "no reason is known"
        command.stderr.write(f"Run {run_id} of {public_id} {how}: {why}")
        return False
    if run.errors:
        command.stderr.write(f"Run {run_id} succeeded with errors: manage.py jobs show {public_id}")
    return True


def line(row: dict[str, Any], width: int | None = None) -> str:
    """One line of progress; with a width one that fits it, with a bar."""
    if width is None:
        return f"{row['id']} {_state(row)} {', '.join(_counts(row))}"
    full = round(BAR * row.get("percent", 0) / 100)
    text = f"[{'#' * full}{'.' * (BAR - full)}] {_state(row)}"
    for word in _counts(row):
        if len(text) + len(word) + 2 < width:
            text += f", {word}"
    return text[: max(0, width - 1)]


def _state(row: dict[str, Any]) -> str:
    phase = f" {row['phase']}" if "phase" in row and row["status"] in ("running", "cancelling") else ""
    percent = f" {row['percent']} %" if "percent" in row else ""
    return f"{row['status_raw']}{phase}{percent}"


def _counts(row: dict[str, Any]) -> list[str]:
    """The most telling first: what does not fit on the line is left out."""
    done = row["progress"]
    so_far = f"{units.grouped(done['processed'])} of " if "total" in done else ""
    words = [
        f"{so_far}{units.counted(done.get('total', done['processed']), 'object')}",
        units.binary(done["bytes"]),
    ]
    if "rate" in row:
        words.append(f"{units.binary(row['rate']['bytes_s'])}/s")
    if "waiting" in row:
        words.append("waiting")
    if "eta_s" in row:
        words.append(f"{units.span(row['eta_s'])} left")
    if done["failed"]:
        words.append(f"{units.grouped(done['failed'])} failed")
    return words
