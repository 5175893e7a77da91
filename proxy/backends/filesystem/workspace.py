"""tmp/<random>/: the folder of one process in one place, locked while the process lives.

Bodies grow here until they are whole. Readers that open further blobs as they go leave a
pin here: what was released after such a reader began stays until it ends.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

_PIN = "reading-"


class Workspace:
    """Made at its first use; `close` takes it away."""

    def __init__(self, parent: Path) -> None:
        self._parent = parent
        self._path: Path | None = None
        self._descriptor = -1
        self._lock = threading.Lock()

    def path(self) -> Path:
        """Raises OSError."""
        if self._path is None:
            with self._lock:
                if self._path is None:
                    self._path = self._make()
        return self._path

    def _make(self) -> Path:
        while True:
            path = self._parent / secrets.token_hex(8)
            path.mkdir(mode=0o700)
            descriptor = _try_lock(path)
            if descriptor is None:
                continue
            if path.exists():
                self._descriptor = descriptor
                return path
            os.close(descriptor)  # a sweep was faster than our lock

    def new_file(self) -> Path:
        """A name that nothing has."""
        return self.path() / uuid.uuid4().hex

    def pin(self, now: int) -> Path:
        """Keep what is released from `now` on; unlink the file that is returned to let it go."""
        pin = self.path() / f"{_PIN}{now}-{secrets.token_hex(8)}"
        pin.touch()
        return pin

    def close(self) -> None:
        if self._path is not None:
            shutil.rmtree(self._path, ignore_errors=True)
        self.abandon()

    def abandon(self) -> None:
        """After a fork: the folder is the parent's."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._path, self._descriptor = None, -1


def _try_lock(path: Path) -> int | None:
    """A descriptor that holds the folder's lock; None if it is gone or another has it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def remove_abandoned(parent: Path) -> int:
    """Remove the folders of processes that are gone; how many."""
    removed = 0
    for path in _folders(parent):
        descriptor = _try_lock(path)
        if descriptor is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(descriptor)
            removed += 1
    return removed


def oldest_pin(parent: Path) -> int | None:
    """When the oldest of the readers that are pinned began, in milliseconds."""
    began = [
        int(name.removeprefix(_PIN).split("-")[0])
        for path in _folders(parent)
        for name in _names(path)
        if name.startswith(_PIN)
    ]
    return min(began, default=None)


def _folders(parent: Path) -> Iterator[Path]:
    return (parent / name for name in _names(parent))


def _names(path: Path) -> list[str]:
    try:
        return os.listdir(path)
    except (FileNotFoundError, NotADirectoryError):
        return []
