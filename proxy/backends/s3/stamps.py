"""What an object on a service says of itself beyond what the service can tell. Pure.

It is stamped on the object as one piece of reserved metadata, and kept in the control database
under the same form. The object is the truth; what has no room there, or is not known before the
bytes are, is in the database alone (`late`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from proxy.backends.seals import Seal, SealedSegment
from proxy.backends.values import ObjectInfo, PartInfo
from proxy.errors import InvalidArgument, MetadataTooLarge
from proxy.wire.headers import MAX_METADATA_BYTES

RESERVED_METADATA = "sluicegate-"
"""User metadata that begins so is refused and never shown."""

STAMP = RESERVED_METADATA + "facts"

MAX_VALUE_BYTES = 1900
"""One stamp must leave room for its name and stay a header that every service takes."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """None and "" mean: as the service says. `upload` is our id of the multipart upload that made it.

    With `late` some of it was not known, or had no room, when the object was written.
    """

    size: int | None = None
    etag: str | None = None
    modified: int | None = None
    owner_id: str = ""
    acl: str = ""
    checksums: Mapping[str, str] = field(default_factory=dict)
    checksum_type: str = ""
    parts: tuple[PartInfo, ...] = ()
    seal: Seal | None = None
    upload: str = ""
    late: bool = False


UNSTAMPED = Stamp()


def of_info(info: ObjectInfo, backend_etag: str | None, *, upload: str = "") -> Stamp:
    """Everything that is known of an object. `backend_etag`: None if it is not known yet.

    An ETag that is the service's own is not repeated.
    """
    return Stamp(
        size=info.size if info.seal is not None else None,
        etag=None if info.etag == backend_etag and info.seal is None else info.etag,
        modified=info.last_modified,
        owner_id=info.owner_id,
        acl=info.acl,
        checksums=info.checksums,
        checksum_type=info.checksum_type,
        parts=info.parts,
        seal=info.seal,
        upload=upload,
    )


# -- as text -------------------------------------------------------------------------------


def to_text(stamp: Stamp) -> str:
    """Compact JSON in ASCII; "" for a stamp that says nothing."""
    said = {
        "s": stamp.size,
        "e": stamp.etag,
        "m": stamp.modified,
        "o": stamp.owner_id or None,
        "a": stamp.acl or None,
        "c": dict(stamp.checksums) or None,
        "t": stamp.checksum_type or None,
        "p": [_of_part(part) for part in stamp.parts] or None,
        "w": stamp.seal.wrap if stamp.seal else None,
        "g": [_of_segment(segment) for segment in stamp.seal.segments] or None if stamp.seal else None,
        "u": stamp.upload or None,
        "l": 1 if stamp.late else None,
    }
    kept = {name: value for name, value in said.items() if value is not None}
    return json.dumps(kept, separators=(",", ":")) if kept else ""


def from_text(text: str) -> Stamp:
    """What `to_text` wrote; UNSTAMPED for what it did not write."""
    try:
        said = json.loads(text) if text else {}
        return _stamp(said) if isinstance(said, dict) else UNSTAMPED
    except (ValueError, TypeError, LookupError, AttributeError):
        return UNSTAMPED


def _stamp(said: dict[str, Any]) -> Stamp:
    segments = tuple(SealedSegment(str(one[0]), int(one[1]), int(one[2])) for one in said.get("g", ()))
    return Stamp(
        size=said.get("s"),
        etag=said.get("e"),
        modified=said.get("m"),
        owner_id=said.get("o", ""),
        acl=said.get("a", ""),
        checksums=dict(said.get("c", {})),
        checksum_type=said.get("t", ""),
        parts=tuple(_part(number, one) for number, one in enumerate(said.get("p", ()), 1)),
        seal=Seal(said["w"], segments) if "w" in said else None,
        upload=said.get("u", ""),
        late=bool(said.get("l")),
    )


def _of_part(part: PartInfo) -> list[Any]:
    """(The parts of a finished object are numbered from 1, and have no segments of their own.)"""
    short = [part.size, part.etag, part.last_modified]
    return [*short, dict(part.checksums)] if part.checksums else short


def _part(number: int, one: Sequence[Any]) -> PartInfo:
    return PartInfo(number, int(one[0]), str(one[1]), int(one[2]), dict(one[3]) if len(one) > 3 else {})


def _of_segment(segment: SealedSegment) -> list[Any]:
    return [segment.body_id, segment.size, segment.stored]


# -- as metadata ---------------------------------------------------------------------------


def refuse_reserved(metadata: Mapping[str, str]) -> None:
    """Raises InvalidArgument for user metadata that looks like a stamp."""
    for name in metadata:
        if name.startswith(RESERVED_METADATA):
            raise InvalidArgument(
                f"Metadata that begins with {RESERVED_METADATA!r} is reserved in this bucket.",
                fields={"ArgumentName": f"x-amz-meta-{name}"},
            )


def stamped(metadata: Mapping[str, str], stamp: Stamp) -> dict[str, str]:
    """User metadata and stamp together, within what S3 allows for both.

    What is not needed to tell the object right goes first if the room is too small: layouts of parts
    and segments, then checksums; the stamp is `late` then. Raises MetadataTooLarge if even that is too much.
    """
    used = sum(len(name) + len(value) for name, value in metadata.items()) + len(STAMP)
    room = min(MAX_METADATA_BYTES - used, MAX_VALUE_BYTES)
    for shorter in _shorter(stamp):
        text = to_text(shorter)
        if not text:
            return dict(metadata)
        if len(text) <= room:
            return {**metadata, STAMP: text}
    left = max(MAX_METADATA_BYTES - len(STAMP) - len(text), 0)
    raise MetadataTooLarge(
        "The storage of this bucket keeps facts of the gateway's in the metadata of each object:"
        f" {left} bytes are left for yours.",
        fields={"Size": str(used - len(STAMP)), "MaxSizeAllowed": str(left)},
    )


def _shorter(stamp: Stamp) -> list[Stamp]:
    bare = None if stamp.seal is None else replace(stamp.seal, segments=())
    without_layout = replace(stamp, parts=(), seal=bare, late=True)
    return [stamp, without_layout, replace(without_layout, checksums={}, checksum_type="")]


def of_metadata(metadata: Mapping[str, str]) -> Stamp:
    """The stamp that an answer's metadata has."""
    return from_text(metadata.get(STAMP, ""))


def shown(metadata: Mapping[str, str]) -> dict[str, str]:
    """What clients see."""
    return {name: value for name, value in metadata.items() if not name.startswith(RESERVED_METADATA)}
