"""Lists of jobs: filtered, sorted and paged in the database."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Count, Q, QuerySet

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
_EVERY, _RULES, _ONE_OFFS = Q(), ~Q(rule=""), Q(rule="")


@dataclass(frozen=True, slots=True)
class Part:
    """Some jobs in one order, which ends with the id: a cursor is exact whatever changes meanwhile."""

    order: tuple[str, ...]
    which: Q = _EVERY
    unread: tuple[str, ...] = ()
    """Columns that may be long and that no list shows of these."""

    @property
    def names(self) -> list[str]:
        """The columns of the order."""
        return [column.lstrip("-") for column in self.order]


SORTS: dict[str, tuple[Part, ...]] = {
    RULES_FIRST: (Part(("rule", "-id"), _RULES, ("state", "keys", "kept")), Part(("-id",), _ONE_OFFS)),
    "-created": (Part(("-id",)),),
    "created": (Part(("id",)),),
    "bucket": (Part(("bucket_name", "id")),),
    "-bucket": (Part(("-bucket_name", "-id")),),
}
"""Sort orders: parts one after the other, each of which an index can serve."""


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
    parts = _parts_from(filtered(filters), sort, cursor)
    if limit is None:
        rules = parts[0][1].filter(_RULES).count() if sort == RULES_FIRST else 0
        limit = min(rules, MOST_RULES) + oneoffs
    page: list[tuple[int, Any]] = []
    for number, rows in parts:
        page += [(number, row) for row in rows[: limit + 1 - len(page)]]
    more, page = len(page) > limit, page[:limit]
    return Listed(refreshed([row for _, row in page]), _cursor(sort, *page[-1]) if more else None)


def counts(actor: Actor, filters: Filters = ANY) -> dict[Status, int]:
    """How many jobs are in each shown status, whatever status the filters name."""
    actor.require(Right.VIEW)
    rows = filtered(replace(filters, status=""))
    found = dict(rows.order_by().values_list("shown").annotate(Count("pk")))
    return {status: found.get(status.value, 0) for status in Status}


def _parts_from(
    rows: QuerySet[Any, Any], sort: str, cursor: str | None
) -> list[tuple[int, QuerySet[Any, Any]]]:
    """What is to come, by the number of its part: all of it, or what is behind the cursor."""
    at, behind = _read(sort, cursor) if cursor else (0, _EVERY)
    parts = list(enumerate(SORTS[sort]))[at:]
    return [
        (
            number,
            rows.filter(part.which, behind if number == at else _EVERY)
            .order_by(*part.order)
            .defer(*part.unread),
        )
        for number, part in parts
    ]


def _cursor(sort: str, number: int, row: Job) -> str:
    values = [getattr(row, name) for name in SORTS[sort][number].names]
    text = json.dumps([sort, number, *values])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(sort: str, cursor: str) -> tuple[int, Q]:
    """The part that the cursor is in, and the rows of it that are behind the one that it names."""
    try:
        told = json.loads(base64.urlsafe_b64decode(cursor[:1000] + "=" * (-len(cursor) % 4)))
    except ValueError:
        raise BadRequest("cursor is not one that this list gave out.") from None
    for number, part in enumerate(SORTS[sort]):
        types = [int if name == "id" else str for name in part.names]
        if isinstance(told, list) and told[:2] == [sort, number] and [type(v) for v in told[2:]] == types:
            return number, _after(part, told[2:])
    raise BadRequest("cursor belongs to another sort order.")


def _after(part: Part, values: list[Any]) -> Q:
    behind, same = Q(), Q()
    for column, name, value in zip(part.order, part.names, values, strict=True):
        side = "lt" if column.startswith("-") else "gt"
        behind |= same & Q(**{f"{name}__{side}": value})
        same &= Q(**{name: value})
    return behind
