"""Lifecycle rules as jobs hold them, and their runs without an engine."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Callable
from typing import Any

from jobs.kinds.lifecycle import Lifecycle
from jobs.kinds.lifecycle_rules.ground import Steps
from jobs.kinds.lifecycle_rules.previewing import preview as look
from jobs.kinds.lifecycle_rules.spec import read_spec
from proxy import routes
from proxy.backends.values import NULL_VERSION, NewObject, ObjectInfo
from proxy.bucket_settings import ENABLED
from proxy.records import BucketRecord, change_settings, find_bucket
from proxy.store import Store
from tests.jobs.kinds.driving import Drive, Saved, nothing
from tests.jobs.kinds.world import Bytes, make_bucket, versions

DAY_MS = 24 * 3600 * 1000
DAY_S = 24 * 3600
FEW = Steps(entries=3, together=2, looks=2)
"""Many pages, and many items on each."""
_runs = itertools.count(1)


def now_ms() -> int:
    """The wall clock of the backends."""
    return time.time_ns() // 1_000_000


def rule(id: str = "the rule", **said: Any) -> dict[str, Any]:
    """One rule of a spec, as the configuration makes it."""
    return {
        "id": id, "prefix": "", "tags": {}, "min_size": None, "max_size": None, "include_globs": [],
        "exclude_globs": [], "action": "", "after_s": None, "on_date_ms": None, "destination": None,
        "delete_source": True, "count": None, "qualify": {"min_size": None, "min_age_s": None},
        "protect_younger_than_s": None, "noncurrent_after_s": None, "noncurrent_keep": 0,
        "abort_multipart_after_s": None, "expired_delete_markers": False, **said,
    }  # fmt: skip


def spec(*rules: dict[str, Any], bucket: str = "photos") -> dict[str, Any]:
    return {"bucket": bucket, "interval_s": 60, "concurrency": 4, "timeout_s": 60, "rules": list(rules)}


def days(number: float) -> int:
    """In seconds."""
    return round(number * DAY_S)


def bucket_of(name: str = "photos", *, versioned: bool = False, locked: bool = False) -> Store:
    """A new bucket on the default backend."""
    bucket = make_bucket(name)
    if versioned or locked:
        change_settings(bucket, versioning=ENABLED, object_lock=locked)
        routes.backend(bucket.route.backend).set_versioning(bucket.route.place, ENABLED)
    return Store.at(bucket.route)


def aged(store: Store, key: str, age_days: float, data: bytes = b"body", **facts: Any) -> ObjectInfo:
    """An object that was written so long ago."""
    version = facts.pop("version_id", NULL_VERSION)
    etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
    info = ObjectInfo(key, len(data), etag, now_ms() - round(age_days * DAY_MS), version_id=version)
    new = NewObject(key, version_id=version, owner_id="a" * 64, carried=info, newest=True, **facts)
    return store.put(new, Bytes(data))


def bucket(name: str = "photos") -> BucketRecord:
    return find_bucket(name)


def job(
    asked: dict[str, Any],
    *,
    in_days: float = 0,
    mode: str = "run",
    keys: tuple[str, ...] = (),
    steps: Steps = FEW,
    happens: Callable[[str], None] = nothing,
) -> Drive:
    """A run of a rule's job, at a time from now."""
    clock = now_ms() + round(in_days * DAY_MS)
    saved = Saved(asked["bucket"], "", asked, clock, mode=mode, keys=keys, run_id=next(_runs))
    return Drive(Lifecycle(steps), saved, happens)


def run(asked: dict[str, Any], **options: Any) -> Saved:
    return job(asked, **options).run()


def preview(asked: dict[str, Any], *, in_days: float = 0, **options: Any) -> dict[str, Any]:
    """What `Lifecycle.plan` would look at, at a time from now."""
    clock = now_ms() + round(in_days * DAY_MS)
    return look(bucket(asked["bucket"]), read_spec(asked), clock, **{"limit": 3, **options})


def shown(told: dict[str, Any]) -> list[tuple[str, str]]:
    """Key and action of each candidate."""
    return [(row["key"], row["action"]) for row in told["candidates"]]


def line(store: Store) -> list[str]:
    """Every version there is: `key`, `*` if it is the latest, `-` if it is a delete marker, its id."""
    return [
        f"{info.key} {'*' if info.latest else ''}{'-' if info.marker else ''}{info.version_id}"
        for info in versions(store)
    ]
