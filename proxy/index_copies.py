"""How old the regular copies of the indexes are: for scrapes, and for `manage.py store_check`."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.conf import settings

from proxy.backends.filesystem import copies
from proxy.backends.filesystem.root import places_in
from proxy.errors import S3Error
from proxy.metrics import Reading

AGE = "sluicegate_index_copy_age_seconds"
_HELP = "Since an index was last copied or found unchanged: the place where that is longest ago."
_OVERDUE = 2
"""A copy is old after so many times the hours after which it is due."""


def _folders(backend: str) -> list[Path]:
    """The folders of a backend's places; none if it has no indexes here, or is not to be read now."""
    options = settings.STORAGE["backends"][backend]
    if options["type"] != "filesystem":
        return []
    try:
        return [folder for folder, _ in places_in(Path(options["path"]))]
    except (OSError, S3Error):  # that the backend is not there is told by those whose matter it is
        return []


def readings() -> Iterator[Reading]:
    """A source for `proxy.metrics.register`; nothing while copies are switched off."""
    if not settings.INDEX_COPY_HOURS:
        return
    now = time.time_ns() // 1_000_000
    ages = [
        now - copies.last_seen_to(folder)
        for backend in settings.STORAGE["backends"]
        for folder in _folders(backend)
    ]
    yield Reading(AGE, _HELP, max(0, *ages, 0) / 1000)


def notes(backends: Iterable[str], now: int) -> Iterator[str]:
    """One line for each place whose copy is missing or old; `now` in milliseconds."""
    allowed = _OVERDUE * settings.INDEX_COPY_HOURS * 3_600_000
    if not allowed:
        return
    for backend in backends:
        for folder in _folders(backend):
            hours = (now - copies.last_seen_to(folder)) // 3_600_000
            if now - copies.last_seen_to(folder) > allowed:
                what = "was last copied" if copies.kept(folder) else "was never copied; it was made"
                yield f"{backend}/{folder.name}: index.db {what} {hours} hours ago"
