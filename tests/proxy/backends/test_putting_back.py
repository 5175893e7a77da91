"""A copy of an index in the place of a lost one: nothing that it does not know is thrown away."""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.backends.filesystem import FilesystemBackend, copies, putting_back
from proxy.backends.filesystem.putting_back import put_back
from proxy.backends.values import Deletion, FeedLost, FeedPosition, NewObject
from proxy.errors import BackendUnavailable, NoSuchKey, SlowDown
from tests.bodies import Bytes, content, noise
from tests.conftest import FakeClock
from tests.proxy.backends.conftest import PLACE, blobs

STEPS = ("_make_folder", "_draft", "_sort_bodies", "_keep_aside")


@pytest.fixture
def copy(backend: FilesystemBackend, folder: Path, tmp_path: Path) -> Path:
    """A copy that knows two objects; one of them is deleted since, and a third is younger."""
    backend.put(PLACE, NewObject("small"), Bytes(noise(10)))
    backend.put(PLACE, NewObject("large"), Bytes(noise(100_000)))
    copies.copy_out(folder, tmp_path / "copy")
    backend.put(PLACE, NewObject("younger"), Bytes(noise(90_000)))
    backend.delete(PLACE, [Deletion("small")])
    backend.close()
    return tmp_path / "copy"


def _lose(folder: Path) -> None:
    (folder / "index.db").write_bytes(b"junk" * 3000)


def _read(backend: FilesystemBackend, key: str) -> bytes:
    with backend.open(PLACE, key) as reader:
        return content(reader)


def test_what_the_copy_knows_is_read_again_and_what_it_does_not_know_is_kept_from_the_sweep(
    backend: FilesystemBackend, folder: Path, copy: Path, clock: FakeClock
) -> None:
    known = blobs(folder)
    _lose(folder)
    done = put_back(folder, PLACE, copy, "now")
    assert (done.aside, done.lost) == (folder / "replaced-now", 1)
    assert (folder / "replaced-now" / "index.db").read_bytes() == b"junk" * 3000
    assert _read(backend, "small") == noise(10)
    assert _read(backend, "large") == noise(100_000)
    with pytest.raises(NoSuchKey):
        backend.head(PLACE, "younger")
    clock.advance(seconds=3 * 3600)
    backend.sweep()
    lost = {path.name for path in (folder / "lost").iterdir()}
    assert blobs(folder) | lost == known
    assert len(lost) == 1
    (finding,) = backend.check_store(deep=True)
    assert "1 bodies in lost/ belong to no row" in str(finding)
    backend.put(PLACE, NewObject("new"), Bytes(b"new"))
    assert _read(backend, "new") == b"new"


def test_a_younger_copy_takes_bodies_back_that_an_older_one_did_not_know(
    backend: FilesystemBackend, folder: Path, copy: Path, tmp_path: Path
) -> None:
    copies.copy_out(folder, tmp_path / "younger-copy")
    _lose(folder)
    assert put_back(folder, PLACE, copy, "first").lost == 1
    backend.close()
    _lose(folder)
    assert put_back(folder, PLACE, tmp_path / "younger-copy", "second").lost == 0
    assert _read(backend, "younger") == noise(90_000)
    assert list(backend.check_store(deep=True)) == []


def test_a_row_whose_body_is_gone_is_named_by_the_check(
    backend: FilesystemBackend, folder: Path, copy: Path
) -> None:
    shutil.rmtree(folder)
    done = put_back(folder, PLACE, copy, "now")
    assert (done.aside, done.lost) == (None, 0)
    assert _read(backend, "small") == noise(10), "a small body is in the index"
    (finding,) = backend.check_store(deep=False)
    assert finding.key == "large"


def test_a_damaged_copy_another_buckets_folder_and_a_writer_are_refused(
    backend: FilesystemBackend, folder: Path, copy: Path, tmp_path: Path
) -> None:
    before = (folder / "index.db").read_bytes()
    (tmp_path / "bad").write_bytes(copy.read_bytes()[:5000])
    with pytest.raises(BackendUnavailable, match="is damaged or no index"):
        put_back(folder, PLACE, tmp_path / "bad", "now")
    other = type(PLACE)("other", PLACE.bucket, PLACE.incarnation)
    with pytest.raises(BackendUnavailable, match="Another bucket"):
        put_back(folder, other, copy, "now")
    with backend._using(PLACE) as bucket:
        assert bucket.writer._lock.acquire(1.0)
        with pytest.raises(SlowDown):
            put_back(folder, PLACE, copy, "now")
        bucket.writer._lock.release()
    assert (folder / "index.db").read_bytes() == before
    assert len(_read(backend, "younger")) == 90_000


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_after_any_step_can_be_repaired_by_doing_it_again(
    backend: FilesystemBackend, folder: Path, copy: Path, step: str
) -> None:
    _lose(folder)
    child = os.fork()
    if child == 0:
        real = getattr(putting_back, step)

        def deadly(*given: object) -> None:
            real(*given)
            os.kill(os.getpid(), signal.SIGKILL)

        try:
            setattr(putting_back, step, deadly)
            put_back(folder, PLACE, copy, "first")
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    put_back(folder, PLACE, copy, "second")
    assert _read(backend, "large") == noise(100_000)
    kept = [path for path in folder.glob("replaced-*/index.db") if path.read_bytes() == b"junk" * 3000]
    assert kept
    assert {path.name for path in folder.glob("index.db.*")} == set()


# -- the feed of changes -------------------------------------------------------------------------
def _head(backend: FilesystemBackend) -> FeedPosition:
    return FeedPosition(PLACE.bucket_id, PLACE.incarnation, backend.head_seq(PLACE))


def _write(backend: FilesystemBackend, times: int) -> None:
    for number in range(times):
        backend.put(PLACE, NewObject(f"w{number}"), Bytes(b"w"))


def test_every_reader_of_the_feed_must_look_at_everything_once_and_then_goes_on(
    backend: FilesystemBackend, folder: Path, copy: Path
) -> None:
    noted = [replace(_head(backend), seq=seq) for seq in range(backend.head_seq(PLACE) + 1)]
    backend.close()
    _lose(folder)
    put_back(folder, PLACE, copy, "now")
    _write(backend, times=len(noted))  # as many as were lost: without a leap their numbers came again
    for position in noted:
        with pytest.raises(FeedLost):
            backend.changes(PLACE, position)
    fresh = _head(backend)
    backend.put(PLACE, NewObject("new"), Bytes(b"new"))
    assert [change.key for change in backend.changes(PLACE, fresh).changes] == ["new"]


def test_the_same_copy_put_back_twice_gives_no_number_twice(
    backend: FilesystemBackend, folder: Path, copy: Path
) -> None:
    lives: list[range] = []
    for stamp in ("first", "second"):
        backend.close()
        _lose(folder)
        put_back(folder, PLACE, copy, stamp)
        before = backend.head_seq(PLACE)
        _write(backend, times=3)
        lives.append(range(before, backend.head_seq(PLACE) + 1))
    assert not set(lives[0]) & set(lives[1])
    with pytest.raises(FeedLost):
        backend.changes(PLACE, replace(_head(backend), seq=lives[0][-1]))
