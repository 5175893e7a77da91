"""What lifecycle jobs work on in the contract of kinds, and how their buckets must end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jobs.kinds.lifecycle import Lifecycle
from jobs.kinds.lifecycle_rules.ground import Steps
from proxy.backends.values import Lock
from proxy.bucket_settings import ENABLED
from proxy.records import change_settings, find_bucket
from proxy.store import Store
from tests.jobs.kinds.ruling import rule, spec
from tests.jobs.kinds.world import make_bucket, mark, noise, open_upload, put

State = dict[str, Any]
COLD = "-cold"
"""What the name of the bucket adds that objects go to."""


def kind() -> Lifecycle:
    """In steps so small that there are many boundaries."""
    return Lifecycle(Steps(entries=4, together=2, looks=2))


def _one_by_one(*rules: dict[str, Any], bucket: str) -> dict[str, Any]:
    """So that what is copied is copied in one order."""
    return {**spec(*rules, bucket=bucket), "concurrency": 1}


# -- current versions and uploads ---------------------------------------------------------------


def mixed(bucket: str) -> Mapping[str, Any]:
    """Deletes by age and by tags, a transition, and uploads that nobody completed."""
    return _one_by_one(
        rule("logs", prefix="logs/", action="delete", after_s=0),
        rule("tagged", prefix="notes/", action="delete", after_s=0, tags={"keep": "no"}),
        rule(
            "move",
            prefix="move/",
            action="transition",
            after_s=0,
            destination={"bucket": bucket + COLD, "prefix": "moved/"},
        ),
        rule("uploads", prefix="logs/", abort_multipart_after_s=0),
        bucket=bucket,
    )


def fill_mixed(bucket: str) -> Callable[[Store], None]:
    """Something for each rule, and something for none."""

    def fill(store: Store) -> None:
        make_bucket(bucket + COLD)
        put(store, "logs/", b"")
        for number in range(4):
            put(store, f"logs/{number}", noise(number, 100))
            put(store, f"move/{number}", noise(number, 9_000 * number), metadata={"n": str(number)})
            put(store, f"notes/{number}", b"note", tags={"keep": "no" if number % 2 else "yes"})
        open_upload(store, "open", "logs/upload", {1: noise(9, 50)})
        open_upload(store, "kept", "other", {1: noise(9, 50)})

    return fill


_STAY = ("logs/", "notes/0", "notes/2")


def ends_mixed(before: State) -> State:
    """What no rule is about is as it was; the copies are as the originals were."""
    bucket, kept = before["bucket"], before["bucket"]["uploads"]["kept"]
    moved = {key: each for key, each in bucket["objects"].items() if key.startswith("move/")}
    there = {
        "objects": {_moved(key): each for key, each in moved.items()},
        "history": [
            {**row, "key": _moved(row["key"]), "ordinal": place}
            for place, row in enumerate((row for row in bucket["history"] if row["key"] in moved), 1)
        ],
        "uploads": {},
    }
    here = {
        "objects": {key: bucket["objects"][key] for key in _STAY},
        "history": [row for row in bucket["history"] if row["key"] in _STAY],
        "uploads": {"kept": kept},
    }
    return {**_left(before, here), "others": {COLD: there}}


def _moved(key: str) -> str:
    return key.replace("move/", "moved/")


# -- versions -----------------------------------------------------------------------------------


def versions(bucket: str) -> Mapping[str, Any]:
    """Noncurrent versions but one of each key, and delete markers that hide nothing."""
    return spec(
        rule("versions", noncurrent_after_s=0, noncurrent_keep=1),
        rule("markers", expired_delete_markers=True),
        bucket=bucket,
    )


def fill_versions(store: Store) -> None:
    """A key with many versions, one of them locked, markers between them, and a lone marker."""
    change_settings(find_bucket(store.place.bucket), versioning=ENABLED)
    for number in range(9):
        lock = Lock(hold=True) if number == 2 else Lock()
        put(store, "many", noise(number, 50), version_id=f"v{number}", lock=lock)
        if number == 6:
            mark(store, "many", "m")
    for number in range(6):
        put(store, "more", b"more", version_id=f"v{number}")
    put(store, "one", b"only", version_id="v")
    mark(store, "lone", "m")
    put(store, "hidden", b"hidden", version_id="v")
    mark(store, "hidden", "m")


def ends_versions(before: State) -> State:
    """The newest, one noncurrent version, and what is locked."""
    stay = {("many", "v8"), ("many", "v7"), ("many", "v2"), ("more", "v5"), ("more", "v4")}
    stay |= {("one", "v"), ("hidden", "v"), ("hidden", "m")}
    history = [row for row in before["bucket"]["history"] if (row["key"], row["version_id"]) in stay]
    return _left(before, {**before["bucket"], "history": history})


# -- the newest -----------------------------------------------------------------------------------


def retaining(bucket: str) -> Mapping[str, Any]:
    """The newest three."""
    return spec(rule("newest", action="retain-newest", count=3, prefix="dumps/"), bucket=bucket)


def fill_dumps(store: Store) -> None:
    for number in range(10):
        put(store, f"dumps/{number}", noise(number, 50))
    put(store, "other", b"other")


def ends_retaining(before: State) -> State:
    """Nothing else is left of the dumps, however often the ranking began anew."""
    objects = before["bucket"]["objects"]
    ranked = sorted((each["last_modified"], key) for key, each in objects.items() if key.startswith("dumps/"))
    stay = {"other", *(key for _, key in ranked[-3:])}
    here = {
        "objects": {key: each for key, each in objects.items() if key in stay},
        "history": [row for row in before["bucket"]["history"] if row["key"] in stay],
        "uploads": {},
    }
    return _left(before, here)


def _left(before: State, here: State) -> State:
    bodies = sum(not row["marker"] for row in here["history"])
    return {**before, "bucket": here, "sealing": {"none": bodies}}
