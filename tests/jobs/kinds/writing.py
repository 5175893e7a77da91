"""A client that writes to a bucket at every step of a job on it, as long as the gate is open."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest

from proxy.backends.values import CURRENT, NULL_VERSION, Amendment, Deletion, PartRequest, UploadInfo
from proxy.errors import S3Error
from proxy.records import find_bucket
from proxy.store import Store
from tests.jobs.kinds.world import KIB, NOW_MS, Bytes, mark, put

KEYS = ("kept", "plain", "hidden", "large", "a", "a/b", "new", "日本", "zz")
SIZES = (0, 10, 3000, 90 * KIB, 700 * KIB)
"""The last one is copied in pieces."""


class Writer:
    """Writes at the boundaries of a job, and with `between_reads` before each of its reads too.

    `chance` of a write at each boundary that it hears of; one seed, one sequence of writes."""

    def __init__(self, bucket: str, seed: int, chance: float = 0.1, most: int = 200) -> None:
        self.bucket, self.chance, self.most = bucket, chance, most
        self.rng = random.Random(seed)
        self.done: list[str] = []
        self._number = itertools.count()
        self._uploads: dict[str, str] = {}

    def __call__(self, event: str) -> None:
        if len(self.done) < self.most and self.rng.random() < self.chance:
            self.write()

    def between_reads(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """From now on, while the gate is open; not within a write of its own."""
        read, writing = Store._read, False

        def reading(store: Store, what: Callable[[Any, Any], Any]) -> Any:
            nonlocal writing
            if not writing:
                writing = True
                try:
                    self("read")
                finally:
                    writing = False
            return read(store, what)

        monkeypatch.setattr(Store, "_read", reading)

    def write(self) -> None:
        """One thing, through the gate as clients do, until the bucket has moved."""
        record = find_bucket(self.bucket)
        if record.gate.closed or record.route.backend != "here":
            return
        does: Callable[[Store, str], None] = self.rng.choices(
            [self.put, self.mark, self.remove, self.tag, self.upload, self.part, self.end], _WEIGHTS
        )[0]
        try:
            does(Store.at(record.route), self.rng.choice(KEYS))
        except S3Error:
            return
        self.done.append(does.__name__)

    def _id(self) -> str:
        return self.rng.choice([NULL_VERSION, f"w-{next(self._number):05d}"])

    def put(self, store: Store, key: str) -> None:
        put(
            store, key, self.rng.randbytes(self.rng.choices(SIZES, (2, 5, 5, 3, 2))[0]), version_id=self._id()
        )

    def mark(self, store: Store, key: str) -> None:
        mark(store, key, self._id())

    def remove(self, store: Store, key: str) -> None:
        there = [info.version_id for info in store.list_versions(prefix=key).versions if info.key == key]
        if there:
            store.delete(Deletion(key, self.rng.choice(there)))

    def tag(self, store: Store, key: str) -> None:
        there = [
            info.version_id
            for info in store.list_versions(prefix=key).versions
            if info.key == key and not info.marker
        ]
        version = self.rng.choice(there) if there else CURRENT
        store.amend(key, version, Amendment(tags={"t": str(next(self._number))}))

    def upload(self, store: Store, key: str) -> None:
        upload_id = f"w-upload-{next(self._number)}"
        store.create_upload(UploadInfo(upload_id, key, NOW_MS, owner_id="a" * 64))
        self._uploads[upload_id] = key

    def part(self, store: Store, key: str) -> None:
        if self._uploads:
            upload_id = self.rng.choice(list(self._uploads))
            store.put_part(upload_id, self.rng.randint(1, 2), Bytes(self.rng.randbytes(5000)))

    def end(self, store: Store, key: str) -> None:
        """Completed, if it has one part, or else aborted."""
        if not self._uploads:
            return
        upload_id = self.rng.choice(list(self._uploads))
        self._uploads.pop(upload_id)
        parts, _ = store.list_parts(upload_id)
        if len(parts) == 1:
            asked = [PartRequest(part.number, part.etag) for part in parts]
            store.complete_upload(upload_id, asked, version_id=self._id())
        else:
            store.abort_upload(upload_id)


_WEIGHTS = (40, 8, 12, 12, 8, 12, 8)
