"""One sample of each kind for its contract: what it works on and how it must end.

A kind that is added to KINDS needs a line in SAMPLES, and then passes the same suite.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jobs.kinds.base import Kind
from jobs.kinds.migrate import Migrate
from jobs.kinds.migration.ground import Limits
from proxy import routes
from proxy.backends.filesystem import FilesystemBackend
from proxy.records import find_bucket
from proxy.store import Store
from tests.jobs.kinds.world import MIB, contents, make_bucket, noise, open_upload, put, put_in_parts

STEPS = Limits(large_bytes=MIB, part_bytes=MIB, page_items=3, page_bytes=2 * MIB)
"""Pages of few items, and pieces inside two of the objects."""
State = dict[str, Any]
"""What can be seen of a bucket: where it is, what is in it, and what lies beside it."""


@dataclass(frozen=True)
class Sample:
    """`kind` makes the kind, in steps so small that there are many boundaries; `fill` its bucket.

    `ends` says the state after a success, from the state before. `before_work` changes the
    process that works.
    """

    kind: Callable[[], Kind]
    fill: Callable[[Store], None]
    ends: Callable[[State], State]
    params: Mapping[str, Any] = field(default_factory=dict)
    before_work: Callable[[], None] = lambda: None


def _a_little_of_everything(store: Store) -> None:
    put(store, "empty", b"")
    put(store, "in the index", noise(1, 100), metadata={"a": "b"}, tags={"c": "d"})
    put(store, "a file", noise(2, 60_000), headers={"content-type": "image/png"})
    put(store, "large", noise(3, 2_500_000))
    put(store, "日本", noise(4, 10))
    put_in_parts(store, "of parts", noise(5, 5 * MIB), noise(6, 1000))
    open_upload(store, "open", "to come", {1: noise(7, 40_000), 3: noise(8, 10)}, metadata={"who": "me"})


def _nothing_links() -> None:
    """Every body moves byte by byte, as it does between two file systems."""
    FilesystemBackend.can_link = lambda self, reader: False  # type: ignore[method-assign]


def _moved(before: State) -> State:
    return {"backend": "archive", "bucket": before["bucket"], "beside": [before["bucket"]], "gate": None}


def _moved_and_deleted(before: State) -> State:
    return {**_moved(before), "beside": []}


SAMPLES: dict[str, list[Sample]] = {
    "migrate": [
        Sample(lambda: Migrate(STEPS), _a_little_of_everything, _moved, {"target_backend": "archive"}),
        Sample(
            lambda: Migrate(STEPS),
            _a_little_of_everything,
            _moved_and_deleted,
            {"target_backend": "archive", "delete_source": True},
            _nothing_links,
        ),
    ],
}


BUCKET = "photos"


def prepare(sample: Sample) -> None:
    """The sample's bucket."""
    sample.fill(Store.at(make_bucket(BUCKET).route))


def state() -> State:
    """What can be seen now, as plain JSON."""
    bucket = find_bucket(BUCKET)
    beside = [
        contents(routes.Route(name, place))
        for name in routes.backend_names()
        for place in routes.backend(name).places(BUCKET)
        if place != bucket.route.place
    ]
    seen = {
        "backend": bucket.route.backend,
        "bucket": contents(bucket.route),
        "beside": beside,
        "gate": bucket.gate.holder,
    }
    plain: State = json.loads(json.dumps(seen, default=repr, sort_keys=True))
    return plain
