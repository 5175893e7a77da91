"""What the backends show at this moment, for `comparing`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import Error

from jobsite.backup.comparing import FoundBackend, FoundPlace
from jobsite.backup.manifest import BACKENDS, RouteRow
from proxy import routes
from proxy.backends.filesystem import copies
from proxy.backends.filesystem.bucket import INDEX
from proxy.backends.filesystem.root import places_in, shown_id
from proxy.errors import S3Error


def look(rows: Iterable[RouteRow], backup: Path | None) -> dict[str, FoundBackend]:
    """Every configured backend by name; `backup` is the folder of one that may have indexes."""
    asked = list(rows)
    found = {}
    for name, options in settings.STORAGE["backends"].items():
        try:
            if options["type"] == "filesystem":
                found[name] = _folder(Path(options["path"]), backup and backup / BACKENDS / name)
            else:
                found[name] = _any(name, [row for row in asked if row.backend == name])
        except S3Error as error:
            found[name] = FoundBackend("", error.message)
        except (OSError, Error, ImproperlyConfigured) as error:
            found[name] = FoundBackend("", str(error))
    return found


def _folder(root: Path, backup: Path | None) -> FoundBackend:
    shown = shown_id(root)
    if shown is None:
        return FoundBackend("", f"{root} does not show an id: is its disk mounted?")
    found = {}
    for folder, place in places_in(root):
        opens = copies.opens(folder / INDEX)
        spare = () if opens else tuple(str(path) for path in spares(folder, backup))
        found[place.bucket, place.incarnation] = FoundPlace(place.bucket_id, opens, spare)
    return FoundBackend(shown, places=found)


def spares(folder: Path, backup: Path | None) -> list[Path]:
    """The indexes that could be put back for a place, the best first: its own copies, then the backup's."""
    there = [*copies.kept(folder), *([backup / folder.name / INDEX] if backup else [])]
    return [path for path in there if copies.is_whole(path)]


def _any(name: str, rows: list[RouteRow]) -> FoundBackend:
    """A backend that answers for one real bucket at a time; what no route names stays unknown."""
    backend: Any = routes.backend(name)
    found = {
        (place.bucket, place.incarnation): FoundPlace(place.bucket_id)
        for real_bucket in sorted({row.real_bucket for row in rows})
        for place in backend.places(real_bucket)
    }
    return FoundBackend(backend.place_id, places=found, whole=False)
