"""Listings of multipart uploads, from our own rows."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.backends.s3 import upload_rows as table
from proxy.backends.s3.entries import behind_all_of
from proxy.backends.s3.listing import Asked
from proxy.backends.s3.upload_rows import BEFORE_ALL, Position, UploadRow
from proxy.backends.s3.uploads import is_expired
from proxy.backends.values import Place, UploadInfo, UploadListing

Entry = UploadRow | str

_LATEST = 1 << 62


def list_uploads(
    place: Place, asked: Asked, after: tuple[str, str], limit: int, *, finished: bool, now: int
) -> UploadListing:
    """See `Backend.list_uploads`."""
    if limit < 1:
        return UploadListing((), (), None)
    found: list[Entry] = []
    for entry in _entries(place, asked, after, finished, now):
        found.append(entry)
        if len(found) > limit:
            break
    page = found[:limit]
    uploads: tuple[UploadInfo, ...] = tuple(entry.info for entry in page if isinstance(entry, UploadRow))
    prefixes = tuple(entry for entry in page if isinstance(entry, str))
    return UploadListing(uploads, prefixes, _name(page[-1]) if len(found) > limit else None)


def _entries(place: Place, asked: Asked, after: tuple[str, str], finished: bool, now: int) -> Iterator[Entry]:
    position: Position | None = max(_start(place, asked, after), _behind_none(asked.prefix))
    while position is not None:
        rows = table.walk(place, position)
        position = None
        for row in rows:
            if not row.key.startswith(asked.prefix):
                return
            if (row.finished is not None and not finished) or is_expired(row, now):
                continue
            common = asked.common_prefix(row.key)
            yield common or row
            if common:
                position = (behind_all_of(common).encode(), _LATEST, "")
                break


def _behind_none(prefix: str) -> Position:
    return (prefix.encode(), -1, "")


def _start(place: Place, asked: Asked, after: tuple[str, str]) -> Position:
    key, upload_id = after
    if not key and not upload_id:
        return BEFORE_ALL
    common = asked.common_prefix(key)
    if common:
        return (behind_all_of(common).encode(), _LATEST, "")
    if not upload_id:
        return (key.encode(), _LATEST, "")
    row = table.find(place, upload_id)
    return row.position if row is not None and row.key == key else (key.encode(), -1, "")


def _name(entry: Entry) -> tuple[str, str]:
    return (entry, "") if isinstance(entry, str) else (entry.key, entry.upload_id)
