"""The cursor as a truth table."""

from __future__ import annotations

import pytest

from jobs import cursor
from jobs.cursor import Cursor, Step
from jobs.errors import BudgetSpent, CursorError
from jobs.kinds.base import Item, Page
from proxy import errors

BUDGET = 3


@pytest.mark.parametrize(
    ("token", "page", "expected"),
    [
        (None, Page(), Step.END),
        (None, Page([Item("a")]), Step.END),
        (None, Page(token="b", truncated=True), Step.NEXT),
        ("a", Page(token="b", truncated=True), Step.NEXT),
        ("a", Page(token="b"), Step.END),  # not truncated: complete, whatever the token
        ("a", Page(token="a"), Step.END),
        ("a", Page(token="a", truncated=True), CursorError),
        ("a", Page(truncated=True), CursorError),
        (None, Page(token="", truncated=True), CursorError),
        ("a", Page(wait_s=1.0), Step.WAIT),
        ("a", Page(token="a", truncated=True, wait_s=1.0), Step.WAIT),
        ("a", Page([Item("a")], wait_s=1.0), CursorError),
    ],
)
def test_what_follows_a_page(token: str | None, page: Page, expected: Step | type[Exception]) -> None:
    at = Cursor("copy", token)
    if isinstance(expected, Step):
        assert cursor.after(at, page, BUDGET) is expected
    else:
        with pytest.raises(expected):
            cursor.after(at, page, BUDGET)


@pytest.mark.parametrize(("pages", "spent"), [(0, False), (1, False), (2, True), (3, True)])
def test_a_walk_that_is_not_whole_after_its_budget_is_an_error(pages: int, spent: bool) -> None:
    at, page = Cursor("copy", "a", pages), Page(token="b", truncated=True)
    if spent:
        with pytest.raises(BudgetSpent):
            cursor.after(at, page, BUDGET)
    else:
        assert cursor.after(at, page, BUDGET) is Step.NEXT
    assert cursor.after(at, Page(), BUDGET) is Step.END, "the last page is within the budget"


@pytest.mark.parametrize("token", [None, "t"])
@pytest.mark.parametrize("resumed", [False, True])
@pytest.mark.parametrize("dropped_in", ["", "stage", "copy"])
def test_a_refused_token_is_dropped_once_in_a_phase_and_only_when_resumed(
    token: str | None, resumed: bool, dropped_in: str
) -> None:
    at = Cursor("copy", token, 5, resumed, dropped_in)
    restart = token is not None and resumed and dropped_in != "copy"
    assert cursor.refused(at) is (Step.RESTART if restart else Step.FAIL)


@pytest.mark.parametrize(
    ("error", "blamed"),
    [
        (errors.InvalidArgument(), True),
        (errors.NoSuchKey(), True),
        (errors.NoSuchUpload(), True),
        (errors.NoSuchBucket(), False),
        (errors.RequestTimeout(), False),
        (errors.SlowDown(), False),
        (errors.BackendUnavailable(), False),
        (errors.AccessDenied(), False),
        (errors.InternalError(), False),
        (ValueError("token"), False),
    ],
)
def test_which_refusals_may_be_the_tokens_fault(error: Exception, blamed: bool) -> None:
    assert cursor.blames_token(error) is blamed
