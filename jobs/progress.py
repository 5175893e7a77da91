"""Where a job stands: the columns of its row that a checkpoint saves whole, in one UPDATE.

While a claim lasts, this is the only copy that changes; the row follows at checkpoints. The
values are absolute, so saving the same progress twice does no harm.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, fields
from typing import Any

from jobs.models import Job


@dataclass(slots=True)
class Progress:
    """`processed` counts objects that are done with, the `skipped` ones among them."""

    phase: str = ""
    token: str | None = None
    state: dict[str, Any] = field(default_factory=dict)
    pages: int = 0
    phase_done: int = 0
    phase_total: int | None = None
    processed: int = 0
    total: int | None = None
    bytes_done: int = 0
    bytes_total: int | None = None
    failed: int = 0
    skipped: int = 0
    deleted: int = 0
    token_dropped_in: str = ""
    turned: bool = False
    unwinding: bool = False
    last_error: str = ""

    @classmethod
    def of(cls, job: Job) -> Progress:
        return cls(**{name: copy.deepcopy(getattr(job, name)) for name in COLUMNS})

    def columns(self) -> dict[str, Any]:
        """What the UPDATE sets."""
        return {name: getattr(self, name) for name in COLUMNS}

    def run_columns(self) -> dict[str, int]:
        """The same counts as the Run tells them."""
        return {
            "objects_scanned": self.processed + self.failed,
            "objects_processed": self.processed - self.skipped,
            "objects_skipped": self.skipped,
            "objects_deleted": self.deleted,
            "bytes_done": self.bytes_done,
            "errors": self.failed,
        }

    def enter(self, phase: str) -> None:
        """Begin a phase: a fresh walk."""
        self.phase, self.token, self.pages = phase, None, 0
        self.phase_done, self.phase_total = 0, None

    def restart(self, *, counted: bool) -> None:
        """The token was refused: walk this phase again from the top, its counts with it."""
        self.token_dropped_in = self.phase
        self.enter(self.phase)
        if counted:
            self.processed = self.bytes_done = self.skipped = 0


COLUMNS = tuple(column.name for column in fields(Progress))
