"""Group commit, and bodies that are linked and counted instead of copied."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from proxy.backends.base import ReaderBody
from proxy.backends.filesystem import FilesystemBackend, writer
from proxy.backends.values import (
    Deletion,
    NewObject,
    PartRequest,
    Place,
    Precondition,
    UploadInfo,
)
from proxy.errors import PreconditionFailed, S3Error, SlowDown
from tests.bodies import Bytes, content, noise
from tests.conftest import FakeClock
from tests.proxy.backends.conftest import PLACE, blobs, leftovers

OTHER = Place("id2", "other", "0002")


@pytest.fixture
def held(folder: Path) -> Iterator[int]:
    """The writer lock, held as another process would."""
    descriptor = os.open(folder / "write.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    yield descriptor
    os.close(descriptor)


# -- group commit --------------------------------------------------------------------------
def test_operations_that_wait_share_one_commit_and_one_failure_fails_one(
    backend: FilesystemBackend, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[int] = []
    finish = writer.Transaction.finish
    monkeypatch.setattr(
        writer.Transaction, "finish", lambda self: (finish(self), commits.append(self.seq))[0]
    )

    def put(number: int) -> S3Error | None:
        when = Precondition(etags=("0" * 32,)) if number % 5 == 0 else Precondition(absent=True)
        try:
            backend.put(PLACE, NewObject(f"k{number}"), Bytes(noise(number)), when)
        except S3Error as error:
            return error
        return None

    with ThreadPoolExecutor(20) as pool:
        answers = [pool.submit(put, number) for number in range(20)]
        while not _queued(backend, 20):
            time.sleep(0.005)
        fcntl.flock(held, fcntl.LOCK_UN)
        errors = [answer.result() for answer in answers]
    assert [number for number, error in enumerate(errors) if error is not None] == [0, 5, 10, 15]
    assert len(commits) == 1
    assert [info.key for info in backend.list(PLACE).objects] == sorted(f"k{n}" for n in range(20) if n % 5)
    assert list(backend.check_store(deep=True)) == []


def _writer(backend: FilesystemBackend) -> writer.Writer:
    with backend._using(PLACE) as bucket:
        return bucket.writer


def _queued(backend: FilesystemBackend, count: int) -> bool:
    return len(_writer(backend)._queue) >= count


def test_what_makes_many_changes_leaves_less_room_in_its_commit(
    backend: FilesystemBackend, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[int] = []
    finish = writer.Transaction.finish
    monkeypatch.setattr(
        writer.Transaction, "finish", lambda self: (finish(self), commits.append(self.seq))[0]
    )
    monkeypatch.setattr(writer, "_TOGETHER", 4)

    def remove(number: int) -> None:
        backend.delete(PLACE, [Deletion(f"{number}/{index}", "m", marker=True) for index in range(3)])

    with ThreadPoolExecutor(6) as pool:
        removals = [pool.submit(remove, number) for number in range(6)]
        with backend._using(PLACE) as bucket:
            while len(bucket.writer._queue) < 6:
                time.sleep(0.001)
        fcntl.flock(held, fcntl.LOCK_UN)
        for removal in removals:
            removal.result()
    changing = [after for before, after in pairwise([0, *commits]) if after != before]
    assert changing == [6, 12, 18]


def test_a_leader_waits_a_moment_for_as_many_as_shared_the_last_commit(
    backend: FilesystemBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_GATHER_S", 20)
    backend.put(PLACE, NewObject("k0"), Bytes(b"x"))
    _writer(backend)._together = 2
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(backend.put, PLACE, NewObject("k1"), Bytes(b"x"))
        while not _writer(backend)._awaited:
            time.sleep(0.005)
        second = pool.submit(backend.put, PLACE, NewObject("k2"), Bytes(b"x"))
        assert first.result(10).seq != second.result(10).seq
    assert _writer(backend)._together == 2
    monkeypatch.setattr(writer, "_GATHER_S", 0.001)
    backend.put(PLACE, NewObject("k3"), Bytes(b"x"))
    assert _writer(backend)._together == 1


def test_waiting_for_another_process_is_bounded(
    backend: FilesystemBackend, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "WAIT_S", 0.2)
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        answers = [
            pool.submit(backend.put, PLACE, NewObject(f"k{n}"), Bytes(noise(n * 20_000))) for n in range(8)
        ]
        for answer in answers:
            with pytest.raises(SlowDown) as caught:
                answer.result()
            assert caught.value.status == 503 and "Retry-After" in caught.value.headers
    assert time.monotonic() - began < 3
    fcntl.flock(held, fcntl.LOCK_UN)
    backend.put(PLACE, NewObject("later"), Bytes(b"x"))
    assert backend.usage(PLACE).keys == 1


def test_reads_do_not_wait_for_writers(backend: FilesystemBackend, folder: Path) -> None:
    backend.put(PLACE, NewObject("k"), Bytes(b"x"))
    descriptor = os.open(folder / "write.lock", os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    began = time.monotonic()
    assert backend.head(PLACE, "k").size == 1 and backend.list(PLACE).objects
    assert time.monotonic() - began < 1
    os.close(descriptor)


def test_a_thread_that_removes_the_bucket_fails_writers_of_the_same_commit(
    backend: FilesystemBackend, held: int
) -> None:
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(backend.mark, PLACE, "m", "t")
        while not _queued(backend, 1):
            time.sleep(0.005)
        removal = pool.submit(backend.delete_bucket, PLACE)
        while not _queued(backend, 2):
            time.sleep(0.005)
        put = pool.submit(backend.put, PLACE, NewObject("k"), Bytes(b"x"))
        while not _queued(backend, 3):
            time.sleep(0.005)
        fcntl.flock(held, fcntl.LOCK_UN)
        first.result()
        removal.result()
        with pytest.raises(S3Error):
            put.result()
    assert backend.places("photos") == ()


# -- bodies --------------------------------------------------------------------------------
@pytest.mark.parametrize(("size", "files"), [(0, 0), (32 * 1024, 0), (32 * 1024 + 1, 1)])
def test_small_bodies_live_in_the_index_and_larger_ones_in_files(
    backend: FilesystemBackend, folder: Path, size: int, files: int
) -> None:
    backend.put(PLACE, NewObject("k"), Bytes(noise(size)))
    backend.put(PLACE, NewObject("n"), Bytes(noise(size), length=None))
    assert len(blobs(folder)) == 2 * files
    assert leftovers(folder) == []


def test_a_failed_condition_leaves_no_file(backend: FilesystemBackend, folder: Path) -> None:
    backend.put(PLACE, NewObject("k"), Bytes(noise(100_000)))
    with pytest.raises(PreconditionFailed):
        backend.put(PLACE, NewObject("k"), Bytes(noise(200_000)), Precondition(absent=True))
    assert len(blobs(folder)) == 1 and leftovers(folder) == []


def copy(backend: FilesystemBackend, source: Place, target: Place, key: str, to: str) -> None:
    with backend.open(source, key) as reader:
        backend.put(target, NewObject(to, carried=reader.info), ReaderBody(reader))


def test_a_copy_between_places_is_a_link_and_between_keys_a_count(
    backend: FilesystemBackend, folder: Path, root: Path
) -> None:
    backend.create_bucket(OTHER)
    backend.put(PLACE, NewObject("k"), Bytes(noise(100_000)))
    copy(backend, PLACE, PLACE, "k", "k2")
    assert len(blobs(folder)) == 1
    copy(backend, PLACE, OTHER, "k", "far")
    (here,) = (folder / "blobs").glob("*/*")
    (there,) = (root / "other~0002" / "blobs").glob("*/*")
    assert here.stat().st_ino == there.stat().st_ino and here.name != there.name
    assert list(backend.check_store(deep=True)) == []


def test_an_object_of_many_parts_is_linked_into_one_folder(backend: FilesystemBackend, root: Path) -> None:
    backend.create_bucket(OTHER)
    backend.create_upload(PLACE, UploadInfo("u", "k", 1))
    five = noise(5 * 1024 * 1024)
    asked = [
        PartRequest(n, backend.put_part(PLACE, "u", n, Bytes(five if n < 4 else b"end")).etag)
        for n in range(1, 5)
    ]
    backend.complete_upload(PLACE, "u", asked)
    copy(backend, PLACE, OTHER, "k", "k")
    assert len(list((root / "other~0002" / "blobs").iterdir())) == 1
    assert content(backend.open(OTHER, "k")) == five * 3 + b"end"


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EMLINK, errno.ENOENT, errno.EPERM])
def test_what_cannot_be_linked_is_copied(
    backend: FilesystemBackend, root: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.create_bucket(OTHER)
    backend.put(PLACE, NewObject("k"), Bytes(noise(100_000)))

    def refuse(*names: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    copy(backend, PLACE, OTHER, "k", "k")
    assert content(backend.open(OTHER, "k")) == noise(100_000)
    (path,) = (root / "other~0002" / "blobs").glob("*/*")
    assert path.stat().st_nlink == 1


@pytest.mark.parametrize("size", [100, 100_000])
def test_shared_bodies_go_with_the_last_row_that_names_them(
    backend: FilesystemBackend, folder: Path, clock: FakeClock, size: int
) -> None:
    backend.put(PLACE, NewObject("1"), Bytes(noise(size)))
    for number in range(2, 6):
        copy(backend, PLACE, PLACE, str(number - 1), str(number))
    for number in range(1, 5):
        backend.delete(PLACE, [Deletion(str(number))])
        clock.advance(seconds=61)
        backend.sweep()
        assert content(backend.open(PLACE, "5")) == noise(size)
        assert list(backend.check_store(deep=True)) == []
    backend.delete(PLACE, [Deletion("5")])
    clock.advance(seconds=61)
    backend.sweep()
    assert blobs(folder) == set()
    assert list(backend.check_store(deep=True)) == []


def test_a_copy_takes_garbage_back_that_is_still_on_the_disk(
    backend: FilesystemBackend, clock: FakeClock
) -> None:
    backend.put(PLACE, NewObject("k"), Bytes(noise(100_000)))
    with backend.open(PLACE, "k") as reader:
        backend.delete(PLACE, [Deletion("k")])
        backend.put(PLACE, NewObject("again"), ReaderBody(reader))
    clock.advance(seconds=61)
    backend.sweep()
    assert content(backend.open(PLACE, "again")) == noise(100_000)
    assert list(backend.check_store(deep=True)) == []


def test_a_copy_of_what_is_gone_from_the_disk_takes_the_bytes(
    backend: FilesystemBackend, clock: FakeClock
) -> None:
    for size in (100, 100_000):
        backend.put(PLACE, NewObject("k"), Bytes(noise(size)))
        with backend.open(PLACE, "k") as reader:
            backend.delete(PLACE, [Deletion("k")])
            clock.advance(seconds=61)
            backend.sweep()
            backend.put(PLACE, NewObject("again"), ReaderBody(reader))
        assert content(backend.open(PLACE, "again")) == noise(size)
    assert list(backend.check_store(deep=True)) == []


def test_a_reader_that_finds_its_blob_gone_reads_the_row_again(
    backend: FilesystemBackend, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.put(PLACE, NewObject("k"), Bytes(noise(100_000, 1)))
    (old,) = (folder / "blobs").glob("*/*")
    open_file, raced = os.open, threading.Event()

    def race(path: object, *more: int) -> int:
        if path == old and not raced.is_set():
            raced.set()
            backend.put(PLACE, NewObject("k"), Bytes(noise(100_000, 2)))
            old.unlink()
        return open_file(path, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", race)
    assert content(backend.open(PLACE, "k")) == noise(100_000, 2)
    assert raced.is_set()
