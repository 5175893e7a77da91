"""Lists of jobs: filtered, sorted and paged in the database."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import BooleanField, Case, Count, Q, Value, When

from jobs.actions.actor import Actor, Right
from jobs.actions.filtering import ANY, Filters, filtered
from jobs.actions.showing import refreshed
from jobs.errors import BadRequest
from jobs.models import Job
from jobs.presentation import Shown
from jobs.states import Status

DEFAULT_LIMIT, MOST = 50, 200
MOST_RULES = 1000
RULES_FIRST = "rules"
SORTS: dict[str, tuple[str, ...]] = {
    RULES_FIRST: ("-of_rule", "rule", "-id"),
    "-created": ("-id",),
    "created": ("id",),
    "bucket": ("bucket_name", "id"),
    "-bucket": ("-bucket_name", "-id"),
}
"""Sort orders; each ends with the id, so that a cursor is exact whatever changes meanwhile."""
_TYPES = {"id": int, "of_rule": bool}
"""Of the columns that a cursor holds; the others are text."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of jobs and the cursor of the next one."""

    jobs: list[Shown]
    next_cursor: str | None


def listing(
    actor: Actor,
    filters: Filters = ANY,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str = RULES_FIRST,
    oneoffs: int = DEFAULT_LIMIT,
) -> Listed:
    """One page of jobs: `limit` of them, or without it and rules first every rule and so many one-offs.

    Jobs whose worker was lost are put right before they are shown. Raises BadRequest for an unknown
    filter value or sort, a limit outside 1..200, or a cursor that is not ours.
    """
    actor.require(Right.VIEW)
    if limit is not None and not 1 <= limit <= MOST:
        raise BadRequest(f"limit must be 1 to {MOST}, not {limit}.")
    if sort not in SORTS:
        raise BadRequest(f"sort must be one of {', '.join(SORTS)}, not {sort[:40]!r}.")
    rows = filtered(filters).annotate(of_rule=_OF_RULE).order_by(*SORTS[sort])
    if cursor:
        rows = rows.filter(_after(SORTS[sort], cursor))
    if limit is None:
        rules = rows.filter(of_rule=True).count() if sort == RULES_FIRST else 0
        limit = min(rules, MOST_RULES) + oneoffs
    page = list(rows[: limit + 1])
    more = len(page) > limit
    page = page[:limit]
    token = _cursor(SORTS[sort], page[-1]) if more else None
    return Listed(refreshed(page), token)


_OF_RULE = Case(When(~Q(rule=""), then=Value(True)), default=Value(False), output_field=BooleanField())


def counts(actor: Actor, filters: Filters = ANY) -> dict[Status, int]:
    """How many jobs are in each shown status, whatever status the filters name."""
    actor.require(Right.VIEW)
    rows = filtered(replace(filters, status=""))
    found = dict(rows.order_by().values_list("shown").annotate(Count("pk")))
    return {status: found.get(status.value, 0) for status in Status}


def _cursor(order: tuple[str, ...], row: Job) -> str:
    values = [getattr(row, column.lstrip("-")) for column in order]
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _after(order: tuple[str, ...], cursor: str) -> Q:
    """Rows behind the one that the cursor names, in that order."""
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor[:1000] + "=" * (-len(cursor) % 4)))
    except ValueError:
        raise BadRequest("cursor is not one that this list gave out.") from None
    names = [column.lstrip("-") for column in order]
    types = [_TYPES.get(name, str) for name in names]
    if not isinstance(values, list) or [type(value) for value in values] != types:
        raise BadRequest("cursor belongs to another sort order.")
    behind, same = Q(), Q()
    for column, name, value in zip(order, names, values, strict=True):
        behind |= same & _beyond(name, value, descending=column.startswith("-"))
        same &= Q(**{name: value})
    return behind


def _beyond(name: str, value: Any, descending: bool) -> Q:
    if isinstance(value, bool):  # two values: behind the first is the other, behind the last is nothing
        return Q(**{name: not value}) if value is descending else Q(pk__in=[])
    return Q(**{f"{name}__{'lt' if descending else 'gt'}": value})
