"""What kinds that move bodies share: how much is done between two checkpoints, and large bodies in pieces."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from jobs.kinds.base import Item, Outcome
from jobs.kinds.steps import todo
from proxy.backends.base import ObjectReader, ReaderBody
from proxy.backends.values import ObjectInfo, PartInfo, UploadInfo
from proxy.errors import MethodNotAllowed, NoSuchKey, NoSuchUpload, NoSuchVersion
from proxy.store import Store

GONE = (NoSuchKey, NoSuchVersion, MethodNotAllowed)
"""What a place says of a version that it does not have, or that is a delete marker by now."""

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is done between two checkpoints.

    Bodies above `large_bytes` are moved (and verified) in pieces of `part_bytes`, so that a
    slice can end inside an object. A page holds at most `page_items` items and, unless its
    first item alone is larger, `page_bytes` bytes. `page_entries` are looked at together where
    no body moves.
    """

    large_bytes: int = 64 * MIB
    part_bytes: int = 64 * MIB
    page_items: int = 250
    page_bytes: int = 128 * MIB
    page_entries: int = 1000


MOST_PARTS = 10_000
LEAST_PART_BYTES = 5 * MIB
"""Of every part but the last. Source: Amazon S3 User Guide, "Amazon S3 multipart upload limits"."""
MOST_AT_ONCE = 1024 * MIB
"""A larger part is not copied as one piece: what an interrupted attempt has to do again stays bounded."""

COLLECTING = ("copy-", "replica-", "reseal-", "transition-")
"""What the ids of uploads begin with in which jobs collect pieces; a client's does not."""

_MD5 = re.compile(r"[0-9a-f]{32}")
_MULTIPART = re.compile(r"([0-9a-f]{32})-([0-9]+)")


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes [start, end) of a body, and their MD5 in hex if the ETag tells it.

    Without one the bytes are compared with those of the source.
    """

    start: int
    end: int
    md5: str | None = None


def pieces(info: ObjectInfo, limits: Limits, least_bytes: int = 0) -> Iterator[Span]:
    """The parts of the original where a service would take them, so that its own ETag is the original's.

    Else pieces of one size, in order and without gaps, none but the last smaller than `least_bytes`.
    """
    if parts_fit(info):
        start = 0
        for part in info.parts:
            yield Span(start, start + part.size, part.etag)
            start += part.size
        return
    length = max(piece_bytes(info.size, limits), least_bytes)
    for start in range(0, info.size, length):
        yield Span(start, min(start + length, info.size))


def bounded(info: ObjectInfo, limits: Limits) -> ObjectInfo:
    """Its own parts are the pieces, unless one would take too long; then they are of one size."""
    longest = max((part.size for part in info.parts), default=0)
    return replace(info, parts=()) if longest > limits.part_bytes else info


def page_of_pieces(
    info: ObjectInfo, offset: int, limits: Limits, least_bytes: int = 0
) -> list[tuple[int, Span]]:
    """The pieces of a page from `offset` on, with their part numbers: at least one, unless it is the end."""
    taken: list[tuple[int, Span]] = []
    for number, piece in enumerate(pieces(info, limits, least_bytes), 1):
        if piece.start < offset:
            continue
        if taken and piece.start - offset >= limits.page_bytes:
            break
        taken.append((number, piece))
    return taken


def collecting(upload_id: str, info: ObjectInfo, now_ms: int) -> UploadInfo:
    """The upload that collects the pieces of an object, and has its facts."""
    return UploadInfo(
        upload_id=upload_id,
        key=info.key,
        initiated=now_ms,
        headers=info.headers,
        metadata=info.metadata,
        tags=info.tags,
        owner_id=info.owner_id,
        lock=info.lock,
        acl=info.acl,
    )


def piece_items(key: str, taken: Iterable[tuple[int, Span]], **same: Any) -> list[Item]:
    """What `copy_piece` needs to know of each piece; `same`: what is so for all of them."""
    return [
        todo(
            "piece",
            key,
            piece.end - piece.start,
            **same,
            number=number,
            start=piece.start,
            end=piece.end,
            md5=piece.md5,
        )
        for number, piece in taken
    ]


def copy_piece(reader: ObjectReader, target: Store, item: Item, pulse: Callable[[], None]) -> Outcome:
    """Write a piece of what is read into its upload; one whose MD5 is known must have it. Raises S3Error.

    Where nothing has to come through here, the target's service may copy it by itself.
    """
    data, md5 = item.data, item.data.get("md5")
    body = ReaderBody(reader, data["start"], data["end"], pulse=pulse)
    part = None if md5 is None else PartInfo(data["number"], item.size, md5, reader.info.last_modified)
    target.put_part(data["upload"], data["number"], body, part)
    return Outcome(objects=0, size=item.size)


def parts_fit(info: ObjectInfo) -> bool:
    """Whether the ETag is that of the parts, and each could be a part on a service."""
    sizes = [part.size for part in info.parts]
    if not sizes or len(sizes) > MOST_PARTS or max(sizes) > MOST_AT_ONCE:
        return False
    return min(sizes[:-1], default=LEAST_PART_BYTES) >= LEAST_PART_BYTES and etag_is_of_parts(info)


def piece_bytes(size: int, limits: Limits) -> int:
    """The size of equal pieces: whole MiB above the limit, at most MOST_PARTS of them."""
    least = -(-size // MOST_PARTS)
    return limits.part_bytes if least <= limits.part_bytes else -(-least // MIB) * MIB


def etag_is_of_parts(info: ObjectInfo) -> bool:
    """Whether the ETag follows from the parts, and the parts make up the whole body."""
    told = _MULTIPART.fullmatch(info.etag)
    if told is None or int(told[2]) != len(info.parts):
        return False
    if sum(part.size for part in info.parts) != info.size:
        return False
    if not all(_MD5.fullmatch(part.etag) for part in info.parts):
        return False
    digests = b"".join(bytes.fromhex(part.etag) for part in info.parts)
    return hashlib.md5(digests, usedforsecurity=False).hexdigest() == told[1]


def is_md5(etag: str) -> bool:
    """Whether an ETag of a part is the MD5 of its bytes."""
    return _MD5.fullmatch(etag) is not None


def uploads_left(store: Store, prefix: str, own: str) -> Iterator[UploadInfo]:
    """The open uploads below a prefix of keys whose ids begin with `own`. Raises what listing raises."""
    after: tuple[str, str] | None = ("", "")
    while after is not None:
        listing = store.list_uploads(prefix=prefix, after=after)
        yield from (upload for upload in listing.uploads if upload.upload_id.startswith(own))
        after = listing.last


def all_parts(store: Store, upload_id: str, after: int = 0) -> Iterable[PartInfo]:
    """The parts of an open upload; none if it is gone."""
    more = True
    while more:
        try:
            parts, more = store.list_parts(upload_id, after=after)
        except NoSuchUpload:
            return
        yield from parts
        after = parts[-1].number if parts else after
        more = more and bool(parts)
