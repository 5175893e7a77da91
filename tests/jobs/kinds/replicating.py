"""Rules over the two backends of a test, without an engine: `releases` here is replicated to `dr` there."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from jobs.kinds.replicate import Replicate
from jobs.kinds.replication.ground import Limits
from proxy.backends.values import Deletion, ObjectInfo
from proxy.records import find_bucket
from proxy.store import Store
from tests.jobs.kinds.driving import Drive, Saved, nothing
from tests.jobs.kinds.world import KIB, NOW_MS, make_bucket

SMALL_STEPS = Limits(
    large_bytes=256 * KIB, part_bytes=100 * KIB, page_items=3, page_bytes=300 * KIB, page_entries=4,
    group_items=2, small_bytes=KIB, look_ms=0,
)  # fmt: skip
"""Many pages, groups of keys, and pieces inside objects, with little data."""

SOURCE, DESTINATION = "releases", "dr"


def spec(**said: Any) -> dict[str, Any]:
    """A rule's spec with its defaults."""
    return {
        "source": {"bucket": SOURCE, "prefix": ""},
        "destination": {"bucket": DESTINATION, "prefix": ""},
        "trigger": "events",
        "conflict": "newer-wins",
        "replicate_deletes": False,
        **said,
    }


@dataclass
class Rule:
    """A rule with both its buckets; its notes live on from run to run."""

    said: dict[str, Any]
    here: str = SOURCE
    there: str = DESTINATION
    limits: Limits = SMALL_STEPS
    happens: Callable[[str], None] = nothing
    state: str = "{}"
    runs: list[Saved] = field(default_factory=list)

    def run(self, mode: str = "reconcile", keys: tuple[str, ...] = (), **more: Any) -> Saved:
        """A run to its end. `more`: what it is taken up with, as `token`."""
        saved = Saved(self.here, "", self.said, NOW_MS, mode=mode, keys=keys, state=self.state, **more)
        self.runs.append(saved)
        Drive(Replicate(self.limits), saved, self.happens).run()
        self.state = saved.state
        return saved

    @property
    def notes(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.state)
        return found

    @property
    def source(self) -> Store:
        return Store.of(find_bucket(self.here))

    @property
    def destination(self) -> Store:
        return Store.of(find_bucket(self.there))


def copied(saved: Saved) -> int:
    """How many objects a run copied."""
    return saved.processed - saved.skipped - saved.deleted


def rule(here: str = SOURCE, there: str = DESTINATION, **said: Any) -> Rule:
    """A rule between two empty buckets, which it makes."""
    settings.STORAGE["buckets"][there] = {"backend": "there"}
    make_bucket(here)
    make_bucket(there)
    sides = {"source": {"bucket": here, "prefix": ""}, "destination": {"bucket": there, "prefix": ""}}
    return Rule(spec(**{**sides, **said}), here, there)


def delete(store: Store, key: str) -> None:
    store.delete(Deletion(key))


def facts(info: ObjectInfo) -> tuple[Any, ...]:
    """What a replica has in common with its source."""
    return (
        info.size, info.etag, info.last_modified, dict(info.headers), dict(info.metadata), dict(info.tags),
        dict(info.checksums), info.parts,
    )  # fmt: skip


def content(store: Store, prefix: str = "") -> dict[str, tuple[Any, ...]]:
    """Facts and bytes of all objects by their relative keys."""
    found = {}
    after = ""
    while True:
        page = store.list(prefix=prefix, after=after)
        for listed in page.objects:
            with store.open(listed.key) as reader:
                body = b"".join(reader.read(0, reader.info.size))
                found[listed.key[len(prefix) :]] = (*facts(reader.info), body)
        if page.last is None:
            return found
        after = page.last
