"""What is removed later, and that it is never removed too early. The clock is passed in."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from proxy.backends.base import ReaderBody
from proxy.backends.filesystem import FilesystemBackend, keeper
from proxy.backends.values import (
    Deletion,
    NewObject,
    PartRequest,
    Place,
    UploadInfo,
)
from tests.bodies import Bytes, content, noise
from tests.conftest import FakeClock
from tests.proxy.backends.conftest import PLACE, blobs, leftovers

HOUR_S = 3600


@pytest.fixture
def gone(backend: FilesystemBackend, folder: Path) -> str:
    """The name of a blob that no row names any more."""
    backend.put(PLACE, NewObject("k"), Bytes(noise(100_000)))
    backend.delete(PLACE, [Deletion("k")])
    (name,) = blobs(folder)
    return name


def test_garbage_is_unlinked_after_a_minute_and_not_before(
    backend: FilesystemBackend, folder: Path, gone: str, clock: FakeClock
) -> None:
    for _ in range(60):
        clock.advance(ms=999)
        backend.sweep()
        assert blobs(folder) == {gone}
    clock.advance(ms=60)
    backend.sweep()
    assert blobs(folder) == set()


@pytest.mark.parametrize("how", ["overwritten", "aborted", "part replaced", "part left out"])
def test_every_way_to_lose_a_body_ends_in_garbage(
    backend: FilesystemBackend, folder: Path, clock: FakeClock, how: str
) -> None:
    backend.create_upload(PLACE, UploadInfo("u", "k", 1))
    etag = backend.put_part(PLACE, "u", 1, Bytes(noise(50_000))).etag
    if how == "aborted":
        backend.abort_upload(PLACE, "u")
    elif how == "part replaced":
        backend.put_part(PLACE, "u", 1, Bytes(b""))
    elif how == "part left out":
        other = backend.put_part(PLACE, "u", 2, Bytes(b"")).etag
        backend.complete_upload(PLACE, "u", [PartRequest(2, other)])
    else:
        backend.complete_upload(PLACE, "u", [PartRequest(1, etag)])
        backend.put(PLACE, NewObject("k"), Bytes(b"small"))
    assert len(blobs(folder)) == 1
    clock.advance(seconds=60)
    backend.sweep()
    assert blobs(folder) == set()
    assert list(backend.check_store(deep=True)) == []


def test_bodies_of_older_versions_stay_and_go_with_the_last_row_that_names_them(
    backend: FilesystemBackend, folder: Path, clock: FakeClock
) -> None:
    backend.put(PLACE, NewObject("k", version_id="v1"), Bytes(noise(100_000)))
    with backend.open(PLACE, "k", "v1") as reader:
        backend.put(PLACE, NewObject("k", version_id="v2"), ReaderBody(reader))
    backend.delete(PLACE, [Deletion("k", "m1", marker=True)])
    for version in ("v1", "v2"):
        clock.advance(seconds=2 * HOUR_S)
        backend.sweep()
        assert len(blobs(folder)) == 1
        backend.delete(PLACE, [Deletion("k", version)])
    clock.advance(seconds=60)
    backend.sweep()
    assert blobs(folder) == set()
    assert list(backend.check_store(deep=True)) == []


def test_a_reader_of_many_blobs_keeps_them_until_it_ends(
    backend: FilesystemBackend, folder: Path, clock: FakeClock
) -> None:
    five, end = noise(5 * 1024 * 1024), noise(100)
    backend.create_upload(PLACE, UploadInfo("u", "k", 1))
    asked = [
        PartRequest(1, backend.put_part(PLACE, "u", 1, Bytes(five)).etag),
        PartRequest(2, backend.put_part(PLACE, "u", 2, Bytes(end)).etag),
    ]
    backend.complete_upload(PLACE, "u", asked)
    with backend.open(PLACE, "k") as reader:
        backend.delete(PLACE, [Deletion("k")])
        clock.advance(seconds=2 * HOUR_S)
        backend.sweep()
        assert b"".join(reader.read(0, reader.info.size)) == five + end
    backend.sweep()
    assert blobs(folder) == set() and leftovers(folder) == []


def orphan(folder: Path, name: str = "ab" + "0" * 30) -> Path:
    path = folder / "blobs" / name[:2] / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x")
    os.utime(path, (1, 1))  # an old source's time, as a hard link has it
    return path


def test_an_orphan_is_left_for_an_hour_whatever_its_mtime(
    backend: FilesystemBackend, folder: Path, clock: FakeClock
) -> None:
    backend.put(PLACE, NewObject("kept"), Bytes(noise(100_000)))
    path = orphan(folder)
    backend.sweep()
    clock.advance(seconds=HOUR_S - 60)
    backend.sweep()
    assert path.exists()
    clock.advance(seconds=HOUR_S + 120)
    backend.sweep()
    assert not path.exists()
    assert content(backend.open(PLACE, "kept")) == noise(100_000)


def test_folders_of_dead_processes_are_removed_and_those_of_living_ones_left(
    backend: FilesystemBackend, folder: Path, root: Path, clock: FakeClock
) -> None:
    living = FilesystemBackend("local", root, clock, keep=False)
    living.prepare(None)
    living.put(PLACE, NewObject("k"), Bytes(noise(100_000)))
    (mine,) = (folder / "tmp").iterdir()
    dead = folder / "tmp" / "dead"
    dead.mkdir()
    (dead / "body").write_bytes(b"half")
    backend.mark(PLACE, "m", "t")  # opens the place
    clock.advance(seconds=HOUR_S)
    backend.sweep()
    assert mine.exists() and not dead.exists()
    living.close()
    assert list((folder / "tmp").iterdir()) == []


def test_places_that_nobody_has_open_are_swept_within_the_hour(
    backend: FilesystemBackend, folder: Path, gone: str, root: Path, clock: FakeClock
) -> None:
    backend.close()
    other = FilesystemBackend("local", root, clock, keep=False)
    other.prepare(None)
    other.sweep()
    assert blobs(folder) == {gone}
    clock.advance(seconds=HOUR_S)
    other.sweep()
    assert blobs(folder) == set()
    other.close()


def test_finished_uploads_are_forgotten_after_a_day(backend: FilesystemBackend, clock: FakeClock) -> None:
    backend.create_upload(PLACE, UploadInfo("u", "k", 1))
    etag = backend.put_part(PLACE, "u", 1, Bytes(b"x")).etag
    backend.complete_upload(PLACE, "u", [PartRequest(1, etag)])
    clock.advance(seconds=24 * HOUR_S)
    backend.sweep()
    with backend._using(PLACE) as bucket, bucket.pool.lend() as connection:
        assert connection.execute("SELECT count(*) FROM completions").get == 0


def test_the_log_of_changes_is_bounded(backend: FilesystemBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.backends.filesystem.transaction.LOG_ROWS", 20)
    monkeypatch.setattr("proxy.backends.filesystem.transaction.LOG_TRIM", 10)
    for number in range(105):
        backend.put(PLACE, NewObject(f"k{number % 3}"), Bytes(b"x"))
    backend.delete(PLACE, [Deletion("k0")])
    with backend._using(PLACE) as bucket, bucket.pool.lend() as connection:
        rows = connection.execute("SELECT seq, key, gone FROM changes ORDER BY seq").fetchall()
    assert rows[-1] == (106, b"k0", 1)
    assert 20 <= len(rows) <= 30
    assert [row[0] for row in rows] == list(range(107 - len(rows), 107))


def test_the_keeper_sweeps_what_is_open_without_being_asked(
    root: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "ROUND_S", 0.02)
    backend = FilesystemBackend("local", root, clock)
    backend.prepare(None)
    place = Place("id", "b", "1")
    backend.create_bucket(place)
    backend.put(place, NewObject("k"), Bytes(noise(100_000)))
    backend.delete(place, [Deletion("k")])
    clock.advance(seconds=61)
    deadline = time.monotonic() + 10
    while blobs(root / "b~1") and time.monotonic() < deadline:
        time.sleep(0.02)
    assert blobs(root / "b~1") == set()
    backend.close()
