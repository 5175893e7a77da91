"""Buckets and backends as operators see them: name, backend, gate, and the job that has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jobs.actions.actor import Actor, Right
from jobs.actions.showing import refreshed, shown_jobs
from jobs.errors import BadRequest
from jobs.presentation import Shown, compact
from jobs.states import ACTIVE
from proxy.records import BucketRecord, list_buckets

DEFAULT_LIMIT, MOST = 100, 1000


@dataclass(frozen=True, slots=True)
class ShownBucket:
    """A bucket and the job that has it, if one has."""

    record: BucketRecord
    active: Shown | None

    def row(self) -> dict[str, Any]:
        """As the admin API answers it; `created_at` is in unix seconds."""
        return compact(
            {
                "name": self.record.name,
                "backend": self.record.route.backend,
                "created_at": self.record.created_ms // 1000,
                "gate": compact({"closed": self.record.gate.closed, "holder": self.record.gate.holder}),
                "active_job": self.active.job.public_id if self.active else None,
            }
        )


def buckets(
    actor: Actor, prefix: str = "", after: str = "", limit: int = DEFAULT_LIMIT
) -> tuple[list[ShownBucket], str | None]:
    """Buckets by name and where the next page starts. Raises BadRequest, Forbidden."""
    actor.require(Right.VIEW)
    if not 1 <= limit <= MOST:
        raise BadRequest(f"limit must be 1 to {MOST}, not {limit}.")
    if not all(name.isascii() and name.isprintable() for name in (prefix, after)):
        raise BadRequest("Bucket names are plain ASCII.")
    records = list_buckets(after=after, prefix=prefix, limit=limit + 1)
    page = records[:limit]
    rows = shown_jobs().filter(bucket_id__in=[record.id for record in page], status__in=ACTIVE)
    active = {job.job.bucket_id: job for job in refreshed(list(rows.order_by("gated", "pk")))}
    found = [ShownBucket(record, active.get(record.id)) for record in page]
    return found, page[-1].name if len(records) > limit else None
