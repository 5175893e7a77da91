"""A backend whose encryption changes, and re-encryptions on it without an engine."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jobs.kinds.pieces import Limits
from jobs.kinds.reencrypt import Reencrypt
from jobs.kinds.reencryption.deciding import mode_of
from proxy import routes
from proxy.backends.seals import SealEntry
from proxy.backends.values import Lock, Route
from proxy.bucket_keys import BucketKeys
from proxy.records import find_bucket
from proxy.resealing import Resealing
from proxy.rings import ring_of
from proxy.store import Store
from tests.jobs.kinds.driving import Drive, Saved, nothing
from tests.jobs.kinds.world import HOLDER, KIB, NOW_MS, closed, make_bucket, mark, noise, put, put_in_parts

_jobs = itertools.count(1)
PLAIN, SEALED = "none", "aes256-gcm-proxy"
SMALL_STEPS = Limits(large_bytes=256 * KIB, part_bytes=100 * KIB, page_items=3, page_bytes=300 * KIB)


def ring(*ids: str) -> list[dict[str, str]]:
    """Keys of those ids, the same ones for the same id; the last seals."""
    return [{"id": each, "key": hashlib.sha256(each.encode()).hexdigest()} for each in ids]


class House:
    """`here`, a backend whose configuration is changed and read again; `options` are what else it says."""

    def __init__(self, settings: Any, kind: str, root: Path, **options: Any) -> None:
        self._settings, self._root = settings, root
        self._options = {**options, "type": kind, "path": str(root / "here")}

    def set(self, mode: str, *ids: str) -> None:
        """From now on, in this process; as after a start with another file."""
        encryption = {"mode": mode, "keys": ring(*ids), "kms_key_id": None}
        entry = {**self._options, "encryption": encryption}
        self.close()
        self._settings.STORAGE = {"backends": {"here": entry}, "default_backend": "here", "buckets": {}}

    def close(self) -> None:
        built = routes._built.get("here")
        if built is not None:
            getattr(built, "close", lambda: None)()

    @property
    def folder(self) -> Path:
        """That of the only bucket, with room for copies of its index."""
        (found,) = (self._root / "here").glob("*~*")
        (found / "copies").mkdir(exist_ok=True)
        return found

    def files_with(self, marker: bytes) -> list[str]:
        """Files of the backend's folder that show these bytes."""
        found = []
        for folder, _, names in os.walk(self._root / "here"):
            paths = [Path(folder) / name for name in names]
            found += [str(path) for path in paths if marker in path.read_bytes()]
        return found


def reencryption(
    mode: str = "",
    *,
    name: str = "photos",
    limits: Limits = SMALL_STEPS,
    happens: Callable[[str], None] = nothing,
) -> Drive:
    """A job as it is after its creation."""
    kind = Reencrypt(limits)
    plan = kind.plan(find_bucket(name), {"mode": mode})
    return Drive(kind, Saved(name, HOLDER, dict(plan.spec), NOW_MS, next(_jobs)), happens)


def entries(route: Route) -> Sequence[SealEntry]:
    """How each version is sealed."""
    return routes.backend(route.backend).list_seals(route.place, limit=10_000).entries


def modes(route: Route) -> dict[str, int]:
    """How many versions are in each mode."""
    return dict(Counter(mode_of(entry.wrap, entry.encryption) for entry in entries(route)))


def filled() -> Route:
    """Objects, versions, markers and locks of every kind, no open upload; the gate is closed."""
    bucket = make_bucket()
    store = Store.at(bucket.route)
    put(store, "empty", b"")
    put(store, "in a file", noise(31, 70 * KIB), headers={"content-type": "image/png"}, tags={"a": "b"})
    put(store, "large", noise(32, 300 * KIB + 17))
    put_in_parts(store, "of a part", noise(33, 40 * KIB))
    put(store, "kept", b"first", version_id="v-1", tags={"a": "1"})
    put(store, "kept", b"without an id")
    mark(store, "kept", "m-1")
    put(store, "kept", noise(34, 270 * KIB), version_id="v-2", metadata={"camera": "two"}, acl="an acl")
    put(store, "kept", noise(35, 40 * KIB), version_id="v-3")
    put(store, "hidden", b"hidden", version_id="h-1")
    mark(store, "hidden", "m-2")
    put(store, "locked", noise(40, 300 * KIB), version_id="l-1", lock=Lock(hold=True))
    put(store, "locked", noise(41, 10), version_id="l-2", lock=Lock("COMPLIANCE", 4_000_000_000_000))
    closed(bucket)
    return bucket.route


def ring_keys(route: Route) -> set[str]:
    """The ids of the ring's keys that the bucket's keys need."""
    backend = routes.backend(route.backend)
    keys = BucketKeys(route.backend, ring_of(route.backend), backend, lambda: 0)
    return {record.ring_key_id for record in keys.records(route.place.bucket_id)}


def found(drive: Drive) -> Mapping[str, Any]:
    """What the job tells operators."""
    return drive.kind.report(json.loads(drive.saved.state))


def bucket_keys(route: Route) -> set[str]:
    return Resealing.at(route).needed()
