"""A job as operators see it, before it is put into words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from jobs.kinds import KINDS
from jobs.kinds.base import Kind, Phase, course
from jobs.models import Job
from jobs.states import ACTIVE, Status


@dataclass(frozen=True, slots=True)
class Shown:
    """A job with its status as it is shown: in line between two slices counts as running.

    Of a rule also what its latest run says of itself where the vocabulary has no word (`raw`), when that
    began, and whether objects failed that no run has looked at since (`failing`).
    """

    job: Job
    status: Status
    raw: str = ""
    last_run: datetime | None = None
    failing: bool = False

    @property
    def kind(self) -> Kind | None:
        """None if this version no longer knows the kind."""
        return KINDS.get(self.job.kind)

    @property
    def with_errors(self) -> bool:
        return self.status is Status.SUCCEEDED and self.job.failed > 0

    @property
    def at_work(self) -> bool:
        """A worker has it, or will without anybody asking: there is something to wait for."""
        return self.status in ACTIVE and not (self.status is Status.QUEUED and self.job.paused)


def course_of(shown: Shown) -> tuple[Phase, ...]:
    """The phases of the job's mode; of a rule that never ran, of the first. None of an unknown kind."""
    kind = shown.kind
    if kind is None:
        return ()
    mode = shown.job.mode if shown.job.mode in kind.modes else next(iter(kind.modes))
    return course(kind, mode)
