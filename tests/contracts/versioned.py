"""Short words for what the contract tests do to versions."""

from __future__ import annotations

from typing import Any

from proxy.backends.base import Backend
from proxy.backends.values import NULL_VERSION, Deletion, NewObject, ObjectInfo, Place
from proxy.errors import NoSuchKey, S3Error
from tests.bodies import Bytes, content


def put(
    backend: Backend, place: Place, key: str, version: str = NULL_VERSION, data: bytes = b"", **more: Any
) -> ObjectInfo:
    body = Bytes(data or version.encode())
    return backend.put(place, NewObject(key, version_id=version, **more), body)


def mark(backend: Backend, place: Place, key: str, version: str) -> ObjectInfo:
    (marker,) = backend.delete(place, [Deletion(key, version, marker=True, owner_id="o" * 64)])
    assert isinstance(marker, ObjectInfo)
    return marker


def remove(backend: Backend, place: Place, key: str, version: str) -> ObjectInfo | None:
    (gone,) = backend.delete(place, [Deletion(key, version)])
    assert not isinstance(gone, S3Error)
    return gone


def line(backend: Backend, place: Place, key: str = "k") -> list[str]:
    """Version ids of a key, the newest first; a `*` marks the latest, a `-` delete markers."""
    return [
        f"{'*' if info.latest else ''}{'-' if info.marker else ''}{info.version_id}"
        for info in backend.list_versions(place).versions
        if info.key == key
    ]


def found(backend: Backend, place: Place, key: str = "k") -> str:
    """What a plain GET gives; `-` if nothing."""
    try:
        return content(backend.open(place, key)).decode()
    except NoSuchKey:
        return "-"
