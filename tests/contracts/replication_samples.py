"""What replication jobs work on in the contract of kinds, and how their destination must end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobs.kinds.replicate import Replicate
from jobs.kinds.replication.ground import Limits
from proxy.store import Store
from tests.jobs.kinds.world import MIB, make_bucket, mark, noise, open_upload, put, put_in_parts

State = dict[str, Any]
REPLICA = "-dr"
"""What the name of the destination adds to that of the bucket."""
KEYS = ("fw/in the index", "fw/of parts", "fw/gone")
"""What a retry is about."""


def kind() -> Replicate:
    """In steps so small that there are many boundaries, and with pieces inside an object."""
    return Replicate(
        Limits(
            large_bytes=MIB,
            part_bytes=2 * MIB,
            page_items=3,
            page_bytes=3 * MIB,
            page_entries=3,
            group_items=2,
            small_bytes=1000,
            look_ms=0,
        )
    )


def mirrored(bucket: str) -> Mapping[str, Any]:
    """All that is below `fw/`, deletes too."""
    return {
        "source": {"bucket": bucket, "prefix": "fw/"},
        "destination": {"bucket": bucket + REPLICA, "prefix": "mirror/"},
        "replicate_deletes": True,
        "conflict": "content-diff",
        "exclude_globs": ["*.tmp"],
        "concurrency": 2,
    }


def fill(store: Store) -> None:
    """Objects of all sizes, what no rule is about, and a destination that has some of it, and more."""
    there = Store.at(make_bucket(store.place.bucket + REPLICA).route)
    put(store, "fw/in the index", noise(1, 100), metadata={"a": "b"}, tags={"c": "d"})
    put(store, "fw/日本", noise(2, 60_000), headers={"content-type": "image/png"})
    put(store, "fw/kept", b"first", version_id="v-1")
    put(store, "fw/kept", noise(3, 900_000), version_id="v-2", acl="an acl")
    put(store, "fw/hidden", b"x", version_id="h-1")
    mark(store, "fw/hidden", "m-1")
    put(store, "fw/whole", noise(4, 5 * MIB))
    put_in_parts(store, "fw/of parts", noise(5, 5 * MIB), noise(6, 1000))
    put(store, "fw/a.tmp", b"none of its business")
    put(store, "other", b"none of its business")
    open_upload(store, "open", "fw/to come", {1: noise(7, 40_000)})
    for number in range(7):
        put(store, f"fw/small/{number}", noise(10 + number, 10 * number))
    put(there, "mirror/small/3", noise(13, 30))
    put(there, "mirror/in the index", b"older content")
    put(there, "mirror/hidden", b"to be deleted")
    put(there, "mirror/gone", b"to be deleted")
    put(there, "mirror/b.tmp", b"none of its business")
    put(there, "outside", b"none of its business")


def ends_mirrored(before: State) -> State:
    """The destination has what the source has, and what the rule is not about."""
    return _with_copies(before, [key for key in before["bucket"]["objects"] if key.startswith("fw/")])


def ends_retried(before: State) -> State:
    """Only the keys of the run were looked at."""
    return _with_copies(before, KEYS, deletes=("mirror/gone",))


def _with_copies(before: State, keys: Any, deletes: Any = ("mirror/gone", "mirror/hidden")) -> State:
    here, there = before["bucket"]["objects"], before["others"][REPLICA]
    objects = {key: each for key, each in there["objects"].items() if key not in deletes}
    for key in keys:
        if key in here and not key.endswith(".tmp"):
            objects[key.replace("fw/", "mirror/", 1)] = {**here[key], "version_id": "null", "acl": ""}
    kept = "mirror/small/3" if "mirror/small/3" in objects else ""
    if kept:
        objects[kept] = there["objects"][kept]
    return {**before, "others": {REPLICA: {**there, "objects": objects}}}
