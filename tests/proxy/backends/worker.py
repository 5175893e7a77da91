"""A process that writes one bucket until it is killed; the tests start several of these.

`python -m tests.proxy.backends.worker ROOT NAME SEED [sealed]`. It says on stdout what it is about to
do (`begin KEY MD5`, `begin KEY -` for a delete) and what was acknowledged (`done KEY`). A version
is KEY@ID, a delete marker has `marker` for its MD5.
"""

from __future__ import annotations

import hashlib
import itertools
import random
import sys
import time
from pathlib import Path

from proxy.backends.base import Backend, ReaderBody
from proxy.backends.encrypted import SEALING, Encrypted
from proxy.backends.filesystem import FilesystemBackend
from proxy.backends.values import (
    Deletion,
    NewObject,
    PartRequest,
    Place,
    UploadInfo,
)
from tests.bodies import Bytes
from tests.bucket_keys import HeldKeys

PLACE = Place("id1", "shared", "0001")
SIZES = (0, 10, 5_000, 33_000, 300_000)
FIVE = 5 * 1024 * 1024


def now() -> int:
    return time.time_ns() // 1_000_000


def say(*words: str) -> None:
    print(*words, flush=True)


def opened(root: Path, *, sealed: bool, keep: bool = True) -> Backend:
    """The backend that all processes of a test share; sealed, all have the same key."""
    backend: Backend = FilesystemBackend("local", root, now, keep=keep)
    backend.prepare(None)
    return Encrypted(backend, HeldKeys(b"s" * 32), SEALING) if sealed else backend


class Worker:
    """Random changes of its own keys, one after the other."""

    def __init__(self, backend: Backend, name: str, seed: int) -> None:
        self.backend = backend
        self.name = name
        self.random = random.Random(seed)
        self.uploads = itertools.count()
        self.versions: list[str] = []

    def put(self, key: str) -> None:
        data = self.random.randbytes(self.random.choice(SIZES))
        say("begin", key, hashlib.md5(data).hexdigest())
        self.backend.put(PLACE, NewObject(key), Bytes(data))

    def delete(self, key: str) -> None:
        say("begin", key, "-")
        self.backend.delete(PLACE, [Deletion(key)])

    def copy(self, key: str) -> None:
        """A fresh body under two names; the other name is nobody's but this worker's."""
        self.put(f"{key}-source")
        say("done", f"{key}-source")
        with self.backend.open(PLACE, f"{key}-source") as reader:
            say("begin", key, reader.info.etag)
            self.backend.put(PLACE, NewObject(key), ReaderBody(reader))

    def upload(self, key: str) -> None:
        upload, data = f"{self.name}-{time.time_ns()}", self.random.randbytes(FIVE + 9)
        self.backend.create_upload(PLACE, UploadInfo(upload, key, now()))
        asked = [
            PartRequest(number, self.backend.put_part(PLACE, upload, number, Bytes(part)).etag)
            for number, part in ((1, data[:FIVE]), (2, data[FIVE:]))
        ]
        say("begin", key, hashlib.md5(data).hexdigest())
        self.backend.complete_upload(PLACE, upload, asked)

    def version(self, key: str) -> None:
        data = self.random.randbytes(self.random.choice(SIZES[:-1]))
        name = self._named(f"{key}/kept", hashlib.md5(data).hexdigest())
        self.backend.put(PLACE, NewObject(f"{key}/kept", version_id=name.split("@")[1]), Bytes(data))
        self._kept(name)

    def mark(self, key: str) -> None:
        name = self._named(f"{key}/kept", "marker")
        self.backend.delete(PLACE, [Deletion(f"{key}/kept", name.split("@")[1], marker=True)])
        self._kept(name)

    def remove(self, key: str) -> None:
        if self.versions:
            name = self.versions.pop(self.random.randrange(len(self.versions)))
            say("begin", name, "-")
            self.backend.delete(PLACE, [Deletion(*name.split("@"))])
            say("done", name)

    def _named(self, key: str, md5: str) -> str:
        name = f"{key}@{time.time_ns()}"
        say("begin", name, md5)
        return name

    def _kept(self, name: str) -> None:
        say("done", name)
        self.versions.append(name)

    def run(self) -> None:
        actions = [self.put] * 8 + [self.delete] * 2 + [self.copy] * 2 + [self.upload]
        kept = [self.version] * 4 + [self.mark] + [self.remove] * 3
        while True:
            key = f"{self.name}/{self.random.randrange(8)}"
            self.random.choice(kept)(key)
            self.random.choice(actions)(key)
            say("done", key)


if __name__ == "__main__":
    Worker(opened(Path(sys.argv[1]), sealed=sys.argv[4:] == ["sealed"]), sys.argv[2], int(sys.argv[3])).run()
