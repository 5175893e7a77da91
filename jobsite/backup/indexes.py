"""One lost or damaged index.db, put back from the place's own copies or from a backup."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import connection

from jobsite.backup import facts
from jobsite.backup.looking import spares
from jobsite.backup.manifest import BACKENDS, RouteRow
from jobsite.sqlite.opening import Refused
from proxy.backends.filesystem import copies
from proxy.backends.filesystem.bucket import INDEX
from proxy.backends.filesystem.putting_back import PutBack, put_back
from proxy.backends.filesystem.root import shown_id
from proxy.backends.values import Place


@dataclass(frozen=True, slots=True)
class Repair:
    """Which index is to be put back, and from where."""

    route: RouteRow
    folder: Path
    source: Path

    def carry_out(self, now: datetime) -> PutBack:
        """To be called under `offline`. Raises S3Error."""
        place = Place(self.route.bucket_id, self.route.real_bucket, self.route.incarnation)
        return put_back(self.folder, place, self.source, f"{now:%Y%m%dT%H%M%SZ}")


def plan(bucket: str, backup: Path | None) -> Repair:
    """Raises Refused if there is nothing to put back, or nothing that could be; database errors."""
    ask = facts.of_django(connection)
    route = next((row for row in facts.routes(ask) if row.bucket == bucket), None)
    if route is None:
        raise Refused(f"There is no bucket {bucket}.")
    root = _root(route, facts.places(ask))
    folder = root / route.folder
    if copies.is_whole(folder / INDEX):
        raise Refused(f"The index of {bucket} opens and is not damaged: there is nothing to put back.")
    found = spares(folder, backup and backup / BACKENDS / route.backend)
    if not found:
        where = "in the backup or beside it" if backup else "beside it; name a backup if you have one"
        raise Refused(f"There is no whole copy of the index of {bucket} {where}.")
    return Repair(route, folder, found[0])


def _root(route: RouteRow, known: dict[str, str]) -> Path:
    options = settings.STORAGE["backends"].get(route.backend)
    if options is None or options["type"] != "filesystem":
        raise Refused(f"{route.bucket} is on {route.backend}, which has no index here.")
    root = Path(options["path"])
    if shown_id(root) != known.get(route.backend):
        raise Refused(f"{root} is not the place that is known as {route.backend}: is its disk mounted?")
    return root
