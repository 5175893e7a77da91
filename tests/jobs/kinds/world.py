"""Two backends, a bucket full of everything that can be in one, and what a place holds as values."""

from __future__ import annotations

import functools
import hashlib
import random
from collections.abc import Iterator, Mapping
from typing import Any

from jobs.kinds.pieces import COLLECTING
from proxy import gate, routes
from proxy.backends.values import (
    CURRENT,
    GOVERNANCE,
    NULL_VERSION,
    Deletion,
    Lock,
    NewObject,
    ObjectInfo,
    PartInfo,
    PartRequest,
    Route,
    UploadInfo,
)
from proxy.records import BucketRecord, find_bucket
from proxy.store import Store

KIB, MIB = 1024, 1024 * 1024
NOW_MS = 1_750_000_000_000
HOLDER = "maintenance:1"


class Bytes:
    """A Body of bytes that are at hand."""

    def __init__(self, data: bytes, checksums: Mapping[str, str] | None = None) -> None:
        self.data = data
        self.length: int | None = len(data)
        self.checksums: Mapping[str, str] = dict(checksums or {})

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self.data), 64 * KIB):
            yield self.data[start : start + 64 * KIB]


@functools.lru_cache(maxsize=64)
def noise(seed: int, size: int) -> bytes:
    """The same bytes for the same seed."""
    return random.Random(seed).randbytes(size)


def make_bucket(name: str = "photos") -> BucketRecord:
    """On the default backend."""
    return routes.create_bucket(name, "a" * 64, NOW_MS)


def closed(bucket: BucketRecord, holder: str = HOLDER) -> BucketRecord:
    """The same with its gate closed, as creating a job does it."""
    assert gate.close(bucket.id, holder) is not None
    return find_bucket(bucket.name)


def put(store: Store, key: str, data: bytes = b"body", **facts: Any) -> ObjectInfo:
    return store.put(NewObject(key=key, owner_id="a" * 64, **facts), Bytes(data))


def mark(store: Store, key: str, version_id: str) -> None:
    """A delete marker."""
    store.delete(Deletion(key, version_id, marker=True))


def open_upload(store: Store, upload_id: str, key: str, parts: Mapping[int, bytes], **facts: Any) -> None:
    store.create_upload(
        UploadInfo(upload_id=upload_id, key=key, initiated=NOW_MS, owner_id="a" * 64, **facts)
    )
    for number, data in parts.items():
        store.put_part(upload_id, number, Bytes(data))


def complete(store: Store, upload_id: str, version_id: str = NULL_VERSION) -> ObjectInfo:
    parts, _ = store.list_parts(upload_id)
    asked = [PartRequest(part.number, part.etag) for part in parts]
    return store.complete_upload(upload_id, asked, version_id=version_id)


def put_in_parts(store: Store, key: str, *parts: bytes, **facts: Any) -> ObjectInfo:
    open_upload(store, f"upload-of-{key}", key, dict(enumerate(parts, 1)), **facts)
    return complete(store, f"upload-of-{key}")


def fill_versions(store: Store) -> None:
    """Versions of every size, null versions and markers between others, hidden keys, an ended retention."""
    put(store, "kept", b"first", version_id="v-1", tags={"a": "1"}, lock=Lock(GOVERNANCE, NOW_MS))
    put(store, "kept", b"without an id")
    mark(store, "kept", "m-1")
    put(store, "kept", noise(20, 400 * KIB), version_id="v-2", metadata={"camera": "two"}, acl="an acl")
    put(store, "kept", noise(21, 40 * KIB), version_id="v-3")
    for number in range(5):
        put(store, "hidden", noise(22, number), version_id=f"h-{number}")
    mark(store, "hidden", "m-2")
    mark(store, "hidden", "m-3")
    mark(store, "only a marker", "null")
    put(store, "suspended", b"old", version_id="s-1")
    put(store, "suspended", b"new")
    open_upload(store, "of a version", "in parts", {1: noise(23, 5 * MIB), 2: noise(24, 77)})
    complete(store, "of a version", version_id="p-1")
    put(store, "in parts", noise(25, 300 * KIB), version_id="p-2")


VERSIONS_FILLED = 17
"""Versions and markers of `fill_versions`."""


def fill(store: Store) -> None:
    """Every kind of object and upload that a bucket can hold."""
    put(store, "empty", b"")
    put(store, "plain", noise(1, 3000))
    put(
        store, "facts", noise(2, 70 * KIB),
        headers={"content-type": "image/png", "cache-control": "no-store"},
        metadata={"camera": "one", "a_b": "underscore"},
        tags={"team": "blue", "empty": ""},
    )  # fmt: skip
    for number, key in enumerate(("a", "a/b", "a/", "é", "日本", "z z+%", "\U0001f600", "￿")):
        put(store, key, noise(100 + number, 10 * number))
    put(store, "large", noise(3, 700 * KIB + 17))
    put_in_parts(store, "of parts", noise(4, 5 * MIB), noise(5, 5 * MIB), noise(6, 1234))
    put_in_parts(store, "of one part", noise(7, 200 * KIB))
    put_in_parts(store, "of one small part", noise(8, 20))
    open_upload(
        store, "open-with-parts", "to come", {1: noise(9, 5 * MIB), 2: noise(10, 999), 7: noise(11, 0)},
        metadata={"who": "me"}, headers={"content-type": "text/plain"}, tags={"t": "1"},
    )  # fmt: skip
    open_upload(store, "open-without-parts", "plain", {})
    open_upload(store, "open-twin", "to come", {3: noise(12, 50)})


def contents(route: Route) -> dict[str, Any]:
    """Everything that a place holds and that outlives a move: facts and digests by key and upload.

    `objects` are those that a plain GET finds, `history` all versions and markers in their order.
    """
    store = Store.at(route)
    return {
        "objects": {key: _object(store, key) for key in keys(store)},
        "history": [_version(store, info) for info in versions(store)],
        "uploads": {
            upload.upload_id: _upload(store, upload)
            for upload in store.list_uploads(finished=True).uploads
            if not upload.upload_id.startswith(COLLECTING)
        },
    }


def keys(store: Store) -> list[str]:
    return [info.key for info in store.list().objects]


def versions(store: Store) -> list[ObjectInfo]:
    """All versions and markers as they are listed."""
    found: list[ObjectInfo] = []
    after = ("", "")
    while True:
        page = store.list_versions(after=after)
        found += page.versions
        if page.last is None:
            return found
        after = page.last


def _version(store: Store, listed: ObjectInfo) -> dict[str, Any]:
    line = {name: getattr(listed, name) for name in _LINE_FACTS}
    return line if listed.marker else line | _object(store, listed.key, listed.version_id)


def _object(store: Store, key: str, version: str = CURRENT) -> dict[str, Any]:
    with store.open(key, version) as reader:
        info = reader.info
        body = b"".join(reader.read(0, info.size))
    facts = {name: getattr(info, name) for name in _OBJECT_FACTS}
    return facts | {"sha256": hashlib.sha256(body).hexdigest(), "length": len(body)}


def _upload(store: Store, upload: UploadInfo) -> dict[str, Any]:
    facts: dict[str, Any] = {name: getattr(upload, name) for name in _UPLOAD_FACTS}
    if upload.completed is not None:
        return facts | {"completed": upload.completed.etag}
    parts, _ = store.list_parts(upload.upload_id)
    return facts | {"parts": [_part(store, upload.upload_id, part) for part in parts]}


def _part(store: Store, upload_id: str, part: PartInfo) -> tuple[PartInfo, str]:
    """Facts and digest; no digest where the backend gives no part back."""
    if not store.backend.reads_parts:
        return part, ""
    with store.open_part(upload_id, part.number) as reader:
        return part, hashlib.sha256(b"".join(reader.read(0, part.size))).hexdigest()


_OBJECT_FACTS = (
    "size", "etag", "last_modified", "headers", "metadata", "tags", "owner_id", "checksums",
    "checksum_type", "parts", "version_id", "lock", "acl",
)  # fmt: skip
_LINE_FACTS = ("key", "version_id", "ordinal", "marker", "latest", "last_modified", "owner_id")
_UPLOAD_FACTS = (
    "key", "initiated", "headers", "metadata", "tags", "owner_id", "checksum_algorithm", "checksum_type",
    "lock", "acl",
)  # fmt: skip
