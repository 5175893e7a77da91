"""What backends that are services tell of their calls, as metrics."""

from __future__ import annotations

from collections.abc import Iterator

from proxy import metrics
from proxy.backends.s3 import caller


def watch() -> None:
    """Count every call of this process from now on, and tell which services are left alone."""
    caller.watch(metrics.count_backend_call)
    metrics.register(_breakers)


def _breakers() -> Iterator[metrics.Reading]:
    for backend, phase in caller.phases().items():
        yield metrics.Reading(
            "sluicegate_backend_left_alone",
            "1 while the process that answers the scrape makes no calls to a service that failed.",
            float(phase != caller.CLOSED),
            {"backend": backend},
        )
