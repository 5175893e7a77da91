"""What a decision was made by, as JSON: so an effect knows what it may still find, and what not."""

from __future__ import annotations

from typing import Any

from proxy.backends.values import ObjectInfo, Precondition
from proxy.store import Store


def pack(info: ObjectInfo) -> list[Any]:
    """The facts that a listing tells of a version."""
    return [
        info.key, info.version_id, info.size, info.etag, info.last_modified, info.seq, info.marker,
        info.latest, info.ordinal,
    ]  # fmt: skip


def unpack(told: list[Any]) -> ObjectInfo:
    key, version_id, size, etag, modified, seq, marker, latest, ordinal = told
    return ObjectInfo(
        key,
        size,
        etag,
        modified,
        seq,
        version_id=version_id,
        marker=bool(marker),
        latest=bool(latest),
        ordinal=ordinal,
    )


def unchanged(store: Store, info: ObjectInfo) -> Precondition:
    """Holds while the version is what was looked at.

    Where the service shows ETags of its own, sizes and times must tell: it judges them by a look, and
    makes the removal depend on what it then saw wherever it can.
    """
    etags = (info.etag,) if store.backend.counts_changes and not info.marker else ()
    return Precondition(etags=etags, size=info.size, modified=info.last_modified, seq_at_most=info.seq)
