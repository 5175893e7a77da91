"""Slots as locked files: for processes of one host.

Each taking opens the file anew, so its lock belongs to one open file description: it excludes
other threads as it does other processes, and the kernel drops it when the process ends.
Source: flock(2).
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import threading
from pathlib import Path

from proxy.errors import ServiceUnavailable
from proxy.slots.base import SlotBusy

_BUSY = {errno.EWOULDBLOCK, errno.EAGAIN}

# A fork copies every descriptor, and a lock lives as long as its last copy. So the child
# closes what it inherited (without unlocking, which would unlock for the parent too), and no
# fork happens between the opening of a file and its entry in the table.
_open_files: dict[int, int] = {}
_forking = threading.Lock()


def _close_inherited() -> None:
    global _forking
    _forking = threading.Lock()
    for descriptor in _open_files:
        os.close(descriptor)
    _open_files.clear()


os.register_at_fork(
    before=lambda: _forking.acquire(),
    after_in_parent=lambda: _forking.release(),
    after_in_child=_close_inherited,
)


class FileSlot:
    """A lock on one open file description."""

    __slots__ = ("_descriptor", "_pid")

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._pid = os.getpid()

    def held(self) -> bool:
        """True while it was not given back, in this process, and the file still has its name.

        (Without its name nobody else meets this lock any more.)
        """
        if self._descriptor < 0 or self._pid != os.getpid():
            return False
        return os.fstat(self._descriptor).st_nlink > 0

    def release(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0 and self._pid == os.getpid():
            with _forking:
                _open_files.pop(descriptor, None)
                os.close(descriptor)


class FileSlots:
    """Locks on files of one folder; the files are never unlinked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, name: str, *, exclusive: bool) -> FileSlot:
        """Raises SlotBusy, or ServiceUnavailable where no file can be opened or locked."""
        slot = FileSlot(self._open(name))
        try:
            fcntl.flock(slot._descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except OSError as error:
            slot.release()
            if error.errno in _BUSY:
                raise SlotBusy() from None
            raise ServiceUnavailable(f"A lock file cannot be locked: {error.strerror}.") from error
        return slot

    def _open(self, name: str) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        path = f"{self._folder}/{name}"
        try:
            with _forking:
                try:
                    descriptor = os.open(path, flags, 0o600)
                except FileNotFoundError:
                    self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                    descriptor = os.open(path, flags, 0o600)
                _open_files[descriptor] = descriptor
        except OSError as error:
            raise ServiceUnavailable(f"A lock file cannot be opened: {error.strerror}.") from error
        return descriptor

    def holders(self, name: str) -> tuple[str, ...]:
        """As the kernel tells in /proc/locks (Linux): `process 4711 on this-host`."""
        try:
            inode = os.stat(self._folder / name).st_ino
            lines = Path("/proc/locks").read_text().splitlines()
        except OSError:
            return ()
        rows = (line.split() for line in lines if "->" not in line)
        pids = {row[4] for row in rows if row[1] == "FLOCK" and row[5].rsplit(":", 1)[-1] == str(inode)}
        return tuple(f"process {pid} on {socket.gethostname()}" for pid in sorted(pids, key=int))
