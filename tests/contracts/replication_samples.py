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
    put(there, _THE_SAME, noise(13, 30))
    put(there, "mirror/in the index", b"older content")
    put(there, "mirror/hidden", b"to be deleted")
    put(there, "mirror/gone", b"to be deleted")
    put(there, "mirror/b.tmp", b"none of its business")
    put(there, "outside", b"none of its business")


def ends_mirrored(before: State) -> State:
    """The destination has what the source has below the prefix, and what the rule is not about."""
    here, there = before["bucket"]["objects"], before["others"][REPLICA]
    objects = {key: each for key, each in there["objects"].items() if key not in _DELETED}
    for key, each in here.items():
        copy = key.replace("fw/", "mirror/", 1)
        if key.startswith("fw/") and not key.endswith(".tmp") and copy != _THE_SAME:
            objects[copy] = {**each, "version_id": "null", "acl": ""}
    return {**before, "others": {REPLICA: {**there, "objects": objects}}}


_DELETED = ("mirror/gone", "mirror/hidden")
_THE_SAME = "mirror/small/3"
