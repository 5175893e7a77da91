"""The backend's own folder: proof that it is the place that we know, and the places in it."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from proxy import mounts
from proxy.backends.filesystem.bucket import DRAFT, make_folder, read_identity, write_durably
from proxy.backends.filesystem.index import require_safe_sqlite
from proxy.backends.filesystem.transaction import sync_folder
from proxy.backends.values import Place
from proxy.errors import BackendUnavailable, InvalidBucketName

IDENTITY = "backend.id"
_GONE = ".gone-"
_SWEPT = ".swept"
_ROUND_MS = 3_600_000
"""Places that no process has open are swept so often."""


class Root:
    """One backend's folder. `place_id` is empty until `prepare`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.place_id = ""

    def prepare(self, known_id: str | None) -> str:
        """Raises BackendUnavailable, OSError."""
        require_safe_sqlite()
        if known_id is None:
            self.path.mkdir(parents=True, exist_ok=True)
        shown = self._shown()
        if shown is None and known_id is None:
            shown = self._make()
        if shown is None or shown != (known_id or shown):
            raise _not_there()
        _refuse_network(self.path)
        self.place_id = shown
        return shown

    def _make(self) -> str:
        if any("~" in name for name in os.listdir(self.path)):
            raise BackendUnavailable(f"{self.path} holds buckets but has lost its {IDENTITY}.")
        draft = self.path / f".{IDENTITY}-{uuid.uuid4().hex}"
        write_durably(draft, {"id": uuid.uuid4().hex})
        try:
            os.link(draft, self.path / IDENTITY)
        except FileExistsError:
            pass  # another process was first: its id counts
        finally:
            draft.unlink()
        sync_folder(self.path)
        return self._shown() or ""

    def _shown(self) -> str | None:
        try:
            return str(json.loads((self.path / IDENTITY).read_text())["id"])
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise _not_there() from error

    def check(self) -> None:
        """Raises BackendUnavailable unless the folder shows the id that we know."""
        try:
            shown = self._shown()
        except OSError as error:
            raise _not_there() from error
        if not self.place_id or shown != self.place_id:
            raise _not_there()

    # -- places ------------------------------------------------------------------------------
    def folder(self, place: Place) -> Path:
        """Raises InvalidBucketName for what cannot be a folder's name."""
        name = f"{place.bucket}~{place.incarnation}"
        if "/" in name or "\0" in name or name.startswith("."):
            raise InvalidBucketName(fields={"BucketName": place.bucket})
        return self.path / name

    def create(self, place: Place) -> None:
        """Raises BackendUnavailable, OSError, apsw.Error."""
        self.check()
        folder = self.folder(place)
        found = read_identity(folder)
        if found is None:
            make_folder(folder, place)
        elif found != place:
            raise BackendUnavailable("Another bucket has this place.")

    def remove(self, folder: Path) -> None:
        """Take a place away that nothing may find any more. A crash leaves it to `remove_gone`."""
        grave = self.path / f"{_GONE}{uuid.uuid4().hex}"
        try:
            folder.rename(grave)
        except FileNotFoundError:
            return
        sync_folder(self.path)
        shutil.rmtree(grave, ignore_errors=True)

    def remove_gone(self, now: int) -> None:
        """What a crash left of places that were being removed, or made more than an hour ago."""
        for path in self.path.iterdir():
            old = path.name.startswith(DRAFT) and _changed_ms(path) < now - _ROUND_MS
            if old or path.name.startswith(_GONE):
                shutil.rmtree(path, ignore_errors=True)

    def round_is_due(self, now: int) -> bool:
        """Whether nobody went over all places for an hour; the caller does so then."""
        path = self.path / _SWEPT
        if _changed_ms(path) > now - _ROUND_MS:
            return False
        path.touch()
        os.utime(path, (now / 1000, now / 1000))
        return True

    def places(self, bucket: str | None = None) -> Iterator[Place]:
        """Every place here, or those of one real bucket name."""
        self.check()
        for _, place in places_in(self.path, bucket):
            yield place


def shown_id(path: Path) -> str | None:
    """The id that a backend's folder shows; None if it shows none. Raises BackendUnavailable, OSError."""
    return Root(path)._shown()


def places_in(path: Path, bucket: str | None = None) -> Iterator[tuple[Path, Place]]:
    """The folder of every place in a backend's folder, or of those of one real bucket name."""
    for name in sorted(os.listdir(path)):
        if name.startswith(".") or "~" not in name:
            continue
        if bucket is None or name.rpartition("~")[0] == bucket:
            found = read_identity(path / name)
            if found is not None:
                yield path / name, found


def _changed_ms(path: Path) -> int:
    """When a path was last changed; 0 if it is not there."""
    try:
        return path.stat().st_mtime_ns // 1_000_000
    except FileNotFoundError:
        return 0


def _not_there() -> BackendUnavailable:
    return BackendUnavailable("The storage is not the place that we know: is its disk mounted?")


def _refuse_network(path: Path) -> None:
    kind = mounts.kind_of(path)
    if kind in mounts.NETWORK:
        raise BackendUnavailable(
            f"{path} is on a network file system ({kind}), where SQLite is not safe. "
            "Use a local disk, or an S3 cluster as the backend."
        )
