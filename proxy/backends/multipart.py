"""The rules of CompleteMultipartUpload, pure and the same for every backend.

Source: Amazon S3 API Reference, CompleteMultipartUpload; Amazon S3 User Guide, "Amazon S3
multipart upload limits" and "Checking object integrity".
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from proxy.backends.seals import UNENCRYPTED, Seal
from proxy.backends.values import (
    ObjectInfo,
    PartInfo,
    PartRequest,
    UploadInfo,
)
from proxy.errors import (
    BadDigest,
    EntityTooSmall,
    InvalidArgument,
    InvalidPart,
    InvalidPartOrder,
    InvalidRequest,
    MalformedXML,
)
from proxy.wire.checksums import combine, composite

MIN_PART_BYTES = 5 * 1024 * 1024
"""Every part but the last."""
MAX_PARTS = 10_000
COMPLETION_MS = 24 * 3600 * 1000
"""How long a repeated Complete gets the first answer."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What the finished object says about itself, and the parts that it is made of, in order."""

    parts: tuple[PartInfo, ...]
    size: int
    etag: str
    checksums: Mapping[str, str] = field(default_factory=dict)
    checksum_type: str = ""

    def object(self, key: str, now: int) -> ObjectInfo:
        """What is finished now. Its parts count from 1 without gaps: what `partNumber` reads."""
        parts = tuple(replace(part, number=n, segment=None) for n, part in enumerate(self.parts, 1))
        return ObjectInfo(
            key, self.size, self.etag, now, parts=parts,
            checksums=self.checksums, checksum_type=self.checksum_type,
        )  # fmt: skip


def check_part_number(number: int) -> None:
    """Raises InvalidArgument outside 1 to 10,000."""
    if not 1 <= number <= MAX_PARTS:
        raise InvalidArgument(
            f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive",
            fields={"ArgumentName": "partNumber", "ArgumentValue": str(number)},
        )


def plan_completion(
    upload: UploadInfo,
    uploaded: Mapping[int, PartInfo],
    requested: Iterable[PartRequest],
    *,
    expected: Mapping[str, str] | None = None,
    carried: ObjectInfo | None = None,
) -> Completion:
    """Check what was asked against what was uploaded.

    Raises InvalidPartOrder, InvalidPart, EntityTooSmall, BadDigest, InvalidRequest (a checksum
    is expected that these parts cannot give), MalformedXML (no parts, or too many).
    """
    asked = tuple(requested)
    if not 1 <= len(asked) <= MAX_PARTS:
        raise MalformedXML()
    if any(left.number >= right.number for left, right in pairwise(asked)):
        raise InvalidPartOrder()
    parts = tuple(_chosen(upload, uploaded, part, carried is not None) for part in asked)
    size = sum(part.size for part in parts)
    if carried is not None:
        if size != carried.size:
            raise BadDigest("The parts are not the object that they are a copy of.")
        return Completion(parts, size, carried.etag, carried.checksums, carried.checksum_type)
    _refuse_small(parts)
    checksums = _object_checksums(upload, parts)
    _confirm(parts, checksums, expected or {})
    return Completion(
        parts, size, multipart_etag(parts), checksums, upload.checksum_type if checksums else ""
    )


def finished_as(upload: UploadInfo, said: ObjectInfo, version_id: str, kept: ObjectInfo | None) -> ObjectInfo:
    """`said`, with what the upload was begun with; one that is `kept` keeps its version id and lock.

    How the body is sealed is not said yet.
    """
    return replace(
        said,
        key=upload.key,
        headers=upload.headers,
        metadata=upload.metadata,
        tags=upload.tags,
        owner_id=upload.owner_id,
        acl=upload.acl,
        version_id=kept.version_id if kept else version_id,
        lock=kept.lock if kept else upload.lock,
        seal=None,
        encryption=UNENCRYPTED,
    )


def as_object(upload: UploadInfo, part: PartInfo) -> ObjectInfo:
    """An uploaded part as what a reader of it shows."""
    seal = Seal(upload.seal.wrap, (part.segment,)) if upload.seal and part.segment else None
    return ObjectInfo(
        upload.key, part.size, part.etag, part.last_modified, checksums=part.checksums, seal=seal
    )


def _chosen(
    upload: UploadInfo, uploaded: Mapping[int, PartInfo], asked: PartRequest, any_etag: bool
) -> PartInfo:
    part = uploaded.get(asked.number)
    same = part is not None and (any_etag or part.etag == asked.etag)
    if part is None or not same or any(part.checksums.get(n, v) != v for n, v in asked.checksums.items()):
        raise InvalidPart(
            fields={"UploadId": upload.upload_id, "PartNumber": str(asked.number), "ETag": asked.etag}
        )
    return part


def _refuse_small(parts: Sequence[PartInfo]) -> None:
    for part in parts[:-1]:
        if part.size < MIN_PART_BYTES:
            raise EntityTooSmall(
                "Your proposed upload is smaller than the minimum allowed size",
                fields={
                    "ETag": part.etag,
                    "MinSizeAllowed": str(MIN_PART_BYTES),
                    "PartNumber": str(part.number),
                    "ProposedSize": str(part.size),
                },
            )


def multipart_etag(parts: Sequence[PartInfo]) -> str:
    """The MD5 of the parts' MD5s, with "-" and their count."""
    digest = hashlib.md5(b"".join(bytes.fromhex(part.etag) for part in parts), usedforsecurity=False)
    return f"{digest.hexdigest()}-{len(parts)}"


_COMPOSED: dict[str, Callable[[str, Sequence[PartInfo]], str]] = {
    "FULL_OBJECT": lambda name, parts: combine(name, [(part.checksums[name], part.size) for part in parts]),
    "COMPOSITE": lambda name, parts: composite(name, [part.checksums[name] for part in parts]),
}


def _object_checksums(upload: UploadInfo, parts: Sequence[PartInfo]) -> dict[str, str]:
    """The whole object's value, where every part has one of the upload's algorithm."""
    name = upload.checksum_algorithm.lower()
    if not name or any(name not in part.checksums for part in parts):
        return {}
    return {name: _COMPOSED[upload.checksum_type or "FULL_OBJECT"](name, parts)}


def _confirm(parts: Sequence[PartInfo], own: Mapping[str, str], expected: Mapping[str, str]) -> None:
    for name, value in expected.items():
        found = own.get(name) or _combined(name, parts)
        # S3 lets a client leave out the count of a composite value.
        if value not in (found, found.partition("-")[0]):
            raise BadDigest(f"The {name.upper()} you specified did not match the calculated checksum.")


def _combined(name: str, parts: Sequence[PartInfo]) -> str:
    if any(name not in part.checksums for part in parts):
        raise InvalidRequest(f"The upload was not created with the {name.upper()} checksum algorithm.")
    return combine(name, [(part.checksums[name], part.size) for part in parts])
