"""What a rule would do, and what its verify found, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jobs import units
from jobs.management.commands._words import table

SHOWN = 20
HEAD = ("ACTION", "SIZE", "AGE", "KEY", "REASON")
FOUND_HEAD = ("FOUND", "KEY", "REASON", "WHAT MENDS IT")


def preview_lines(preview: Mapping[str, Any]) -> Iterator[str]:
    """The totals, the first candidates with the reason for each, and what else there is to know."""
    least = "" if preview["exact"] else "at least "
    looked_at = units.grouped(preview["looked_at"])
    yield f"{preview['bucket']} on {preview['backend']}: {least}{looked_at} looked at; nothing was changed"
    for action, total in preview["totals"].items():
        size = units.binary(total["bytes"])
        yield f"  {action}: {least}{units.counted(total['objects'], 'object')}, {size}"
    for why, number in preview["kept_totals"].items():
        yield f"  kept ({why}): {least}{units.grouped(number)}"
    rows = preview["candidates"][:SHOWN]
    if rows:
        yield table(HEAD, [_cells(row) for row in rows])
    if len(preview["candidates"]) > SHOWN:
        yield f"({units.grouped(len(preview['candidates']) - SHOWN)} more with --json)"
    yield from preview["notes"]


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (row["action"], units.binary(row["size"]), units.span(row["age_s"]), row["key"], row["reason"])


def verify_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """How much of either side is how, and samples of what is not in sync."""
    so_far = "" if found["finished_ms"] else " so far"
    counts = (f"{units.grouped(number)} {_words(state)}" for state, number in found["counts"].items())
    yield f"verify{so_far}: {', '.join(counts)}; nothing was changed"
    rows = [
        (_words(state), sample["key"], sample["reason"], sample["fix"])
        for state, samples in found["samples"].items()
        for sample in samples
    ]
    if rows:
        yield table(FOUND_HEAD, rows)


def _words(state: str) -> str:
    return state.replace("_", " ")
