"""What is counted, over all processes; the only module that knows the metrics library.

Counters live in files of each process (prometheus_client's multiprocess mode); `render` adds
them up. Values that are read at the moment of the scrape come from registered sources, so
that whoever owns the facts says what they are.
Source: prometheus_client documentation, "Multiprocess Mode (Gunicorn)".
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from django.conf import settings
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, values
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector

_log = logging.getLogger(__name__)

FOLDER = Path(settings.HOME) / "metrics"

_me = secrets.token_hex(8)
"""Names this process's files. (Process ids may repeat: between containers, and over time.)"""

# The library chooses its mode when it is first imported, which django_q may have done before.
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(FOLDER)
values.ValueClass = values.MultiProcessValue(lambda: _me)  # type: ignore[no-untyped-call]

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
_AUTH = Counter("sluicegate_auth_failures", "Requests that proved nobody.", ["reason"], registry=None)
_BACKEND = Counter("sluicegate_backend_errors", "Errors of a backend.", ["backend", "code"], registry=None)
_CALLS = Counter("sluicegate_backend_calls", "Calls to a service.", ["backend", "code"], registry=None)
_CALL_SECONDS = Histogram(
    "sluicegate_backend_call_seconds",
    "Time from the call of a service to the head of its answer.",
    ["backend"],
    registry=None,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)


# -- this process's files ----------------------------------------------------------------

_TYPES = ("counter", "histogram")
_FILE_BYTES = 512 * 1024
_RETRY_SECONDS = 10.0
_locked: list[int] = []
_not_before = 0.0


def _counting() -> bool:
    """Whether this process has its files, locked while it lives and with room on the disk.

    The library maps them sparse: then a full disk would kill the process at the first count
    (SIGBUS). Without room nothing is counted until there is some.
    """
    global _not_before
    if _locked:
        return True
    if time.monotonic() < _not_before:
        return False
    try:
        FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
        _locked[:] = [_reserve(_file(kind, _me)) for kind in _TYPES]
    except OSError as error:
        _not_before = time.monotonic() + _RETRY_SECONDS
        _log.warning("nothing is counted for the metrics: %s", error)
        return False
    return True


def _file(kind: str, name: str) -> Path:
    return FOLDER / f"{kind}_{name}.db"


def _reserve(path: Path) -> int:
    """Make a file whose bytes are all on the disk; its descriptor, with a shared lock."""
    unfinished = path.with_suffix(".new")
    descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, _FILE_BYTES)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        unfinished.rename(path)
    except OSError:
        os.close(descriptor)
        unfinished.unlink(missing_ok=True)
        raise
    return descriptor


def _after_fork() -> None:
    global _me
    for descriptor in _locked:
        os.close(descriptor)
    _locked.clear()
    _me = secrets.token_hex(8)


os.register_at_fork(after_in_child=_after_fork)


# -- counting ----------------------------------------------------------------------------


@cache
def _requests(operation: str, status: int) -> Counter:
    """Looked up once: the library checks and locks each time."""
    return _REQUESTS.labels(operation, str(status))


@cache
def _seconds(operation: str) -> Histogram:
    return _SECONDS.labels(operation)


@cache
def _bytes(direction: str) -> Counter:
    return _BYTES.labels(direction)


def count_request(operation: str, status: int, seconds: float) -> None:
    """One answered request; `operation` is a name of the operations table."""
    if not _counting():
        return
    _requests(operation, status).inc()
    _seconds(operation).observe(seconds)


def count_bytes(direction: str, number: int) -> None:
    """`direction` is "in" or "out"."""
    if _counting():
        _bytes(direction).inc(number)


def count_gate_refusal(reason: str) -> None:
    """`reason` is closed, busy, replaced, grace or lost."""
    if _counting():
        _GATE.labels(reason).inc()


def count_auth_failure(reason: str) -> None:
    """`reason` is unknown_key, signature or limited (too many of the others)."""
    if _counting():
        _AUTH.labels(reason).inc()


def count_backend_error(backend: str, code: str) -> None:
    """`code` is the S3 code of the error."""
    if _counting():
        _BACKEND.labels(backend, code).inc()


@cache
def _calls(backend: str, code: str) -> Counter:
    return _CALLS.labels(backend, code)


@cache
def _call_seconds(backend: str) -> Histogram:
    return _CALL_SECONDS.labels(backend)


def count_backend_call(backend: str, code: str, seconds: float) -> None:
    """One call to a service; `code` is the S3 code of the error, "" for a good answer."""
    if _counting():
        _calls(backend, code or "ok").inc()
        _call_seconds(backend).observe(seconds)


# -- readings ----------------------------------------------------------------------------


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
    """The registered sources as one collector. One that fails leaves the others readable."""

    def collect(self) -> Iterator[Metric]:
        families: dict[str, GaugeMetricFamily] = {}
        for source in _sources:
            try:
                readings = list(source())
            except Exception:
                _log.exception("a source of the metrics failed")
                continue
            for reading in readings:
                names = sorted(reading.labels)
                family = families.setdefault(
                    reading.name, GaugeMetricFamily(reading.name, reading.help, labels=names)
                )
                family.add_metric([reading.labels[name] for name in names], reading.value)
        yield from families.values()


def render() -> bytes:
    """Everything in Prometheus' text format (CONTENT_TYPE)."""
    FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    registry = CollectorRegistry(support_collectors_without_names=True)
    registry.register(_Readings())
    with open(FOLDER / "scrape.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # nobody folds files away that another scrape reads
        fold_ended()
        MultiProcessCollector(registry, path=str(FOLDER))  # type: ignore[no-untyped-call]
        return generate_latest(registry)


# -- the files of ended processes ----------------------------------------------------------


def fold_ended() -> None:
    """Add what ended processes counted to one file of each type, so that files do not pile up.

    A crash on the way makes counters start lower, which scrapers know, and never counts twice.
    """
    for kind in _TYPES:
        folded = _file(kind, "folded")
        ended = [path for path in FOLDER.glob(f"{kind}_*.db") if path != folded and _has_ended(path)]
        if ended:
            try:
                _fold(kind, folded, ended)
            except OSError as error:
                _log.warning("the metrics of ended processes stay apart: %s", error)


def _has_ended(path: Path) -> bool:
    """Whether nobody has the file's lock: it went with the process."""
    with open(path, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _fold(kind: str, folded: Path, ended: list[Path]) -> None:
    new = FOLDER / f"{kind}.sum"
    new.unlink(missing_ok=True)
    os.close(_reserve(new))
    files = [str(path) for path in (*ended, folded) if path.exists()]
    target = MmapedDict(str(new))  # type: ignore[no-untyped-call]
    for metric in MultiProcessCollector.merge(files, accumulate=False):  # type: ignore[no-untyped-call]
        for sample in metric.samples:
            names, texts = list(sample.labels), list(sample.labels.values())
            key = mmap_key(metric.name, sample.name, names, texts, metric.documentation)
            target.write_value(key, sample.value, 0.0)  # type: ignore[no-untyped-call]
    target.close()  # type: ignore[no-untyped-call]
    for path in ended:
        path.unlink()
    new.rename(folded)
