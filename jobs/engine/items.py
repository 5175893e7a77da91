"""One page's items: each applied with retries, and what became of them counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jobs.engine.retrying import GaveUp
from jobs.errors import WorkSignal
from jobs.failures import Trouble
from jobs.kinds.base import Item, Kind, Outcome, Page, Phase, Work
from jobs.progress import Progress
from proxy.errors import S3Error


class ItemFailed(WorkSignal):
    """An item of a phase in which none may fail."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.message)
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class Applying:
    """`retried` calls with retries and raises GaveUp; `tolerant`: a failed item is only recorded."""

    kind: Kind
    work: Work
    phase: Phase
    tolerant: bool
    retried: Callable[[Callable[[], Outcome]], Outcome]

    def one(self, item: Item) -> Outcome | Trouble:
        """Raises ItemFailed and whatever ends the slice."""
        try:
            return self.retried(lambda: self.kind.apply(self.work, self.phase.name, item))
        except GaveUp as spent:
            trouble = trouble_of(spent, self.phase.name, item.key)
        if not self.tolerant:
            raise ItemFailed(trouble)
        return trouble

    def count(self, progress: Progress, page: Page, results: Sequence[Outcome | Trouble]) -> list[Trouble]:
        """Add a page to the progress; the rows that go into the failure ring."""
        troubles: list[Trouble] = []
        for result in results:
            if isinstance(result, Trouble):
                troubles.append(result)
                progress.phase_done += 1
            else:
                troubles += _issues(self.phase.name, result)
                self._count_one(progress, result)
        progress.failed += len(troubles)
        self._count_totals(progress, page)
        return troubles

    def _count_one(self, progress: Progress, outcome: Outcome) -> None:
        progress.phase_done += outcome.objects
        progress.deleted += outcome.deleted
        if self.phase.counted:
            progress.processed += outcome.objects
            progress.bytes_done += outcome.size
            progress.skipped += outcome.objects if outcome.skipped else outcome.left

    def _count_totals(self, progress: Progress, page: Page) -> None:
        if page.total is not None:
            progress.phase_total = page.total
            if self.phase.counted:
                progress.total = page.total
        if page.total_bytes is not None:
            progress.bytes_total = page.total_bytes


def again(results: Sequence[Outcome | Trouble]) -> list[Item]:
    """What items left behind to be done each on its own."""
    return [item for result in results if isinstance(result, Outcome) for item in result.again]


def _issues(phase: str, outcome: Outcome) -> list[Trouble]:
    return [
        Trouble(phase, issue.key, issue.code, issue.message, issue.version_id or "")
        for issue in outcome.issues
    ]


def trouble_of(spent: GaveUp, phase: str, key: str = "") -> Trouble:
    """An error as a row of the failure ring. Codes are S3's, so that failures group by code."""
    error = spent.error
    if isinstance(error, S3Error):
        return Trouble(phase, key, error.code, error.message, attempt=spent.attempts)
    return Trouble(phase, key, "InternalError", f"{type(error).__name__}: {error}", attempt=spent.attempts)
