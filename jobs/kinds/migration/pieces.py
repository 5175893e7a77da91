"""In which pieces a large body is copied. Pure.

Source of the limits: Amazon S3 User Guide, "Amazon S3 multipart upload limits".
"""

from __future__ import annotations

from collections.abc import Iterator

from jobs.kinds.migration.facts import Span, etag_is_of_parts
from jobs.kinds.migration.ground import MIB, Limits
from proxy.backends.values import ObjectInfo

MOST_PARTS = 10_000
LEAST_PART_BYTES = 5 * MIB
"""Of every part but the last."""
MOST_AT_ONCE = 1024 * MIB
"""A larger part is not copied as one piece: what an interrupted attempt has to do again stays bounded."""


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
