"""Lists of jobs: filtered, sorted and paged in the database."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, CharField, Count, Exists, F, OuterRef, Q, QuerySet, Value, When

from jobs import recovery
from jobs.actions.actor import Actor, Right
from jobs.errors import BadRequest
from jobs.models import Failure, Job, Run
from jobs.presentation import Shown
from jobs.states import LEASED, Status

DEFAULT_LIMIT, MOST = 50, 200
LONGEST_QUERY = 200
SORTS: dict[str, tuple[str, ...]] = {
    "-created": ("-id",),
    "created": ("id",),
    "bucket": ("bucket_name", "id"),
    "-bucket": ("-bucket_name", "-id"),
}
"""Sort orders; each ends with the id, so that a cursor is exact whatever changes meanwhile."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to; empty means any. `q` looks into names, ids, errors and codes."""

    kind: str = ""
    status: str = ""
    bucket: str = ""
    q: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of jobs and the cursor of the next one."""

    jobs: list[Shown]
    next_cursor: str | None


def listing(
    actor: Actor,
    filters: Filters | None = None,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    sort: str = "-created",
) -> Listed:
    """Every rule and the newest 50 one-offs, unless asked otherwise.

    Jobs whose worker was lost are put right before they are shown. Raises BadRequest for an
    unknown status or sort, a limit outside 1..200, or a cursor that is not ours.
    """
    actor.require(Right.VIEW)
    if not 1 <= limit <= MOST:
        raise BadRequest(f"limit must be 1 to {MOST}, not {limit}.")
    if sort not in SORTS:
        raise BadRequest(f"sort must be one of {', '.join(SORTS)}, not {sort!r}.")
    rows = _filtered(filters or Filters()).order_by(*SORTS[sort])
    if cursor:
        rows = rows.filter(_after(SORTS[sort], cursor))
    page = list(rows[: limit + 1])
    more = len(page) > limit
    page = page[:limit]
    token = _cursor(SORTS[sort], page[-1]) if more else None
    return Listed(refreshed(page), token)


def counts(actor: Actor, filters: Filters | None = None) -> dict[Status, int]:
    """How many jobs are in each shown status, whatever status the filters name."""
    actor.require(Right.VIEW)
    base = filters or Filters()
    rows = _filtered(Filters(base.kind, "", base.bucket, base.q))
    found = dict(rows.order_by().values_list("shown").annotate(Count("pk")))
    return {status: found.get(status.value, 0) for status in Status}


def shown_jobs() -> QuerySet[Any, Any]:
    """Jobs with `shown`: their status as every window shows it."""
    open_run = Exists(Run.objects.filter(job=OuterRef("pk"), finished_at__isnull=True))
    return Job.objects.annotate(
        shown=Case(
            When(Q(status=Status.QUEUED) & open_run, then=Value(Status.RUNNING.value)),
            default=F("status"),
            output_field=CharField(),
        )
    )


def as_shown(row: Any) -> Shown:
    """A row of `shown_jobs` as the windows take it."""
    return Shown(row, Status(row.shown))


def refreshed(page: list[Any]) -> list[Shown]:
    """The rows, after the engine has settled those among them whose worker was lost."""
    changed = [row.pk for row in page if row.status in LEASED and recovery.refresh(row.pk)]
    fresh = {row.pk: row for row in shown_jobs().filter(pk__in=changed)} if changed else {}
    return [as_shown(fresh.get(row.pk, row)) for row in page]


def _filtered(filters: Filters) -> QuerySet[Any, Any]:
    rows = shown_jobs()
    if filters.status:
        if filters.status not in set(Status):
            raise BadRequest(f"status must be one of {', '.join(Status)}, not {filters.status!r}.")
        rows = rows.filter(shown=filters.status)
    if filters.kind:
        rows = rows.filter(kind=filters.kind)
    if filters.bucket:
        rows = rows.filter(bucket_name=filters.bucket)
    return rows.filter(_matches(filters.q)) if filters.q else rows


def _matches(text: str) -> Q:
    if len(text) > LONGEST_QUERY:
        raise BadRequest(f"q may be {LONGEST_QUERY} characters long.")
    if "\x00" in text:
        raise BadRequest("q may not contain a NUL character.")
    about = Q(name__icontains=text) | Q(bucket_name__icontains=text) | Q(last_error__icontains=text)
    about |= Q(created_by__icontains=text)
    about |= Q(
        Exists(Failure.objects.filter(Q(code__iexact=text) | Q(key__contains=text), job=OuterRef("pk")))
    )
    subsystem, _, key = text.partition(":")
    number = key if key else subsystem
    if number.isascii() and number.isdigit() and len(number) < 19:
        about |= Q(pk=int(number), **({"subsystem": subsystem} if key else {}))
    return about


def _cursor(order: tuple[str, ...], row: Job) -> str:
    values = [getattr(row, column.lstrip("-")) for column in order]
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _after(order: tuple[str, ...], cursor: str) -> Q:
    """Rows behind the one that the cursor names, in that order."""
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor[:1000] + "=" * (-len(cursor) % 4)))
    except ValueError:
        raise BadRequest("cursor is not one that this list gave out.") from None
    kinds = [int if column.endswith("id") else str for column in order]
    if not isinstance(values, list) or [type(value) for value in values] != kinds:
        raise BadRequest("cursor belongs to another sort order.")
    behind, same = Q(), Q()
    for column, value in zip(order, values, strict=True):
        name = column.lstrip("-")
        side = "lt" if column.startswith("-") else "gt"
        behind |= same & Q(**{f"{name}__{side}": value})
        same &= Q(**{name: value})
    return behind
