"""What was asked for: the parameters of a one-off, or a rule as its configuration file says it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from jobs.models import Job
from jobs.presentation.yaml_text import Plain, entry

_DURATIONS = (("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_SIGNS = ((4, "T"), (3, "G"), (2, "M"), (1, "K"))
_SIZES = (
    *((f"{sign}{i}B", (1024 if i else 1000) ** power) for power, sign in _SIGNS for i in ("i", "")),
    ("B", 1),
)
_EMPTY: tuple[Any, ...] = (None, "", [], {}, 0, False)
_NOT_OF_THE_FILE = "# From the bucket's S3 lifecycle configuration (PutBucketLifecycleConfiguration):\n"

Write = Callable[[Any], Plain]
Fields = tuple[tuple[str, str, Write], ...]


def duration(seconds: int) -> str:
    """`86400` as `1d`, `5400` as `90m`."""
    return _in_units(seconds, _DURATIONS)


def size(count: int) -> str:
    """`10485760` as `10MiB`, `500000` as `500KB`."""
    return _in_units(count, _SIZES)


def _in_units(number: int, units: tuple[tuple[str, int], ...]) -> str:
    """By the largest unit that divides it."""
    name, whole = next(
        (name, whole) for name, whole in units if whole == 1 or (number and number % whole == 0)
    )
    return f"{number // whole}{name}"


def _as_is(value: Any) -> Plain:
    return value


def _place(value: Mapping[str, Any]) -> Plain:
    return {"bucket": value["bucket"], "prefix": value.get("prefix", "")}


def _day(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_COMMON: Fields = (
    ("interval_s", "interval", duration),
    ("concurrency", "concurrency", _as_is),
    ("timeout_s", "timeout", duration),
)
_FILTERS: Fields = (("include_globs", "include_globs", _as_is), ("exclude_globs", "exclude_globs", _as_is))
_REPLICATION: Fields = (
    ("source", "source", _place),
    ("destination", "destination", _place),
    ("trigger", "trigger", _as_is),
    ("replicate_deletes", "replicate_deletes", _as_is),
    ("conflict", "conflict", _as_is),
    *_FILTERS,
    ("bandwidth", "bandwidth", lambda rate: f"{size(rate)}/s"),
    ("window", "window", _as_is),
)
_LIFECYCLE: Fields = (
    ("prefix", "prefix", _as_is),
    ("tags", "tags", _as_is),
    ("min_size", "larger_than", size),
    ("max_size", "smaller_than", size),
    *_FILTERS,
    ("action", "action", _as_is),
    ("after_s", "expire_after", duration),
    ("on_date_ms", "on_date", _day),
    ("noncurrent_after_s", "noncurrent_expire_after", duration),
    ("noncurrent_keep", "noncurrent_keep", _as_is),
    ("abort_multipart_after_s", "abort_multipart_after", duration),
    ("expired_delete_markers", "expired_delete_markers", _as_is),
)
_NEWEST: Fields = (
    ("count", "count", _as_is),
    ("qualify", "qualify", lambda value: _written(value, _QUALIFY)),
    ("protect_younger_than_s", "protect_younger_than", duration),
)
_QUALIFY: Fields = (("min_size", "min_size", size), ("min_age_s", "min_age", duration))
"""What a spec calls it, what the file does, and how it is written there."""


def definition(job: Job) -> dict[str, Any]:
    """The kind, the bucket and the parameters; of a rule also its `yaml`."""
    told = {"kind": job.kind, "bucket": job.bucket_name, "parameters": dict(job.spec)}
    if not job.standing:
        return told
    return told | {"rule": job.rule, "revision": job.revision, "yaml": as_yaml(job)}


def as_yaml(job: Job) -> str:
    """The rule as an entry of the configuration file."""
    head = {"name": job.rule} | ({} if job.enabled or not job.declared else {"enabled": False})
    entries = job.spec.get("rules")
    if entries is None:
        return entry(head | _written(job.spec, _REPLICATION) | _written(job.spec, _COMMON))
    around = _written(job.spec, _COMMON)
    if len(entries) == 1 and ":" not in job.rule:
        return entry(head | {"bucket": job.bucket_name} | _lifecycle(entries[0]) | around)
    return _NOT_OF_THE_FILE + "".join(
        entry({"id": each.get("id", "")} | _lifecycle(each)) for each in entries
    )


def _lifecycle(told: Mapping[str, Any]) -> dict[str, Plain]:
    written = _written(told, _LIFECYCLE)
    action = told.get("action")
    if action == "retain-newest":
        written["action"] = {"type": action} | _written(told, _NEWEST)
    if action == "transition":
        kept = {} if told.get("delete_source", True) else {"delete_source_after_success": False}
        written["action"] = {"type": action, "destination": _place(told["destination"])} | kept
    return written


def _written(values: Mapping[str, Any], known: Fields) -> dict[str, Plain]:
    """Those that say something, under their names in the file."""
    return {
        name: written
        for key, name, write in known
        if values.get(key) not in _EMPTY and (written := write(values[key])) not in _EMPTY
    }
