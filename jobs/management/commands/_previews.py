"""A rule's preview as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jobs import units
from jobs.management.commands._words import table

SHOWN = 20
HEAD = ("ACTION", "SIZE", "AGE", "KEY", "REASON")


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
