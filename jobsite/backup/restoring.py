"""The control database of a backup in the place of the present one, which is kept aside.

Whole and verified before anything is replaced; the swap is one rename. A kill at any moment
leaves the old database or the new one.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from jobsite.backup import files
from jobsite.backup.manifest import CONTROL
from jobsite.first_start import sync_folder
from jobsite.sqlite import keys, upkeep
from jobsite.sqlite.exporting import remove
from jobsite.sqlite.opening import opens
from jobsite.sqlite.swapping import alone, require_room, swap

_BESIDE = ("-wal", "-shm", "-journal")


def restore_control(backup: Path, path: Path, home: Path, now: datetime) -> Path | None:
    """Put the control database of a verified backup in place; where the present one is kept, if
    there was one.

    To be called under `offline`, with no connection open in this process. Raises Refused (in use,
    no room), OSError, the library's errors; then nothing was changed.
    """
    draft = path.with_name(path.name + upkeep.RESTORING)
    require_room(backup / CONTROL, path.parent)
    remove(draft)
    try:
        files.copy(backup / CONTROL, draft)
        with _only_we(path):
            aside = keep_aside(path, home, now)
            swap(draft, path)
    finally:
        remove(draft)
    return aside


def _only_we(path: Path) -> contextlib.AbstractContextManager[object]:
    """Nobody else has the present database open. (One that no key of ours opens, nobody uses.)"""
    for digits in [None, *(key.digits for key in keys.known())]:
        if opens(path, digits):
            return alone(path, digits)
    return contextlib.nullcontext()


def keep_aside(path: Path, home: Path, now: datetime) -> Path | None:
    """Give a database a second name in a new folder, and move there what belongs to it: its log
    would be taken for the successor's. The folder; None if there is nothing."""
    if not any(path.with_name(path.name + end).exists() for end in ("", *_BESIDE)):
        return None
    aside = _new_folder(home, now)
    with contextlib.suppress(FileNotFoundError):
        os.link(path, aside / path.name)
    for end in _BESIDE:
        beside = path.with_name(path.name + end)
        with contextlib.suppress(FileNotFoundError):
            beside.rename(aside / beside.name)
    sync_folder(aside)
    return aside


def _new_folder(home: Path, now: datetime) -> Path:
    for folder in _names(home / f"replaced-{now:%Y%m%dT%H%M%SZ}"):
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            break
    sync_folder(home)
    return folder


def _names(first: Path) -> Iterator[Path]:
    yield first
    number = 2
    while True:
        yield first.with_name(f"{first.name}-{number}")
        number += 1
