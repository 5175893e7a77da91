"""Which place is it: a folder that is not proven to be ours is unavailable, never empty."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from proxy import mounts
from proxy.backends.filesystem import FilesystemBackend, bucket, index
from proxy.backends.filesystem.bucket import OpenBucket
from proxy.backends.values import NewObject, Place
from proxy.errors import BackendUnavailable, InvalidBucketName, NoSuchBucket
from tests.bodies import Bytes, content, noise
from tests.conftest import FakeClock
from tests.proxy.backends.conftest import PLACE

OTHER = Place("id2", "other", "0002")


@pytest.fixture(autouse=True)
def one_object(backend: FilesystemBackend) -> None:
    backend.put(PLACE, NewObject("k"), Bytes(b"kept"))


def unmount(root: Path) -> None:
    """What an unmounted disk leaves: an empty folder."""
    root.rename(root.with_name("elsewhere"))
    root.mkdir()


def test_an_unmounted_disk_is_unavailable_and_not_an_empty_backend(
    backend: FilesystemBackend, root: Path
) -> None:
    unmount(root)
    for call in (
        backend.check,
        lambda: backend.head(PLACE, "k"),
        lambda: backend.list(PLACE),
        lambda: backend.put(PLACE, NewObject("new"), Bytes(b"x")),
        lambda: backend.places("photos"),
        lambda: backend.create_bucket(OTHER),
        lambda: backend.delete_bucket(PLACE, force=True),
        lambda: backend.head(OTHER, "k"),
        lambda: backend.prepare(backend.place_id),
    ):
        with pytest.raises(BackendUnavailable):
            call()
    assert list(root.iterdir()) == []


def test_it_goes_on_when_the_disk_is_back(backend: FilesystemBackend, root: Path) -> None:
    unmount(root)
    with pytest.raises(BackendUnavailable):
        backend.head(PLACE, "k")
    root.rmdir()
    root.with_name("elsewhere").rename(root)
    assert content(backend.open(PLACE, "k")) == b"kept"


def test_another_id_is_another_place(backend: FilesystemBackend, root: Path, clock: FakeClock) -> None:
    known = backend.place_id
    (root / "backend.id").write_text(json.dumps({"id": "another"}))
    with pytest.raises(BackendUnavailable):
        backend.check()
    fresh = FilesystemBackend("local", root, clock, keep=False)
    with pytest.raises(BackendUnavailable):
        fresh.prepare(known)
    with pytest.raises(BackendUnavailable):
        fresh.head(PLACE, "k")


@pytest.mark.parametrize("text", ["", "{}", "[]", '"id"', "\x00"])
def test_an_unreadable_id_is_unavailable(backend: FilesystemBackend, root: Path, text: str) -> None:
    (root / "backend.id").write_text(text)
    with pytest.raises(BackendUnavailable):
        backend.check()


def test_a_known_place_is_never_made_anew(tmp_path: Path, clock: FakeClock) -> None:
    backend = FilesystemBackend("local", tmp_path / "absent", clock, keep=False)
    with pytest.raises(BackendUnavailable):
        backend.prepare("known")
    assert not (tmp_path / "absent").exists()


def test_a_folder_with_buckets_that_lost_its_id_is_not_taken_for_new(root: Path, clock: FakeClock) -> None:
    (root / "backend.id").unlink()
    with pytest.raises(BackendUnavailable, match="lost"):
        FilesystemBackend("local", root, clock, keep=False).prepare(None)


def test_a_second_name_for_a_folder_shows_the_same_place(
    backend: FilesystemBackend, root: Path, clock: FakeClock
) -> None:
    assert FilesystemBackend("twin", root, clock, keep=False).prepare(None) == backend.place_id


def test_a_folder_of_another_bucket_under_our_name_is_unavailable(backend: FilesystemBackend) -> None:
    with pytest.raises(BackendUnavailable):
        backend.head(Place("someone else", PLACE.bucket, PLACE.incarnation), "k")
    with pytest.raises(BackendUnavailable):
        backend.create_bucket(Place("someone else", PLACE.bucket, PLACE.incarnation))


def test_an_index_of_a_newer_version_is_left_alone(
    backend: FilesystemBackend, folder: Path, root: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "STEPS", (*index.STEPS, "CREATE TABLE later (id INTEGER)"))
    fresh = FilesystemBackend("local", root, clock, keep=False)
    fresh.prepare(None)
    assert fresh.head(PLACE, "k").size == 4  # brought to the newer schema
    fresh.close()
    monkeypatch.undo()
    backend.close()
    with pytest.raises(BackendUnavailable, match="newer"):
        backend.head(PLACE, "k")


def test_a_damaged_index_is_unavailable(backend: FilesystemBackend, folder: Path) -> None:
    backend.close()
    for path in folder.glob("index.db*"):
        path.unlink()
    (folder / "index.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(BackendUnavailable):
        backend.head(PLACE, "k")


def test_a_bucket_that_another_process_removed_is_gone_here_too(
    backend: FilesystemBackend, root: Path, clock: FakeClock
) -> None:
    other = FilesystemBackend("local", root, clock, keep=False)
    other.prepare(None)
    other.delete_bucket(PLACE, force=True)
    for call in (
        lambda: backend.head(PLACE, "k"),
        lambda: backend.put(PLACE, NewObject("k"), Bytes(b"x")),
    ):
        with pytest.raises(NoSuchBucket):
            call()
    backend.create_bucket(PLACE)
    other.put(PLACE, NewObject("new"), Bytes(b"x"))
    assert [info.key for info in backend.list(PLACE).objects] == ["new"]
    other.close()


def test_a_removal_that_a_crash_stopped_is_a_bucket_that_is_gone(
    backend: FilesystemBackend, root: Path, folder: Path
) -> None:
    with backend._using(PLACE) as bucket:  # the commit, but not what follows it
        bucket.writer.submit(lambda transaction: transaction.retire())
    with pytest.raises(NoSuchBucket):
        backend.put(PLACE, NewObject("k"), Bytes(b"x"))
    backend.close()
    with pytest.raises(NoSuchBucket):
        backend.head(PLACE, "k")
    assert backend.places("photos") == ()
    backend.delete_bucket(PLACE)
    assert not folder.exists()


def test_what_a_crash_left_of_removed_and_half_made_buckets_is_swept(
    backend: FilesystemBackend, root: Path, clock: FakeClock
) -> None:
    gone, draft = root / ".gone-1", root / ".new-1"
    (gone / "blobs").mkdir(parents=True)
    (draft / "blobs").mkdir(parents=True)
    backend.sweep()
    assert draft.exists() and not gone.exists()  # another process may be making it
    clock.advance(seconds=3700)
    backend.sweep()
    assert not draft.exists()


@pytest.mark.parametrize("step", ["Pool", "Writer"])
def test_a_place_that_vanishes_while_it_is_opened_is_no_such_bucket(
    backend: FilesystemBackend, folder: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.close()
    goes_on = getattr(bucket, step)

    def just_before(*given: object, **named: object) -> object:
        shutil.rmtree(folder)  # as another process would, right after we have looked whose it is
        return goes_on(*given, **named)

    monkeypatch.setattr(bucket, step, just_before)
    assert backend.places("photos") == ()
    with pytest.raises(NoSuchBucket):
        backend.head(PLACE, "k")


@pytest.mark.parametrize("size", [100, 100_000])
def test_a_place_that_vanishes_while_it_is_read_is_no_such_bucket(
    backend: FilesystemBackend, root: Path, folder: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.put(PLACE, NewObject("new"), Bytes(noise(size)))
    seen = OpenBucket.is_there
    looks: list[bool] = []

    def just_before(bucket: OpenBucket) -> bool:
        looks.append(seen(bucket))
        if len(looks) == 1:  # as another process would, right after we have looked
            folder.rename(root / ".gone-x")
            shutil.rmtree(root / ".gone-x")
        return looks[-1]

    monkeypatch.setattr(OpenBucket, "is_there", just_before)
    if size == 100:  # in the index, which is still open
        assert content(backend.open(PLACE, "new")) == noise(size)
    for call in (
        lambda: backend.open(PLACE, "new"),
        lambda: backend.put(PLACE, NewObject("k"), Bytes(noise(size))),
    ):
        with pytest.raises(NoSuchBucket):
            call()


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "a\x00b"])
def test_a_name_that_would_leave_the_folder_is_refused(backend: FilesystemBackend, name: str) -> None:
    for call in (backend.create_bucket, backend.usage, backend.delete_bucket):
        with pytest.raises(InvalidBucketName):
            call(Place("id", name, "1"))


def test_open_buckets_are_bounded_and_all_of_them_work(root: Path, clock: FakeClock) -> None:
    backend = FilesystemBackend("local", root, clock, keep=False, open_buckets=4)
    backend.prepare(None)
    places = [Place(f"id{n}", f"b{n}", "1") for n in range(12)]
    for place in places:
        backend.create_bucket(place)
        backend.put(place, NewObject(place.bucket), Bytes(b"x" * 50_000))
    for place in places:
        assert backend.head(place, place.bucket).size == 50_000
    assert len(backend._registry.open_places()) <= 4
    open_files = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if _is_open(fd)]
    assert len({name for name in open_files if name.startswith(str(root)) and name.endswith("index.db")}) <= 5
    backend.close()


def _is_open(descriptor: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{descriptor}")


def test_a_network_file_system_is_refused(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mounts, "kind_of", lambda path: "nfs4")
    with pytest.raises(BackendUnavailable, match="network"):
        FilesystemBackend("local", tmp_path / "far", clock, keep=False).prepare(None)


def test_an_sqlite_that_can_corrupt_a_wal_is_refused(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index.apsw, "sqlite_lib_version", lambda: "3.51.2")
    with pytest.raises(BackendUnavailable, match=r"3\.51\.3"):
        FilesystemBackend("local", tmp_path / "old", clock, keep=False).prepare(None)
