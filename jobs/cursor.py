"""Where a walk stands, and where it goes next. Pure: knows no database and no clock.

Continue iff truncated and a token is present. Truncated without a token, and a token that
repeats, are errors and not loops. Running out of the page budget is not completion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from jobs.errors import BudgetSpent, CursorError
from proxy.errors import NoSuchBucket, RequestTimeout, S3Error


class Step(StrEnum):
    """What follows a page."""

    NEXT = "next"  # another page of this walk
    END = "end"  # the walk is whole
    WAIT = "wait"  # the same token again, later
    RESTART = "restart"  # from the top, once: the token is no good any more
    FAIL = "fail"  # the token is no good and was dropped before, or it is not the token


class Page(Protocol):
    """What of a kind's page decides where the walk goes on."""

    @property
    def items(self) -> Sequence[Any]: ...
    @property
    def token(self) -> str | None: ...
    @property
    def truncated(self) -> bool: ...
    @property
    def wait_s(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Cursor:
    """One walk: its phase, the token of the page to come, and the pages behind it.

    `resumed`: the token was read from the job, and no page of this walk was got in this claim.
    `dropped_in`: the phase in which a token was dropped in this run.
    """

    phase: str
    token: str | None = None
    pages: int = 0
    resumed: bool = False
    dropped_in: str = ""


def after(cursor: Cursor, page: Page, budget: int | None) -> Step:
    """What follows `page`, which was got with `cursor`. Raises CursorError, BudgetSpent.

    `budget`: the pages of a walk that must be whole; None if it need not be.
    """
    if page.wait_s > 0:
        if page.items:
            raise CursorError("a page that asks to wait has no items")
        return Step.WAIT
    if not page.truncated:
        return Step.END
    if not page.token:
        raise CursorError(f"page {cursor.pages + 1} of {cursor.phase} is truncated and has no token")
    if page.token == cursor.token:
        raise CursorError(f"page {cursor.pages + 1} of {cursor.phase} repeats its token")
    if budget is not None and cursor.pages + 1 >= budget:
        raise BudgetSpent(f"{cursor.phase} was not whole after {budget} pages")
    return Step.NEXT


def refused(cursor: Cursor) -> Step:
    """What follows when the page at `cursor` was refused because of its token."""
    if cursor.token is None or not cursor.resumed or cursor.dropped_in == cursor.phase:
        return Step.FAIL
    return Step.RESTART


def blames_token(error: Exception) -> bool:
    """Whether a backend's refusal may be the token's fault: 400 or 404, never 503 or a timeout."""
    if not isinstance(error, S3Error) or isinstance(error, (NoSuchBucket, RequestTimeout)):
        return False
    return error.status in (400, 404)
