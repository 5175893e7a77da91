"""The bounds of the engine; `settings.JOB_LIMITS` may set them by kind."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.conf import settings

from jobs.engine.retrying import Backoff
from jobs.transitions import MOST_LOST


@dataclass(frozen=True, slots=True)
class Limits:
    """What ends a slice, a walk or a job early."""

    pages: int = 1_000_000
    """Pages of one walk; a longer one fails its job, or is gone on with in the rule's next run."""
    failed_share: float = 0.5
    """A larger share of failed objects fails the job, ..."""
    failed_after: int = 1_000
    """... once that many objects were seen (the rule of S3 Batch Operations)."""
    crashes: int = MOST_LOST
    """Workers lost in a row at the same cursor; then a one-off fails."""
    claim_wait_s: float = 10.0
    """How long a claim waits for the bucket's work slot before it leaves the job in line."""
    backoff: Backoff = field(default_factory=Backoff)


def limits_of(kind: str) -> Limits:
    """The limits of a kind. Raises TypeError on an unknown name in the settings."""
    return Limits(**settings.JOB_LIMITS.get(kind, {}))
