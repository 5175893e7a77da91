"""Regular copies of an index: whole, one at a time, never in anybody's way, and only where needed."""

from __future__ import annotations

import fcntl
import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from django.core.management import call_command
from pytest_django import Settings

from proxy import index_copies
from proxy.backends.filesystem import FilesystemBackend, copies
from proxy.backends.values import NewObject
from tests.bodies import Bytes, noise
from tests.conftest import FakeClock
from tests.proxy.backends.conftest import PLACE
from tests.sites import ROOT

DAY_S = 24 * 3600
COPY = """
import sys
from pathlib import Path
from proxy.backends.filesystem import copies
folder = Path(sys.argv[1])
print("begins", flush=True)
copies.keep_copy(Pool(str(folder / "index.db")), folder, int(sys.argv[2]), 1)
print("copied", flush=True)
"""


@pytest.fixture
def backend(root: Path, clock: FakeClock) -> Iterator[FilesystemBackend]:
    """One that copies each index every day; its keeper does not run by itself."""
    made = FilesystemBackend("local", root, clock, copy_hours=24, keep=False)
    made.prepare(None)
    made.create_bucket(PLACE)
    yield made
    made.close()


def _keys(path: Path) -> list[str]:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return [str(key, "utf-8") for (key,) in connection.execute("SELECT key FROM live ORDER BY key")]
    finally:
        connection.close()


def _put(backend: FilesystemBackend, key: str, size: int = 10) -> None:
    backend.put(PLACE, NewObject(key), Bytes(noise(size)))


def _age(folder: Path, seconds: int) -> None:
    """As if nobody had changed the index for so long."""
    for name in ("index.db", "index.db-wal"):
        at = (folder / name).stat().st_mtime - seconds
        os.utime(folder / name, (at, at))


def test_a_scrubbed_place_has_no_copies_until_the_next_round(
    backend: FilesystemBackend, folder: Path, clock: FakeClock
) -> None:
    _put(backend, "first")
    clock.advance(seconds=DAY_S + 1)
    backend.sweep()
    assert len(copies.kept(folder)) == 1
    assert backend.scrub(PLACE)
    assert copies.kept(folder) == [], "a copy holds the bodies that were to be left nowhere"
    backend.sweep()
    assert [_keys(path) for path in copies.kept(folder)] == [["first"]]


def test_a_copy_is_made_every_day_and_the_one_before_is_kept(
    backend: FilesystemBackend, folder: Path, clock: FakeClock
) -> None:
    _put(backend, "first")
    backend.sweep()
    assert copies.kept(folder) == [], "the place is younger than a day"
    clock.advance(seconds=DAY_S + 1)
    backend.sweep()
    newest, before = folder / "copies" / "index.db", folder / "copies" / "index.db.1"
    assert copies.kept(folder) == [newest]
    _put(backend, "second")
    clock.advance(seconds=DAY_S - 1)
    backend.sweep()
    assert _keys(newest) == ["first"]
    clock.advance(seconds=1)
    backend.sweep()
    assert copies.kept(folder) == [newest, before]
    assert (_keys(newest), _keys(before)) == (["first", "second"], ["first"])
    assert newest.stat().st_mode & 0o777 == 0o600
    assert {path.name for path in newest.parent.iterdir()} == {"index.db", "index.db.1", "lock", "seen-to"}


def test_a_place_that_has_not_changed_is_not_copied_again_whatever_sweeps_it(
    backend: FilesystemBackend, folder: Path, clock: FakeClock
) -> None:
    _put(backend, "k")
    _age(folder, 60)
    clock.advance(seconds=DAY_S + 1)
    backend.sweep()
    (copy,) = copies.kept(folder)
    inode = copy.stat().st_ino
    for _ in range(30):
        clock.advance(seconds=3600)
        backend.sweep()
    assert copies.kept(folder) == [copy]
    assert copy.stat().st_ino == inode
    assert clock.now_ms - copies.last_seen_to(folder) < DAY_S * 1000, "it counts as seen to"
    backend.mark(PLACE, "a mark", "changes no seq")
    clock.advance(seconds=DAY_S)
    backend.sweep()
    assert copy.stat().st_ino != inode


def test_a_copy_is_of_one_moment_while_others_write_and_keeps_none_of_them_waiting(
    backend: FilesystemBackend, folder: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        _put(backend, f"{number:03d}", 20_000)
    monkeypatch.setattr(copies, "_STEP_PAGES", 10)
    ended, written = threading.Event(), []

    def write() -> None:
        while not ended.is_set():
            _put(backend, f"later-{len(written):05d}")
            written.append(1)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with backend._using(PLACE) as bucket:
            before = len(written)
            for _ in range(5):
                copies.copy_index(bucket.pool, folder / "index.db", folder / "copy")
                later = [key for key in _keys(folder / "copy") if key.startswith("later")]
                assert later == [f"later-{number:05d}" for number in range(len(later))]
            assert len(written) > before, "writes went on"
    finally:
        ended.set()
        writer.join()
    assert copies.is_whole(folder / "copy")


def test_only_one_process_copies_a_place(backend: FilesystemBackend, folder: Path, clock: FakeClock) -> None:
    clock.advance(seconds=DAY_S + 1)
    (folder / "copies").mkdir()
    with (folder / "copies" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.utime(lock.fileno(), (1, 1))
        backend.sweep()
        assert copies.kept(folder) == []
    backend.sweep()
    assert copies.kept(folder)


def test_a_full_disk_is_logged_and_the_last_copy_is_kept(
    backend: FilesystemBackend,
    folder: Path,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock.advance(seconds=DAY_S + 1)
    backend.sweep()
    _put(backend, "k")
    monkeypatch.setattr(copies, "free_bytes", lambda path: 1000)
    clock.advance(seconds=DAY_S + 1)
    for _ in range(3):
        clock.advance(seconds=60)
        backend.sweep()
    told = [record for record in caplog.records if "no room on the disk" in record.message]
    assert len(told) == 1, "and not every minute"
    assert _keys(folder / "copies" / "index.db") == []
    monkeypatch.undo()
    clock.advance(seconds=3600)
    backend.sweep()
    assert _keys(folder / "copies" / "index.db") == ["k"]


def test_a_damaged_index_does_not_take_the_place_of_a_good_copy(
    backend: FilesystemBackend, folder: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(50):
        _put(backend, f"{number}", 20_000)
    clock.advance(seconds=DAY_S + 1)
    backend.sweep()
    backend.close()
    _damage(folder / "index.db")
    clock.advance(seconds=DAY_S + 1)
    backend.sweep()
    assert "The last copy is kept" in caplog.text
    assert copies.is_whole(folder / "copies" / "index.db")
    assert len(_keys(folder / "copies" / "index.db")) == 50


def _damage(index: Path) -> None:
    """Write over the pages of a table's leaves."""
    connection = apsw.Connection(str(index))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'bodies'").get
    connection.close()
    with index.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\x0d" + b"\xff" * 200)


def test_a_kill_in_the_midst_leaves_the_last_copy_whole(
    backend: FilesystemBackend, folder: Path, clock: FakeClock
) -> None:
    _put(backend, "first")
    clock.advance(seconds=DAY_S + 1)
    backend.sweep()
    for number in range(1500):
        _put(backend, f"{number:04d}", 30_000)
    for delay in (0.0, 0.01, 0.03, 0.06):
        moment = str(clock.advance(seconds=DAY_S))
        process = subprocess.Popen(
            [sys.executable, "-c", COPY, str(folder), moment], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        process.stdout.readline()
        threading.Event().wait(delay)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert all(copies.is_whole(path) for path in copies.kept(folder))
        assert "first" in _keys(folder / "copies" / "index.db")
    clock.advance(seconds=DAY_S)
    backend.sweep()
    assert len(_keys(folder / "copies" / "index.db")) == 1501


@pytest.mark.parametrize("moment", ["while it is copied", "while it is checked"])
def test_a_fork_interrupts_a_copy_and_nothing_of_it_stays(
    backend: FilesystemBackend, folder: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    for number in range(300):
        _put(backend, f"{number:03d}", 3000)
    with backend._using(PLACE) as bucket:
        real = copies.require_whole

        def interrupted(connection: apsw.Connection) -> None:
            bucket.pool.is_freezing = True
            real(connection)

        bucket.pool.is_freezing = moment == "while it is copied"
        monkeypatch.setattr(copies, "require_whole", interrupted)
        monkeypatch.setattr(copies, "_STEPS_OF_SQL", 10)
        with pytest.raises(copies.Interrupted):
            copies.copy_index(bucket.pool, folder / "index.db", folder / "copy")
        assert not list(folder.glob("copy*"))
        monkeypatch.undo()
        bucket.pool.freeze()
        bucket.pool.thaw()
        copies.copy_index(bucket.pool, folder / "index.db", folder / "copy")
    assert copies.is_whole(folder / "copy")


def test_what_is_no_index_is_not_taken_for_a_whole_one(folder: Path, tmp_path: Path) -> None:
    assert copies.is_whole(folder / "index.db")
    assert not copies.is_whole(tmp_path / "nothing")
    (tmp_path / "junk").write_bytes(b"junk" * 2000)
    assert not copies.is_whole(tmp_path / "junk")
    apsw.Connection(str(tmp_path / "empty")).execute("CREATE TABLE other (a)")
    assert not copies.is_whole(tmp_path / "empty")


def test_forgotten_copies_are_gone_and_made_anew(
    backend: FilesystemBackend, folder: Path, clock: FakeClock
) -> None:
    clock.advance(seconds=DAY_S + 1)
    backend.sweep()
    copies.forget(folder)
    assert [path.name for path in (folder / "copies").iterdir()] == ["lock"]
    backend.sweep()
    assert len(copies.kept(folder)) == 1


def test_a_process_that_only_looks_at_a_backend_takes_care_of_its_copies(
    root: Path, clock: FakeClock
) -> None:
    made = FilesystemBackend("local", root, clock, copy_hours=24)
    made.prepare(None)
    before = threading.active_count()
    made.check()
    assert threading.active_count() == before + 1
    made.check()
    assert threading.active_count() == before + 1
    made.close()


def test_copies_that_are_switched_off_are_not_made(root: Path, clock: FakeClock) -> None:
    made = FilesystemBackend("local", root, clock, keep=False)
    made.prepare(None)
    made.create_bucket(PLACE)
    clock.advance(seconds=10 * DAY_S)
    made.sweep()
    assert not (root / "photos~0001" / "copies").exists()
    made.close()


# -- who is told -----------------------------------------------------------------------------
@pytest.fixture
def configured(settings: Settings, root: Path, backend: FilesystemBackend) -> None:
    options = {"local": {"type": "filesystem", "path": str(root)}, "ram": {"type": "memory"}}
    settings.STORAGE = {"backends": options, "default_backend": "local", "buckets": {}}
    settings.INDEX_COPY_HOURS = 24


def test_the_age_of_the_oldest_copy_is_told(
    configured: None, backend: FilesystemBackend, folder: Path, clock: FakeClock
) -> None:
    (reading,) = index_copies.readings()
    assert reading.name == "sluicegate_index_copy_age_seconds"
    assert 0 <= reading.value < 60
    os.utime(folder / "bucket.id", (clock.now_ms / 1000 - 5000,) * 2)
    assert 5000 <= next(index_copies.readings()).value < 5060


def test_nothing_is_told_while_copies_are_switched_off(configured: None, settings: Settings) -> None:
    settings.INDEX_COPY_HOURS = 0
    assert list(index_copies.readings()) == []
    assert list(index_copies.notes(["local"], 10**15)) == []


def test_store_check_notes_copies_that_are_missing_or_old_and_finds_nothing_wrong_with_it(
    configured: None, backend: FilesystemBackend, folder: Path, clock: FakeClock, db: Any
) -> None:
    assert "note" not in _checked()
    old = clock.now_ms / 1000 - 3 * DAY_S
    os.utime(folder / "bucket.id", (old, old))
    assert "note: local/photos~0001: index.db was never copied; it was made 72 hours ago" in _checked()
    backend.sweep()
    assert "note" not in _checked()
    os.utime(folder / "copies" / "seen-to", (old, old))
    assert "note: local/photos~0001: index.db was last copied 72 hours ago" in _checked()


def _checked() -> str:
    out = io.StringIO()
    call_command("store_check", "local", stdout=out)
    assert "Everything agrees." in out.getvalue()
    return out.getvalue()
