"""Writing a backup while everything is in use: grown under another name, verified, then renamed."""

from __future__ import annotations

import logging
import secrets
import shutil
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from jobsite.backup import facts, files
from jobsite.backup.checking import require_sound
from jobsite.backup.manifest import BACKENDS, CONFIGURATION, CONTROL, NAME, Manifest
from jobsite.config import without_secrets
from jobsite.first_start import sync_folder
from jobsite.sqlite import keys, opening
from jobsite.sqlite.exporting import export, settle, verify
from jobsite.sqlite.opening import Refused
from proxy.backends.filesystem.bucket import IDENTITY, INDEX
from proxy.backends.filesystem.copies import copy_out
from proxy.backends.filesystem.root import IDENTITY as ROOT_IDENTITY
from proxy.backends.filesystem.root import places_in, shown_id
from proxy.errors import BackendUnavailable, S3Error

log = logging.getLogger(__name__)

TAR = ".tar"


@dataclass
class _Gathered:
    """What the parts of a backup found out."""

    fingerprint: str = ""
    rows: dict[str, int] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def write_backup(target: Path, now: datetime) -> Manifest:
    """Write and verify a backup: a folder, or a tar file if the name ends so. Neither may exist.

    A kill leaves a folder `.NAME.partial-...` beside the target and nothing under its name. Raises
    Refused, S3Error (StorageFull), OSError, the libraries' errors.
    """
    target = target.absolute()
    if target.exists():
        raise Refused(f"{target} exists already; nothing was written.")
    if not target.parent.is_dir():
        raise Refused(f"{target.parent} is not there; nothing was written.")
    stage = target.parent / f".{target.name}.partial-{secrets.token_hex(4)}"
    stage.mkdir(mode=0o700)
    packed = stage.with_name(stage.name + TAR)
    try:
        made = _fill(stage, now)
        require_sound(stage)
        if target.suffix == TAR:
            files.pack(stage, packed)
            packed.rename(target)
        else:
            stage.rename(target)
        sync_folder(target.parent)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        packed.unlink(missing_ok=True)
    return made


def _fill(stage: Path, now: datetime) -> Manifest:
    gathered = _Gathered()
    # The control database first: a bucket that is made meanwhile is a place that no route names.
    ask = _control(stage, gathered) if connection.vendor == "sqlite" else facts.of_django(connection)
    files.write(stage / CONFIGURATION, without_secrets(Path(settings.CONFIG_PATH).read_bytes()))
    places = facts.places(ask)
    for name, options in settings.STORAGE["backends"].items():
        if options["type"] == "filesystem" and name in places:  # (else it was never used)
            _backend(stage / BACKENDS / name, name, Path(options["path"]), gathered)
    made = Manifest(
        made=now.isoformat(timespec="seconds"),
        database=connection.vendor,
        key_fingerprint=gathered.fingerprint,
        files={name: files.digest(path) for name, path in files.inside(stage)},
        routes=facts.routes(ask),
        places=places,
        rows=gathered.rows,
        migrations=facts.migrations(ask),
        left_out=gathered.left_out,
    )
    files.write(stage / NAME, made.text().encode())
    files.sync_tree(stage)
    return made


def _control(stage: Path, gathered: _Gathered) -> facts.Ask:
    """The control database under the key that it has; how to ask the copy."""
    path, target = Path(connection.settings_dict["NAME"]), stage / CONTROL
    key = opening.key_of(path)
    source = opening.connect(path, key.digits)
    try:
        held = export(source, target, key.digits)
    finally:
        source.close()
    verify(target, key.digits, held)
    settle(target)
    gathered.fingerprint, gathered.rows = keys.fingerprint(key.digits), held.rows
    return _asking(target, key.digits)


def _asking(path: Path, digits: str) -> facts.Ask:
    def ask(query: str) -> list[tuple[Any, ...]]:
        copy = opening.connect(path, digits)
        try:
            return facts.of_file(copy)(query)
        finally:
            copy.close()

    return ask


def _backend(stage: Path, name: str, root: Path, gathered: _Gathered) -> None:
    """The indexes of every place of a backend, one after the other."""
    try:
        there = shown_id(root) is not None
    except (S3Error, OSError):
        there = False
    if not there:
        gathered.left_out.append(name)
        return
    stage.mkdir(mode=0o700, parents=True)
    files.copy(root / ROOT_IDENTITY, stage / ROOT_IDENTITY)
    for folder, _ in places_in(root):
        if not _place(stage / folder.name, folder) and folder.exists():
            gathered.left_out.append(f"{name}/{folder.name}")


def _place(stage: Path, folder: Path) -> bool:
    """False if its index is lost or damaged; or the bucket was deleted at this moment."""
    stage.mkdir(mode=0o700)
    try:
        copy_out(folder, stage / INDEX)
        files.copy(folder / IDENTITY, stage / IDENTITY)
    except (BackendUnavailable, FileNotFoundError) as error:
        log.warning("%s is not in the backup: %s", folder, error)
        shutil.rmtree(stage)
        return False
    return True
