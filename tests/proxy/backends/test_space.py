"""A full disk is a typed 503, and nothing half-written stays."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from proxy.backends.filesystem import FilesystemBackend, taking
from proxy.backends.values import Deletion, NewObject, UploadInfo
from proxy.errors import StorageFull
from tests.bodies import Bytes, content, noise
from tests.conftest import FakeClock
from tests.proxy.backends.conftest import PLACE, blobs, leftovers

MIB = 1024 * 1024


def fails_with(number: int) -> Callable[..., int]:
    def refuse(*arguments: object) -> int:
        raise OSError(number, os.strerror(number))

    return refuse


@pytest.mark.parametrize("call", ["write", "fsync"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_while_a_body_comes_is_storage_full(
    backend: FilesystemBackend, folder: Path, call: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.put(PLACE, NewObject("k"), Bytes(b"old"))
    backend.create_upload(PLACE, UploadInfo("u", "k", 1))
    with monkeypatch.context() as full:
        full.setattr(taking.os, call, fails_with(number))
        for write in (
            lambda: backend.put(PLACE, NewObject("k"), Bytes(noise(100_000))),
            lambda: backend.put_part(PLACE, "u", 1, Bytes(noise(100))),
        ):
            with pytest.raises(StorageFull) as caught:
                write()
            assert caught.value.status == 503
    assert content(backend.open(PLACE, "k")) == b"old"
    assert blobs(folder) == set() and leftovers(folder) == []
    backend.put(PLACE, NewObject("k"), Bytes(noise(100_000)))


def test_what_does_not_fit_is_refused_before_a_byte_is_read(
    backend: FilesystemBackend, folder: Path, root: Path, clock: FakeClock
) -> None:
    class Untouched(Bytes):
        def __iter__(self) -> Iterator[bytes]:
            raise AssertionError("the body was read")

    with pytest.raises(StorageFull):
        backend.put(PLACE, NewObject("k"), Untouched(b"", length=1 << 60))
    tight = FilesystemBackend("local", root, clock, keep=False, reserve_bytes=1 << 60)
    tight.prepare(None)
    with pytest.raises(StorageFull):
        tight.put(PLACE, NewObject("k"), Untouched(b"x"))
    assert tight.delete(PLACE, [Deletion("k")]) == [None]  # deletes go on
    tight.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MiB."""
    path = tmp_path / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(path)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("mounting a small file system needs root: a really full disk")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


def test_a_disk_that_is_really_full_keeps_what_it_has_and_recovers(
    small_disk: Path, clock: FakeClock
) -> None:
    backend = FilesystemBackend("local", small_disk / "store", clock, keep=False, reserve_bytes=0)
    backend.prepare(None)
    backend.create_bucket(PLACE)
    kept = []
    with pytest.raises(StorageFull):
        for number in range(10_000):
            size = (1000, 30_000, 700_000)[number % 3]
            backend.put(PLACE, NewObject(f"{number:05d}"), Bytes(noise(size, number)))
            kept.append((f"{number:05d}", size, number))
    for _ in range(5):
        for size in (20_000, 3 * MIB):
            with pytest.raises(StorageFull):
                backend.put(PLACE, NewObject("more"), Bytes(noise(size), length=None))
                while True:  # what is left may still take a small one
                    backend.put(PLACE, NewObject("more"), Bytes(noise(size)))
    keys = {info.key for info in backend.list(PLACE, limit=20_000).objects}
    assert keys - {"more"} == {key for key, _, _ in kept}
    for key, size, seed in kept:
        assert content(backend.open(PLACE, key)) == noise(size, seed)
    assert leftovers(small_disk / "store" / "photos~0001") == []
    _make_room(backend, small_disk, clock)
    backend.put(PLACE, NewObject("after"), Bytes(noise(MIB)))
    assert list(backend.check_store(deep=True)) == []
    backend.close()


def _make_room(backend: FilesystemBackend, disk: Path, clock: FakeClock) -> None:
    """As an operator would: a little space first, then deletes."""
    subprocess.run(["mount", "-o", "remount,size=28m", str(disk)], check=True)
    for info in backend.list(PLACE, limit=30).objects:
        backend.delete(PLACE, [Deletion(info.key)])
    clock.advance(seconds=61)
    backend.sweep()


_LIMITED = """
import resource, sys, time
from pathlib import Path
from proxy.backends.base import NewObject, Place
from proxy.backends.filesystem import FilesystemBackend
from proxy.errors import ServiceUnavailable, StorageFull
from tests.bodies import Bytes, content, noise

backend = FilesystemBackend("local", Path(sys.argv[1]), lambda: time.time_ns() // 1_000_000, keep=False)
backend.prepare(None)
place = Place("id1", "photos", "0001")
backend.create_bucket(place)
backend.put(place, NewObject("small"), Bytes(noise(1000)))
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
refused = 0
for number in range(20):
    try:
        backend.put(place, NewObject("large"), Bytes(noise(500_000)))
    except StorageFull:
        refused += 1
assert refused == 20, refused
for number in range(20):  # the write-ahead log meets the limit too
    try:
        backend.put(place, NewObject(f"k{number}"), Bytes(noise(30_000)))
    except ServiceUnavailable:
        refused += 1
assert refused > 20, refused
assert content(backend.open(place, "small")) == noise(1000)
"""


def test_a_limit_on_file_sizes_is_met_without_loss(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", _LIMITED, str(tmp_path)], check=True)
    backend = FilesystemBackend("local", tmp_path, lambda: 0, keep=False)
    backend.prepare(None)
    assert list(backend.check_store(deep=True)) == []
    backend.close()
