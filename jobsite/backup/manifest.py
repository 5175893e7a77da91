"""manifest.json: what a backup holds, and what was true when it was made; pure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from jobsite.sqlite.opening import Refused

NAME = "manifest.json"
FORMAT = 1
CONTROL = "control.db"
CONFIGURATION = "sluicegate.yaml"
BACKENDS = "backends"


class BadBackup(Refused):
    """What was given is no backup, or not a whole one; nothing was changed."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of the backup; `sha256` in hex digits, `size` in bytes."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class RouteRow:
    """Where a bucket was: the row of the control database, by what matters here."""

    bucket: str
    bucket_id: str
    backend: str
    real_bucket: str
    incarnation: str

    @property
    def folder(self) -> str:
        """How a filesystem backend calls the place."""
        return f"{self.real_bucket}~{self.incarnation}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """`files` by their path in the backup. `database` is "sqlite" or "postgresql" (which has a backup
    of its own). `places`: the id of each backend's physical place, as the control database knows it.
    `rows` by table. `left_out`: backends with indexes that could not be reached."""

    made: str
    database: str
    key_fingerprint: str
    files: dict[str, File]
    routes: list[RouteRow]
    places: dict[str, str]
    rows: dict[str, int]
    migrations: list[str]
    left_out: list[str]

    def text(self) -> str:
        """As JSON."""
        return json.dumps({"format": FORMAT} | asdict(self), indent=1, sort_keys=True) + "\n"


def read(text: str) -> Manifest:
    """Raises BadBackup."""
    try:
        found = json.loads(text)
        if found["format"] != FORMAT:
            raise BadBackup("The backup was written by a newer version of Sluicegate.")
        return Manifest(**{field.name: _value(field.name, found[field.name]) for field in fields(Manifest)})
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadBackup(f"{NAME} of the backup is damaged.") from None


def _value(name: str, value: Any) -> Any:
    if name == "files":
        return {_inner(path): File(int(file["size"]), str(file["sha256"])) for path, file in value.items()}
    if name == "routes":
        return [RouteRow(**{key: str(text) for key, text in row.items()}) for row in value]
    return value


def _inner(path: str) -> str:
    """Raises ValueError for a path that leads out of the backup."""
    if path.startswith("/") or ".." in path.split("/"):
        raise ValueError(path)
    return path
