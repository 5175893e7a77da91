"""One filesystem backend with one place, and a look behind it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.backends.encrypted import SEALING, Encrypted
from proxy.backends.filesystem import FilesystemBackend
from proxy.backends.values import Place
from tests.bucket_keys import HeldKeys
from tests.conftest import FakeClock

PLACE = Place("id1", "photos", "0001")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def backend(root: Path, clock: FakeClock) -> Iterator[FilesystemBackend]:
    made = FilesystemBackend("local", root, clock, keep=False)
    made.prepare(None)
    made.create_bucket(PLACE)
    yield made
    made.close()


@pytest.fixture
def folder(root: Path, backend: FilesystemBackend) -> Path:
    """Where the place is."""
    return root / "photos~0001"


def blobs(folder: Path) -> set[str]:
    """Names of all files in blobs/."""
    return {path.name for path in (folder / "blobs").glob("*/*")}


def leftovers(folder: Path) -> list[Path]:
    """Files in the workspaces of all processes."""
    return list((folder / "tmp").glob("*/*"))


@pytest.fixture
def keys() -> HeldKeys:
    """The bucket keys of `sealed`."""
    return HeldKeys()


@pytest.fixture
def sealed(backend: FilesystemBackend, keys: HeldKeys) -> Encrypted:
    """The same place behind a wrapper that seals what comes."""
    return Encrypted(backend, keys, SEALING)


@pytest.fixture
def unsealed(backend: FilesystemBackend, keys: HeldKeys) -> Encrypted:
    """The same place and keys, configured not to seal."""
    return Encrypted(backend, keys)
