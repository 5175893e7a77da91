"""The order in which things reach the disk: bytes, then names, then the rows that name them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.backends.base import ReaderBody
from proxy.backends.filesystem import FilesystemBackend
from proxy.backends.filesystem.transaction import Transaction
from proxy.backends.values import NewObject, Place
from tests.bodies import Bytes, noise
from tests.proxy.backends.conftest import PLACE, blobs


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Paths that were fsynced, and COMMITs, as they happen."""
    seen: list[str] = []
    fsync, finish = os.fsync, Transaction.finish

    def watched_fsync(descriptor: int) -> None:
        fsync(descriptor)
        seen.append(os.readlink(f"/proc/self/fd/{descriptor}"))

    def watched_finish(transaction: Transaction) -> None:
        finish(transaction)
        seen.append("COMMIT")

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(Transaction, "finish", watched_finish)
    yield seen


def test_a_blob_is_on_the_disk_before_its_folder_and_its_folder_before_the_commit(
    backend: FilesystemBackend, folder: Path, steps: list[str]
) -> None:
    backend.put(PLACE, NewObject("k"), Bytes(noise(100_000)))
    (name,) = blobs(folder)
    assert steps[0].startswith(str(folder / "tmp"))
    assert set(steps[1:-1]) == {str(folder / "blobs"), str(folder / "blobs" / name[:2])}
    assert steps[-1] == "COMMIT"


def test_the_name_of_a_link_is_on_the_disk_before_the_commit(
    backend: FilesystemBackend, root: Path, steps: list[str]
) -> None:
    other = Place("id2", "other", "0002")
    backend.create_bucket(other)
    backend.put(PLACE, NewObject("k"), Bytes(noise(100_000)))
    steps.clear()
    with backend.open(PLACE, "k") as reader:
        backend.put(other, NewObject("k"), ReaderBody(reader))
    (name,) = blobs(root / "other~0002")
    assert str(root / "other~0002" / "blobs" / name[:2]) in steps[:-1]
    assert steps[-1] == "COMMIT"


def test_a_new_bucket_is_whole_before_it_has_its_name(
    backend: FilesystemBackend, root: Path, steps: list[str]
) -> None:
    backend.create_bucket(Place("id2", "other", "0002"))
    assert steps[-1] == str(root)
    drafts = [Path(step).name for step in steps[:-1]]
    assert drafts[0] == "bucket.id" and drafts[1].startswith(".new-")
    assert [path.name for path in root.glob(".new-*")] == []


def test_every_connection_commits_durably(backend: FilesystemBackend) -> None:
    with backend._using(PLACE) as bucket, bucket.pool.lend() as connection:
        assert connection.execute("PRAGMA synchronous").get == 2  # FULL
        assert connection.execute("PRAGMA journal_mode").get == "wal"


def test_a_body_is_never_named_by_a_row_that_failed_to_commit(
    backend: FilesystemBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(transaction: Transaction) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(Transaction, "finish", lost)
        with pytest.raises(Exception, match="ServiceUnavailable"):
            backend.put(PLACE, NewObject("k"), Bytes(noise(100_000)))
    assert backend.usage(PLACE).empty
    assert list(backend.check_store(deep=True)) == []
    backend.put(PLACE, NewObject("k"), Bytes(noise(100_000)))
