"""A copy of an index in the place of one that is lost or damaged, while nobody uses the place.

The copy is older than the bodies. Those that it does not name go to `lost/`, else the sweep of
orphans would remove them; `store_check` counts them, and names the rows whose body is gone.

Changes that the copy does not know had numbers, which whoever follows the feed of changes has noted.
None of them may be given out again for another change: so the numbers leap, further than any place
ever counts, and by chance, for a copy may be put back twice; and what the log says is forgotten, so
that every reader of the feed finds out that it must look at everything once.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import apsw

from proxy.backends.filesystem.bucket import IDENTITY, INDEX, read_identity, write_durably
from proxy.backends.filesystem.copies import is_whole
from proxy.backends.filesystem.faults import Translated
from proxy.backends.filesystem.index import migrate
from proxy.backends.filesystem.transaction import sync_folder
from proxy.backends.filesystem.writer import FileLock
from proxy.backends.values import Place
from proxy.errors import BackendUnavailable, SlowDown

LOST = "lost"
_DRAFT = f"{INDEX}.restoring"
_BESIDE = ("", "-wal", "-shm", "-journal")
_LEAP_BITS = 40


class PutBack(NamedTuple):
    """`aside`: where the former index is kept, if there was one. `lost`: bodies that it does not name."""

    aside: Path | None
    lost: int


def put_back(
    folder: Path, place: Place, source: Path, stamp: str, draw: Callable[[int], int] = secrets.randbits
) -> PutBack:
    """Make the copy at `source` the index of a place; the folder is made if it is gone too.

    `stamp` sets apart what is kept aside, `draw` gives so many random bits. A kill leaves the former
    index or the new one, and doing it again finishes. Raises BackendUnavailable (the copy is damaged,
    another bucket's folder), SlowDown (somebody writes), StorageFull.
    """
    with Translated(folder.parent):
        if not is_whole(source):
            raise BackendUnavailable(f"{source} is damaged or no index.")
        _make_folder(folder, place)
        lock = FileLock(folder)
        if not lock.acquire(0.0):
            raise SlowDown(f"{folder} is written to at this moment.")
        try:
            leap = (1 << _LEAP_BITS) + draw(_LEAP_BITS)
            named = _draft(folder / _DRAFT, source, leap)
            lost = _sort_bodies(folder, named)
            aside = _keep_aside(folder, folder / f"replaced-{stamp}")
            (folder / _DRAFT).replace(folder / INDEX)
            sync_folder(folder)
        finally:
            lock.release()
            lock.close()
    return PutBack(aside, lost)


def lost_bodies(folder: Path) -> int:
    """How many bodies are kept that the index does not name."""
    try:
        return len(os.listdir(folder / LOST))
    except FileNotFoundError:
        return 0


def _make_folder(folder: Path, place: Place) -> None:
    for part in (folder, folder / "blobs", folder / "tmp"):
        part.mkdir(mode=0o700, exist_ok=True)
    shown = read_identity(folder)
    if shown is None:
        write_durably(
            folder / IDENTITY,
            {"bucket_id": place.bucket_id, "bucket": place.bucket, "incarnation": place.incarnation},
        )
    elif shown != place:
        raise BackendUnavailable("Another bucket has this place.")
    sync_folder(folder)
    sync_folder(folder.parent)


def _draft(draft: Path, source: Path, leap: int) -> set[str]:
    """The copy as a whole index under another name; which bodies it names."""
    for end in _BESIDE:
        draft.with_name(draft.name + end).unlink(missing_ok=True)
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    reading = apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READONLY)
    writing = apsw.Connection(str(draft))
    try:
        with writing.backup("main", reading, "main") as backup:
            backup.step(-1)
        writing.execute("PRAGMA journal_mode = WAL").fetchall()
        writing.execute("PRAGMA synchronous = FULL")
        migrate(writing)
        writing.execute("UPDATE place SET gone = 0, seq = seq + ?", (leap,))
        writing.execute("DELETE FROM changes")
        named = {name for (name,) in writing.execute("SELECT id FROM blobs UNION SELECT id FROM garbage")}
        writing.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        writing.close()
        reading.close()
    return named


def _sort_bodies(folder: Path, named: set[str]) -> int:
    """Bodies that nobody names into `lost/`, those that are named out of it; how many are in it."""
    lost = folder / LOST
    lost.mkdir(mode=0o700, exist_ok=True)
    for name in os.listdir(lost):
        if name in named:
            home = folder / "blobs" / name[:2]
            home.mkdir(mode=0o700, exist_ok=True)
            (lost / name).rename(home / name)
            sync_folder(home)
    for part in [entry for entry in os.scandir(folder / "blobs") if entry.is_dir()]:
        for name in os.listdir(part.path):
            if name not in named:
                (Path(part.path) / name).rename(lost / name)
    sync_folder(lost)
    return len(os.listdir(lost))


def _keep_aside(folder: Path, aside: Path) -> Path | None:
    """The former index has a second name there; its log is moved, for it is not the successor's."""
    there = [end for end in _BESIDE if (folder / (INDEX + end)).exists()]
    if not there:
        return None
    aside.mkdir(mode=0o700, exist_ok=True)
    for end in there:
        with contextlib.suppress(FileExistsError):
            os.link(folder / (INDEX + end), aside / (INDEX + end))
        if end:
            (folder / (INDEX + end)).unlink()
    sync_folder(aside)
    return aside
