"""A home with buckets and objects, and a backup of it: made once per module, copied for each test."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from proxy.backends.filesystem import FilesystemBackend
from proxy.backends.values import NewObject, Place
from tests.bodies import Bytes, content, noise
from tests.jobsite.databases import environ, key_in, manage, python, run

MAKE = """
import django; django.setup()
from proxy import routes
for name in ("photos", "videos"):
    routes.create_bucket(name, "o", 1)
routes.create_bucket("empty", "o", 1)
"""


@dataclass
class Instance:
    """One home, by what the tests do with it."""

    home: Path

    @property
    def env(self) -> dict[str, str]:
        return environ(self.home, SLUICEGATE_SECRET_KEY="s" * 50)

    @property
    def path(self) -> Path:
        return self.home / "control.db"

    @property
    def root(self) -> Path:
        return self.home / "local"

    def place(self, bucket: str) -> Place:
        ask = f"SELECT id, real_bucket, incarnation FROM proxy_bucket WHERE name = '{bucket}'"
        return Place(*run(self.path, key_in(self.home), ask)[0])

    def folder(self, bucket: str) -> Path:
        place = self.place(bucket)
        return self.root / f"{place.bucket}~{place.incarnation}"

    def backend(self) -> FilesystemBackend:
        found = FilesystemBackend("local", self.root, lambda: time.time_ns() // 1_000_000, keep=False)
        found.prepare(None)
        return found

    def put(self, bucket: str, key: str, size: int) -> None:
        backend = self.backend()
        backend.put(self.place(bucket), NewObject(key), Bytes(noise(size)))
        backend.close()

    def read(self, bucket: str, key: str) -> bytes:
        backend = self.backend()
        with backend.open(self.place(bucket), key) as reader:
            found = content(reader)
        backend.close()
        return found


def make(home: Path, template: Path) -> Instance:
    """Two buckets with a small and a large object each, and an empty one."""
    shutil.copytree(template, home)
    made = Instance(home)
    assert manage("prepare", env=made.env).returncode == 0
    done = python("-c", MAKE, env=made.env)
    assert done.returncode == 0, done.stderr
    for bucket in ("photos", "videos"):
        made.put(bucket, "small", 100)
        made.put(bucket, "large", 100_000)
    return made


def same(made: Instance, home: Path) -> Instance:
    """A copy of an instance that nobody uses."""
    shutil.copytree(made.home, home)
    return Instance(home)
