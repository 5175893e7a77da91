"""What is counted, over all processes; the only module that knows the metrics library.

Counters live in one small file per process (prometheus_client's multiprocess mode); `render`
adds them up. Values that are read at the moment of the scrape come from registered sources,
so that whoever owns the facts says what they are.
Source: prometheus_client documentation, "Multiprocess Mode (Gunicorn)".
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, values
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER = Path(settings.HOME) / "metrics"
FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)

# The library chooses its mode when it is first imported, which django_q may have done before.
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(FOLDER)
values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_REQUESTS = Counter("sluicegate_requests", "S3 requests answered.", ["operation", "status"], registry=None)
_SECONDS = Histogram(
    "sluicegate_request_seconds",
    "Time from the first byte of a request to the end of its answer.",
    ["operation"],
    registry=None,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
_BYTES = Counter("sluicegate_body_bytes", "Bytes of request and answer bodies.", ["direction"], registry=None)
_GATE = Counter("sluicegate_gate_refusals", "Writes refused by a gate (503).", ["reason"], registry=None)
_BACKEND = Counter("sluicegate_backend_errors", "Errors of a backend.", ["backend", "code"], registry=None)


def count_request(operation: str, status: int, seconds: float) -> None:
    """One answered request; `operation` is a name of the operations table."""
    _REQUESTS.labels(operation, str(status)).inc()
    _SECONDS.labels(operation).observe(seconds)


def count_bytes(direction: str, number: int) -> None:
    """`direction` is "in" or "out"."""
    _BYTES.labels(direction).inc(number)


def count_gate_refusal(reason: str) -> None:
    """`reason` is closed, busy, replaced, grace or lost."""
    _GATE.labels(reason).inc()


def count_backend_error(backend: str, code: str) -> None:
    """`code` is the S3 code of the error."""
    _BACKEND.labels(backend, code).inc()


@dataclass(frozen=True, slots=True)
class Reading:
    """One value at the moment of a scrape. Readings of one name share help and label names."""

    name: str
    help: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


Source = Callable[[], Iterable[Reading]]
_sources: list[Source] = []


def register(source: Source) -> None:
    """Ask `source` for its readings at every scrape; once, however often it is registered."""
    if source not in _sources:
        _sources.append(source)


class _Readings:
    """The registered sources as one collector."""

    def collect(self) -> Iterator[Metric]:
        families: dict[str, GaugeMetricFamily] = {}
        for reading in (reading for source in _sources for reading in source()):
            names = sorted(reading.labels)
            family = families.get(reading.name)
            if family is None:
                family = families[reading.name] = GaugeMetricFamily(reading.name, reading.help, labels=names)
            family.add_metric([reading.labels[name] for name in names], reading.value)
        yield from families.values()


def render() -> bytes:
    """Everything in Prometheus' text format (CONTENT_TYPE)."""
    registry = CollectorRegistry(support_collectors_without_names=True)
    MultiProcessCollector(registry, path=str(FOLDER))  # type: ignore[no-untyped-call]
    registry.register(_Readings())
    return generate_latest(registry)
