"""What a page says of a job, in the words of its kind."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.urls import reverse

from jobs import units
from jobs.kinds import KINDS
from jobs.kinds.base import by_rule
from jobs.presentation import Shown


def sentences(shown: Shown, failed: int = 0) -> dict[str, str]:
    """The kind's words with the job's figures in them; none if this version no longer knows the kind."""
    if shown.kind is None:
        return {}
    job = shown.job
    known = {
        "bucket": job.bucket_name,
        "source": job.spec.get("source_backend", ""),
        "objects": units.grouped(job.processed),
        "bytes": units.binary(job.bytes_done),
        "failed": units.counted(failed, "object"),
    }
    return {name: text.format(**known) for name, text in asdict(shown.kind.words).items()}


def forms() -> list[dict[str, Any]]:
    """Where each kind of job that is asked for is asked for, and what the pages call that."""
    return [
        {"kind": name, "url": reverse(f"console:{name}"), **asdict(kind.words)}
        for name, kind in KINDS.items()
        if not by_rule(kind)
    ]
