"""One open place: its folder, its index, its writer. Made and kept by `registry`."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from pathlib import Path

from proxy.backends.filesystem.faults import free_bytes
from proxy.backends.filesystem.index import connect, migrate
from proxy.backends.filesystem.pool import Pool
from proxy.backends.filesystem.transaction import sync_folder
from proxy.backends.filesystem.workspace import Workspace
from proxy.backends.filesystem.writer import Writer
from proxy.backends.values import Clock, Place
from proxy.errors import BackendUnavailable, NoSuchBucket, StorageFull

INDEX = "index.db"
IDENTITY = "bucket.id"
DRAFT = ".new-"
"""How the folder of a place that is being made is called."""


class OpenBucket:
    """What the operations on one place share within this process.

    `inline_bytes`: bodies up to this size live in the index. `reserve_bytes` stay free, so
    that deletes still work on a full disk. `secure_delete`: what is deleted in the index is overwritten.
    """

    def __init__(
        self,
        folder: Path,
        place: Place,
        now: Clock,
        *,
        inline_bytes: int,
        reserve_bytes: int,
        secure_delete: bool = False,
    ) -> None:
        self.folder = folder
        self.place = place
        self.now = now
        self.inline_bytes = inline_bytes
        self._reserve_bytes = reserve_bytes
        self._index = str(folder / INDEX)
        self.pool = Pool(self._index, secure_delete=secure_delete)
        with self.pool.lend() as connection:
            migrate(connection)
            gone = connection.execute("SELECT gone FROM place").get
        if gone:
            self.pool.close()
            raise NoSuchBucket(fields={"BucketName": place.bucket})
        self.writer = Writer(folder, self.pool, now)
        self.workspace = Workspace(folder / "tmp")
        self._seen = _identity(self._index)
        self.users = 0
        """Operations and readers at work; counted by the registry, under its lock."""

    def is_there(self) -> bool:
        """Whether the path still leads to the index that we have open."""
        return _identity(self._index) == self._seen

    def is_same(self, other: OpenBucket) -> bool:
        """Whether both are the same index, under whatever backend name."""
        return self._seen == other._seen

    def blob_path(self, blob: str) -> Path:
        return self.folder / "blobs" / blob[:2] / blob

    def require_space(self, size: int) -> None:
        """Raises StorageFull before anything of a body that will not fit is written."""
        if free_bytes(self.folder) < size + self._reserve_bytes:
            raise StorageFull()

    def index_bytes(self) -> int:
        """How large the index is, without its log."""
        return os.stat(self._index).st_size

    def close(self) -> None:
        self.pool.close()
        self.writer.close()
        self.workspace.close()

    def abandon(self) -> None:
        """After a fork: let go of what is the parent's without disturbing it."""
        self.writer.close()
        self.workspace.abandon()


def _identity(path: str) -> tuple[int, int] | None:
    try:
        state = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return state.st_dev, state.st_ino


def make_folder(folder: Path, place: Place) -> None:
    """Make an empty place under another name and rename it, so that it is whole or absent.

    Raises OSError, apsw.Error; a place that is there already is left alone.
    """
    draft = folder.parent / f"{DRAFT}{uuid.uuid4().hex}"
    draft.mkdir(mode=0o700)
    try:
        for name in ("blobs", "tmp"):
            (draft / name).mkdir(mode=0o700)
        _make_index(draft / INDEX)
        write_durably(
            draft / IDENTITY,
            {"bucket_id": place.bucket_id, "bucket": place.bucket, "incarnation": place.incarnation},
        )
        sync_folder(draft)
        try:
            draft.rename(folder)
        except OSError:
            if not (folder / IDENTITY).exists():
                raise
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _make_index(path: Path) -> None:
    connection = connect(str(path), create=True)
    try:
        migrate(connection)
        connection.wal_checkpoint()
    finally:
        connection.close()


def write_durably(path: Path, content: dict[str, str]) -> None:
    """A small JSON file, fsynced (its folder is the caller's)."""
    with path.open("x") as file:
        json.dump(content, file)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())


def read_identity(folder: Path) -> Place | None:
    """Whose folder it is; None if it is not a place. Raises BackendUnavailable if it is unreadable."""
    try:
        found = json.loads((folder / IDENTITY).read_text())
        return Place(found["bucket_id"], found["bucket"], found["incarnation"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise BackendUnavailable("The storage behind this bucket does not say whose it is.") from error
