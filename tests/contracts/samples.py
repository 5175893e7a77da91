"""One sample of each kind for its contract: what it works on and how it must end.

A kind that is added to KINDS needs a line in SAMPLES, and then passes the same suite.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from django.conf import settings

from jobs.kinds.base import Kind
from jobs.kinds.migrate import Migrate
from jobs.kinds.pieces import Limits
from jobs.kinds.reencrypt import Reencrypt
from proxy import routes
from proxy.backends.encrypted import SEALING
from proxy.backends.filesystem import FilesystemBackend
from proxy.backends.values import UNLOCKED, Amendment, Lock
from proxy.records import find_bucket, list_buckets
from proxy.resealing import Resealing
from proxy.store import Store
from tests.contracts import lifecycle_samples as ruled
from tests.contracts import replication_samples as replicas
from tests.jobs.kinds.encrypting import modes
from tests.jobs.kinds.world import MIB, contents, make_bucket, mark, noise, open_upload, put, put_in_parts

STEPS = Limits(large_bytes=MIB, part_bytes=MIB, page_items=3, page_bytes=2 * MIB, page_entries=3)
"""Pages of few items, and pieces inside two of the objects."""
PIECES = Limits(large_bytes=5 * MIB, part_bytes=5 * MIB, page_items=3, page_bytes=8 * MIB)
"""As few, with pieces that a service takes."""
State = dict[str, Any]
"""What can be seen of a bucket: where it is, what is in it, how that is sealed, and what lies beside it.

`others` are the other buckets, by what their names add to the bucket's."""


@dataclass(frozen=True)
class Sample:
    """`kind` makes the kind, in steps so small that there are many boundaries; `fill` its bucket.

    `ends` says the state after a success, from the state before, and `failed` how many failures
    are recorded on the way there. `before_fill` and `before_work` change the process that does it.
    `service` is the real service that the backend `archive` is then, in place of a directory.
    `mode` is that of the job, or of a rule's runs that are begun, over `keys` alone if any; a rule's spec is
    `params`. No worker of one that is `spared` is killed at each boundary: another sample has them all.
    `meanwhile` is what a client does before each slice: it gives the key that it wrote, or None.
    """

    kind: Callable[[], Kind]
    fill: Callable[[Store], None]
    ends: Callable[[State], State]
    params: Mapping[str, Any] = field(default_factory=dict)
    before_fill: Callable[[], None] = lambda: None
    before_work: Callable[[], None] = lambda: None
    failed: int = 0
    service: str = ""
    mode: str = ""
    keys: Sequence[str] = ()
    spared: bool = False
    meanwhile: Callable[[], str | None] | None = None


HELD = Lock(hold=True)


def _a_little_of_everything(store: Store, lock: Lock = HELD) -> None:
    """A null version and a marker between others, one that is large and locked, a hidden key, uploads."""
    put(store, "in the index", noise(1, 100), metadata={"a": "b"}, tags={"c": "d"})
    put(store, "日本", noise(2, 60_000), headers={"content-type": "image/png"})
    put(store, "kept", b"first", version_id="v-1", tags={"a": "1"}, acl="an acl")
    put(store, "kept", b"without an id")
    mark(store, "kept", "m-1")
    put(store, "kept", noise(3, 4_500_000), version_id="locked", lock=lock)
    put(store, "kept", b"newest", version_id="v-2")
    put(store, "hidden", b"", version_id="h-1")
    mark(store, "hidden", "m-2")
    put_in_parts(store, "of parts", noise(5, 5 * MIB), noise(6, 1000))
    open_upload(store, "open", "to come", {1: noise(7, 40_000), 3: noise(8, 10)}, metadata={"who": "me"})


def _everything_but_locks(store: Store) -> None:
    _a_little_of_everything(store, UNLOCKED)


MOST_CHANGES = 32


def _write() -> str | None:
    """A new key, a large one at times, and other changes, while the gate is open; after some no more.

    Each brings boundaries of its own, at which a worker dies.
    """
    bucket = find_bucket(BUCKET)
    store, number = Store.at(bucket.route), Store.at(bucket.route).feed_head().seq
    if bucket.gate.closed or number > MOST_CHANGES:
        return None
    store.amend("in the index", "", Amendment(tags={"number": str(number)}))
    mark(store, f"written {number - 2}", "m")
    put(store, f"written {number}", noise(number, 1_500_000 if number % 4 == 0 else 500))
    return f"written {number}"


def _what_a_service_keeps(store: Store) -> None:
    """Objects whole and in parts, with facts that only a stamp can keep, and an upload."""
    put(store, "small", noise(1, 100), metadata={"a": "b"}, tags={"c": "d"}, headers=_TYPED)
    put(store, "日本", noise(2, 60_000), headers=_TYPED, acl="an acl")
    put_in_parts(store, "of parts", noise(5, 5 * MIB), noise(6, 1000), headers=_TYPED)
    open_upload(store, "open", "to come", {1: noise(7, 40_000)}, metadata={"who": "me"}, headers=_TYPED)


_TYPED = {"content-type": "text/plain"}


def _moved_to_a_service(before: State) -> State:
    """No part can be read there."""
    uploads = {id: _unread(each) for id, each in before["bucket"]["uploads"].items()}
    return {**_moved(before), "bucket": {**before["bucket"], "uploads": uploads}, "beside": []}


def _unread(upload: State) -> State:
    """As it is told where no part can be read."""
    return (
        upload if "parts" not in upload else {**upload, "parts": [[part, ""] for part, _ in upload["parts"]]}
    )


def _nothing_links() -> None:
    """Every body moves byte by byte, as it does between two file systems."""
    FilesystemBackend.can_link = lambda self, reader: False  # type: ignore[method-assign]


def _seal() -> None:
    """From now on this process finds a configuration that seals."""
    settings.STORAGE["backends"]["local"]["encryption"]["mode"] = SEALING


def _under_two_keys(store: Store) -> None:
    """Everything sealed, by two keys of the bucket."""
    _a_little_of_everything(store)
    Resealing.at(store.route).make_key()
    put(store, "in the index", noise(9, 100))
    put(store, "under another key", noise(10, 60_000))


def _sealed(before: State) -> State:
    """An upload that was open stays as it was begun."""
    return {**before, "sealing": {SEALING: sum(before["sealing"].values())}, "keys": 1, "gate": None}


def _under_one_key(before: State) -> State:
    return {**before, "keys": before["keys"] - 1, "gate": None}


def _moved(before: State) -> State:
    return {**before, "backend": "archive", "beside": [before["bucket"]], "gate": None}


def _moved_and_deleted(before: State) -> State:
    """What a lock keeps stays at the source, and the memory of uploads that became objects."""
    locked = [row for row in before["bucket"]["history"] if row["version_id"] == "locked"]
    finished = {id: each for id, each in before["bucket"]["uploads"].items() if "completed" in each}
    left = {
        "objects": {row["key"]: _facts(row) for row in locked},
        "history": [{**row, "latest": True} for row in locked],
        "uploads": finished,
    }
    return {**_moved(before), "beside": [left]}


def _facts(row: State) -> State:
    """What `contents` says of a version as an object, from what it says of it as a version."""
    return {name: value for name, value in row.items() if name not in ("key", "ordinal", "marker", "latest")}


BUCKET = os.environ.get("CONTRACT_BUCKET", "photos")
"""A service is shared by all tests: there each needs a name of its own."""

SAMPLES: dict[str, list[Sample]] = {
    "lifecycle": [
        Sample(
            ruled.kind,
            ruled.fill_mixed(BUCKET),
            ruled.ends_mixed,
            ruled.mixed(BUCKET),
            mode="run",
        ),
        Sample(ruled.kind, ruled.fill_versions, ruled.ends_versions, ruled.versions(BUCKET), mode="run"),
        Sample(ruled.kind, ruled.fill_dumps, ruled.ends_retaining, ruled.retaining(BUCKET), mode="run"),
    ],
    "migrate": [
        Sample(lambda: Migrate(STEPS), _a_little_of_everything, _moved, {"target_backend": "archive"}),
        Sample(
            lambda: Migrate(STEPS),
            _a_little_of_everything,
            _moved_and_deleted,
            {"target_backend": "archive", "delete_source": True},
            before_work=_nothing_links,
            failed=2,
        ),
        Sample(
            lambda: Migrate(PIECES),
            _what_a_service_keeps,
            _moved_to_a_service,
            {"target_backend": "archive", "delete_source": True},
            service="seaweedfs",
        ),
        Sample(
            lambda: Migrate(STEPS),
            _everything_but_locks,
            _moved,
            {"target_backend": "archive", "precopy": True},
            before_work=_nothing_links,
            mode="precopy",
            spared=True,
        ),
        Sample(
            lambda: Migrate(STEPS),
            _everything_but_locks,
            _moved,
            {"target_backend": "archive", "precopy": True},
            before_work=_nothing_links,
            mode="precopy",
            meanwhile=_write,
        ),
        Sample(
            lambda: Migrate(PIECES),
            _what_a_service_keeps,
            _moved_to_a_service,
            {"target_backend": "archive", "precopy": True, "delete_source": True},
            service="seaweedfs",
            mode="precopy",
            spared=True,
        ),
    ],
    "reencrypt": [
        Sample(lambda: Reencrypt(STEPS), _a_little_of_everything, _sealed, before_work=_seal, failed=1),
        Sample(
            lambda: Reencrypt(STEPS),
            _under_two_keys,
            _under_one_key,
            {"mode": "rewrap"},
            before_fill=_seal,
            before_work=_seal,
        ),
    ],
    "replication": [
        Sample(
            replicas.kind,
            replicas.fill,
            replicas.ends_mirrored,
            replicas.mirrored(BUCKET),
            before_work=_nothing_links,
            mode="reconcile",
        ),
    ],
}


def prepare(sample: Sample) -> None:
    """The sample's bucket."""
    sample.before_fill()
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
    resealing = Resealing.at(bucket.route)
    seen = {
        "backend": bucket.route.backend,
        "bucket": contents(bucket.route),
        "sealing": modes(bucket.route),
        "keys": len(resealing.needed()),
        "beside": beside,
        "gate": bucket.gate.holder,
        "others": {
            each.name.removeprefix(BUCKET): contents(each.route)
            for each in list_buckets()
            if each.id != bucket.id
        },
    }
    plain: State = json.loads(json.dumps(seen, default=_plain, sort_keys=True))
    if any(not routes.backend(name).counts_changes for name in routes.backend_names()):
        for each in (plain["bucket"], *plain["beside"], *plain["others"].values()):
            each["history"] = None  # a service orders versions by its own time
    for replica in (each for name, each in plain["others"].items() if name == replicas.REPLICA):
        replica["history"] = None  # keys are copied in any order
    return plain


def _plain(value: Any) -> Any:
    """What JSON has no word for."""
    if isinstance(value, Mapping):
        return dict(value)
    if is_dataclass(value):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    return repr(value)
