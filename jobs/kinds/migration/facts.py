"""Pure comparisons: what differs between a thing and its copy, and how a body is proved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from jobs.kinds.pieces import Span, etag_is_of_parts, is_md5
from proxy.backends.values import ObjectInfo, PartInfo, UploadInfo
from proxy.wire.headers import DEFAULT_CONTENT_TYPE

OBJECT_FACTS = (
    "size", "etag", "last_modified", "headers", "metadata", "tags", "owner_id",
    "checksums", "checksum_type", "parts", "version_id", "lock", "acl",
)  # fmt: skip
LISTED_FACTS = ("marker", "size", "etag", "last_modified", "owner_id")
ROUGH_FACTS = ("marker", "size")
LINE_FACTS = ("version_id", "ordinal", "latest")
"""What says where a version stands among those of its key."""
ENTRY_FACTS = (*LISTED_FACTS, "version_id", "ordinal")
"""What a listing tells of a version by itself, whatever others there are."""
PART_FACTS = ("number", "size", "etag", "last_modified", "checksums")
UPLOAD_FACTS = (
    "key", "initiated", "headers", "metadata", "tags", "owner_id", "checksum_algorithm", "checksum_type",
    "lock", "acl",
)  # fmt: skip


def object_difference(source: ObjectInfo, target: ObjectInfo) -> str | None:
    """The first fact in which a copy differs from its source, in words; None if there is none."""
    return _difference(OBJECT_FACTS, source, target)


def listed_difference(
    source: ObjectInfo, target: ObjectInfo, *, in_line: bool, roughly: bool = False
) -> str | None:
    """As `object_difference`, of the facts that a listing tells; `in_line`: of the order too.

    `roughly`: some services list another ETag or time than they answer; what they answer counts.
    """
    listed = ROUGH_FACTS if roughly and not source.marker else LISTED_FACTS
    return _difference((*listed, *LINE_FACTS) if in_line else listed, source, target)


def same_entry(source: ObjectInfo, target: ObjectInfo) -> bool:
    """Whether two versions are listed alike, whatever other versions their keys have."""
    return _difference(ENTRY_FACTS, source, target) is None


def part_difference(source: PartInfo, target: PartInfo) -> str | None:
    return _difference(PART_FACTS, source, target)


def upload_difference(source: UploadInfo, target: UploadInfo) -> str | None:
    """The first difference of two uploads, of the objects that they became too."""
    found = _difference(UPLOAD_FACTS, source, target)
    if found is not None:
        return found
    if source.completed is None or target.completed is None:
        return None if source.completed is target.completed else "completed"
    return _difference(("key", "size", "etag", "version_id"), source.completed, target.completed)


def _difference(names: Sequence[str], source: object, target: object) -> str | None:
    for name in names:
        there, here = _told(source, name), _told(target, name)
        if there != here:
            return f"{name} is {_shown(here)}, the source has {_shown(there)}"
    return None


def _told(of: object, name: str) -> object:
    """A fact as clients are told it: an object without a type has the default one."""
    value = getattr(of, name)
    return {"content-type": DEFAULT_CONTENT_TYPE, **value} if name == "headers" else value


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else text[:197] + "..."


def spans(info: ObjectInfo, piece_bytes: int) -> Iterator[Span]:
    """How a body is proved against its ETag, in order and without gaps.

    Source: Amazon S3 User Guide, "Checking object integrity": the ETag of an object put whole
    is the MD5 of its bytes, that of a multipart object the MD5 of its parts' MD5s and a count.
    An ETag that is neither proves nothing; then the source's own bytes do, `piece_bytes` at a time.
    """
    if is_md5(info.etag) and not info.parts:
        yield Span(0, info.size, info.etag)
    elif etag_is_of_parts(info):
        start = 0
        for part in info.parts:
            yield Span(start, start + part.size, part.etag)
            start += part.size
    else:
        for start in range(0, info.size, piece_bytes):
            yield Span(start, min(start + piece_bytes, info.size))
