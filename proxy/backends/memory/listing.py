"""Listings: everything is sorted anew for each page."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from proxy.backends.seals import Seal, SealEntry
from proxy.backends.values import (
    STORAGE_CLASS,
    UNLOCKED,
    Listing,
    ObjectInfo,
    UploadInfo,
    UploadListing,
    VersionListing,
)

T = TypeVar("T")


def objects_page(found: Iterable[ObjectInfo], prefix: str, delimiter: str, after: str, limit: int) -> Listing:
    """`found`: what a plain GET finds, in any order."""
    infos = sorted(found, key=lambda info: info.key.encode())
    entries = _rolled_up(infos, lambda info: info.key, prefix, delimiter, after)
    objects, prefixes, last = _cut(entries, limit)
    return Listing(tuple(map(_shown, objects)), prefixes, last.key if isinstance(last, ObjectInfo) else last)


def versions_page(
    found: Iterable[ObjectInfo], prefix: str, delimiter: str, after: tuple[str, str], limit: int
) -> VersionListing:
    """`found`: all versions and delete markers, in any order."""
    infos = sorted(found, key=_version_order)
    key, version = after
    if version and not _is_under(key, prefix, delimiter):
        marker = [_version_order(info) for info in infos if (info.key, info.version_id) == after]
        position = marker[0] if marker else (key.encode(), _FIRST)
        infos = [info for info in infos if _version_order(info) > position]
        key = ""
    objects, prefixes, last = _cut(_rolled_up(infos, lambda info: info.key, prefix, delimiter, key), limit)
    return VersionListing(
        tuple(map(_shown, objects)),
        prefixes,
        (last.key, last.version_id) if isinstance(last, ObjectInfo) else (last, "") if last else None,
    )


def uploads_page(
    found: Iterable[UploadInfo],
    prefix: str,
    delimiter: str,
    after: tuple[str, str],
    limit: int,
    marker: UploadInfo | None,
) -> UploadListing:
    """`found` in any order; `marker`: the upload that `after` names, if there is one still."""
    infos = sorted(found, key=_upload_order)
    key, upload_id = after
    if upload_id and not _is_under(key, prefix, delimiter):
        position = _upload_order(marker) if marker else (key.encode(), -1, "")
        infos = [info for info in infos if _upload_order(info) > position]
        key = ""
    uploads, prefixes, last = _cut(_rolled_up(infos, lambda info: info.key, prefix, delimiter, key), limit)
    return UploadListing(
        tuple(uploads),
        prefixes,
        (last.key, last.upload_id) if isinstance(last, UploadInfo) else (last, "") if last else None,
    )


def seal_entry(info: ObjectInfo, now: int) -> SealEntry:
    """How a version is sealed."""
    seal = info.seal or Seal("")
    return SealEntry(
        info.key, info.version_id, info.size, seal.wrap, info.lock.binds(now), info.latest,
        etag=info.etag, segments=seal.segments,
    )  # fmt: skip


_FIRST = (-(1 << 63), ())


def _version_order(info: ObjectInfo) -> tuple[bytes, tuple[int, tuple[int, ...]]]:
    """Keys ascending, and within a key the greatest (ordinal, version id) first."""
    return info.key.encode(), (-info.ordinal, (*(-byte for byte in info.version_id.encode()), 1))


def _upload_order(info: UploadInfo) -> tuple[bytes, int, str]:
    return info.key.encode(), info.initiated, info.upload_id


def _is_under(key: str, prefix: str, delimiter: str) -> bool:
    """Whether a key is shown as a common prefix."""
    return bool(delimiter) and key.startswith(prefix) and delimiter in key[len(prefix) :]


def _shown(info: ObjectInfo) -> ObjectInfo:
    headers = {name: value for name, value in info.headers.items() if name == STORAGE_CLASS}
    return replace(info, headers=headers, metadata={}, tags={}, parts=(), lock=UNLOCKED, acl="", seal=None)


def _cut(entries: list[T | str], limit: int) -> tuple[list[T], tuple[str, ...], T | str | None]:
    """The items and the prefixes of a page, and its last entry unless nothing follows."""
    page = entries[: max(limit, 0)]
    last = page[-1] if page and len(entries) > len(page) else None
    items = [entry for entry in page if not isinstance(entry, str)]
    return items, tuple(entry for entry in page if isinstance(entry, str)), last


def _rolled_up(
    items: Iterable[T], key_of: Callable[[T], str], prefix: str, delimiter: str, after: str
) -> list[T | str]:
    """What a listing shows after `after`, in order: items, and common prefixes as text."""
    entries: list[T | str] = []
    for item in items:
        key = key_of(item)
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        shown = key if at < 0 else key[: at + len(delimiter)]
        if not key.startswith(prefix) or shown.encode() <= after.encode():
            continue
        if at < 0:
            entries.append(item)
        elif shown not in entries[-1:]:
            entries.append(shown)
    return entries
