"""How the pages write times, sizes and statuses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs import units
from jobs.kinds.reencryption.deciding import Way
from jobs.presentation.rows import held
from jobs.states import ACTIVE, Status
from proxy.crypto.wraps import CUSTOMER, name_of

register = template.Library()

LABELS = {"with_errors": "succeeded with errors", "idle": "not run yet"}
BUTTONS = {"retry-failed": "Retry"}
WAYS = {
    Way.RIGHT: "as they should be",
    Way.REWRAP: "get another wrap",
    Way.REWRITE: "are written again",
    Way.CUSTOMER: "sealed by a client's own key",
    Way.FIXED: "the service lets nobody replace them",
    Way.OTHER: "in another mode, and stay so",
}
"""What a way means for the versions that take it, on pages."""
register.filter("grouped", units.grouped)
register.filter("counted", units.counted)
register.filter("binary", units.binary)
register.filter("about", units.about)
register.filter("span", units.span)
register.filter("visible", units.visible)


@register.filter
def way(name: str) -> str:
    """What is done to versions that take a way."""
    return WAYS[Way(name)]


@register.filter
def sealer(wrap: str) -> str:
    """Which key a wrap names, in words."""
    name = name_of(wrap)
    return f"a client's own key, MD5 {name.key_id}" if name.kind == CUSTOMER else f"bucket key {name.key_id}"


@register.filter
def lookup(values: Any, name: str) -> Any:
    """`values[name]`, empty if it is not there."""
    return values.get(name, "")


@register.simple_tag
def when(seconds: int | str | None) -> SafeString | str:
    """Unix seconds as a relative time, with the exact UTC time on hover."""
    if seconds in (None, ""):
        return "–"
    moment = datetime.fromtimestamp(int(seconds), UTC)
    distance = (datetime.now(UTC) - moment).total_seconds()
    return format_html(
        '<time datetime="{}" title="{}" data-ago>{}</time>',
        moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        moment.strftime("%Y-%m-%d %H:%M:%S UTC"),
        units.ago(distance),
    )


@register.filter
def unix(moment: datetime) -> int:
    """A moment as the windows tell it."""
    return int(moment.timestamp())


@register.filter
def from_ms(milliseconds: int) -> int:
    """Unix seconds."""
    return milliseconds // 1000


@register.simple_tag
def due(seconds: int) -> SafeString | str:
    """When the next run is due; what is past waits for nothing but the next look."""
    return when(seconds) if seconds > datetime.now(UTC).timestamp() else "now"


@register.simple_tag
def took(run: dict[str, Any]) -> str:
    """How long a run took; nothing of one that goes on."""
    return units.span(run["finished_at"] - run["started_at"]) if "finished_at" in run else "–"


@register.filter
def action_word(action: str) -> str:
    """`run-now` as it stands on a button, `in-sync` as it heads a column."""
    return BUTTONS.get(action, action.replace("-", " ").replace("_", " ").capitalize())


@register.simple_tag
def status(row: dict[str, Any]) -> SafeString:
    """The status chip of a job or a run, and one for what keeps it from going on; errors colour a success."""
    failed = row.get("with_errors") or (row["status"] == Status.SUCCEEDED and row.get("errors"))
    word = "with_errors" if failed else row["status"]
    if word == "idle":
        word = row.get("status_raw", word)
    why = held(row)
    if why and (word == "queued" or word not in ACTIVE):
        return _chip(why)
    return format_html("{} {}", _chip(word), _chip(why)) if why else _chip(word)


def _chip(word: str) -> SafeString:
    return format_html('<span class="chip chip-{}">{}</span>', word, LABELS.get(word, word))
