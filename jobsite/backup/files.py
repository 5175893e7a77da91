"""Files of a backup: copied durably, hashed, packed into a tar file and out of it."""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

from jobsite.backup.manifest import BadBackup, File
from jobsite.first_start import sync_folder

_PIECE = 1024 * 1024


def copy(source: Path, target: Path) -> None:
    """A durable copy in a new file of mode 0600 (its folder is the caller's). Raises OSError."""
    with source.open("rb") as reading, os.fdopen(_new(target), "wb") as writing:
        while piece := reading.read(_PIECE):
            writing.write(piece)
        writing.flush()
        os.fsync(writing.fileno())


def write(target: Path, content: bytes) -> None:
    """A durable new file of mode 0600. Raises OSError."""
    with os.fdopen(_new(target), "wb") as writing:
        writing.write(content)
        writing.flush()
        os.fsync(writing.fileno())


def _new(target: Path) -> int:
    return os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def digest(path: Path) -> File:
    """Size and SHA-256 of what is on the disk. Raises OSError."""
    sha256, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            sha256.update(piece)
            size += len(piece)
    return File(size, sha256.hexdigest())


def inside(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file below a folder, by its path from there, sorted."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return ((path.relative_to(folder).as_posix(), path) for path in found)


def sync_tree(folder: Path) -> None:
    """Make every name in a tree durable; its files are."""
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir():
            sync_folder(path)


def pack(folder: Path, target: Path) -> None:
    """The folder as a durable tar file of mode 0600, read again and compared. Raises OSError, BadBackup."""
    with os.fdopen(_new(target), "wb") as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            for name, path in inside(folder):
                tar.add(path, name, recursive=False)
        file.flush()
        os.fsync(file.fileno())
    with tarfile.open(target) as tar:
        packed = {member.name: _digest_in(tar, member) for member in tar}
    if packed != {name: digest(path) for name, path in inside(folder)}:
        raise BadBackup(f"{target} does not hold what was written into it.")


def _digest_in(tar: tarfile.TarFile, member: tarfile.TarInfo) -> File:
    reader = tar.extractfile(member)
    sha256 = hashlib.sha256()
    while reader is not None and (piece := reader.read(_PIECE)):
        sha256.update(piece)
    return File(member.size, sha256.hexdigest())


def unpack(source: Path, folder: Path) -> None:
    """A tar file into an empty folder; nothing in it can lead elsewhere. Raises OSError, BadBackup."""
    try:
        with tarfile.open(source) as tar:
            tar.extractall(folder, filter="data")
    except tarfile.TarError as error:
        raise BadBackup(f"{source} is no whole tar file: {error}.") from None
