"""The proof that a backup is whole and fits this installation, before anything relies on it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db.migrations.loader import MigrationLoader

from jobsite.backup import files, manifest
from jobsite.backup.manifest import CONTROL, BadBackup, Manifest
from jobsite.sqlite import keys, opening
from jobsite.sqlite.exporting import damages
from proxy.backends.filesystem.bucket import INDEX
from proxy.backends.filesystem.copies import is_whole
from proxy.backends.filesystem.workspace import Workspace, remove_abandoned


@contextlib.contextmanager
def opened(source: Path) -> Iterator[Path]:
    """The backup as a folder: a tar file is unpacked into the home for as long as this lasts, and what
    a kill left of that before is removed.

    Raises BadBackup, OSError.
    """
    if source.is_dir():
        yield source
        return
    if not source.is_file():
        raise BadBackup(f"{source} is not there.")
    parent = Path(settings.HOME) / "unpacked"
    parent.mkdir(mode=0o700, exist_ok=True)
    remove_abandoned(parent)
    space = Workspace(parent)
    try:
        files.unpack(source, space.path())
        yield space.path()
    finally:
        space.close()


def require_sound(folder: Path) -> Manifest:
    """Every file as the manifest says, every database whole, with a key that we have and migrations
    that we know. Raises BadBackup, ImproperlyConfigured, OSError."""
    try:
        found = manifest.read((folder / manifest.NAME).read_text())
    except FileNotFoundError:
        raise BadBackup(f"{folder} is no backup: it has no {manifest.NAME}.") from None
    for name, expected in found.files.items():
        _require_file(folder / name, name, expected)
    if CONTROL in found.files:
        _require_control(folder / CONTROL, found)
    for name in found.files:
        if name.endswith(f"/{INDEX}") and not is_whole(folder / name):
            raise BadBackup(f"{name} of the backup is damaged.")
    return found


def _require_file(path: Path, name: str, expected: manifest.File) -> None:
    try:
        found = files.digest(path)
    except FileNotFoundError:
        raise BadBackup(f"{name} is missing in the backup.") from None
    if found != expected:
        raise BadBackup(f"{name} of the backup is not what was written: its SHA-256 differs.")


def _require_control(path: Path, found: Manifest) -> None:
    connection = opening.connect(path, key_for(path, found))
    try:
        problems = damages(connection)
    finally:
        connection.close()
    if problems:
        raise BadBackup(f"{CONTROL} of the backup is damaged: {problems[0]}")
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    newer = sorted(set(found.migrations) - known)
    if newer:
        raise BadBackup(
            f"The backup was made by a newer version of Sluicegate: this one does not know the migration "
            f"{newer[0]}."
        )


def key_for(path: Path, found: Manifest) -> str:
    """The digits of the known key that opens a control database. Raises BadBackup."""
    known = keys.known()
    for key in known:
        if opening.opens(path, key.digits):
            return key.digits
    have = ", ".join(f"{keys.fingerprint(key.digits)} ({key.source})" for key in known) or "none"
    raise BadBackup(
        f"The backup was made with the key {found.key_fingerprint} (fingerprint), and here is {have}. Give "
        f"that key in {keys.VARIABLE} or in {Path(settings.HOME) / keys.FILE}; nothing was changed."
    )
