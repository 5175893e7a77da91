"""Uploads, parts and finished objects as text in rows. Pure."""

from __future__ import annotations

import json
from typing import Any

from proxy.backends.s3.stamps import from_text, of_info, to_text
from proxy.backends.seals import Encryption, Seal, SealedSegment
from proxy.backends.values import Lock, ObjectInfo, PartInfo, UploadInfo


def _dumped(said: dict[str, Any]) -> str:
    return json.dumps(said, separators=(",", ":"))


# -- uploads -------------------------------------------------------------------------------


def upload_text(upload: UploadInfo) -> str:
    """What an upload was begun with; its key, id and time have columns of their own."""
    return _dumped(
        {
            "headers": dict(upload.headers),
            "metadata": dict(upload.metadata),
            "tags": dict(upload.tags),
            "owner": upload.owner_id,
            "algorithm": upload.checksum_algorithm,
            "type": upload.checksum_type,
            "lock": _of_lock(upload.lock),
            "acl": upload.acl,
            "wrap": upload.seal.wrap if upload.seal else None,
            "encryption": [upload.encryption.mode, upload.encryption.key],
        }
    )


def upload_of(
    upload_id: str, key: str, initiated: int, text: str, completed: ObjectInfo | None
) -> UploadInfo:
    """What `upload_text` wrote."""
    said = json.loads(text)
    return UploadInfo(
        upload_id,
        key,
        initiated,
        headers=said["headers"],
        metadata=said["metadata"],
        tags=said["tags"],
        owner_id=said["owner"],
        checksum_algorithm=said["algorithm"],
        checksum_type=said["type"],
        lock=Lock(*said["lock"]),
        acl=said["acl"],
        completed=completed,
        seal=None if said["wrap"] is None else Seal(said["wrap"]),
        encryption=Encryption(*said["encryption"]),
    )


def _of_lock(lock: Lock) -> list[Any]:
    return [lock.mode, lock.until, lock.hold]


# -- parts ---------------------------------------------------------------------------------


def part_text(part: PartInfo) -> str:
    """An uploaded part; its number has a column of its own."""
    segment = part.segment
    return _dumped(
        {
            "size": part.size,
            "etag": part.etag,
            "modified": part.last_modified,
            "checksums": dict(part.checksums),
            "segment": segment and [segment.body_id, segment.size, segment.stored],
        }
    )


def part_of(number: int, text: str) -> PartInfo:
    """What `part_text` wrote."""
    said = json.loads(text)
    segment = SealedSegment(*said["segment"]) if said["segment"] else None
    return PartInfo(number, said["size"], said["etag"], said["modified"], said["checksums"], segment)


# -- finished objects ----------------------------------------------------------------------


def result_text(info: ObjectInfo) -> str:
    """A finished object as it was answered."""
    return _dumped(
        {
            "stamp": to_text(of_info(info, None)),
            "size": info.size,
            "seq": info.seq,
            "headers": dict(info.headers),
            "metadata": dict(info.metadata),
            "tags": dict(info.tags),
            "version": info.version_id,
            "ordinal": info.ordinal,
            "latest": info.latest,
            "lock": _of_lock(info.lock),
            "encryption": [info.encryption.mode, info.encryption.key],
        }
    )


def result_of(key: str, text: str) -> ObjectInfo:
    """What `result_text` wrote."""
    said = json.loads(text)
    stamp = from_text(said["stamp"])
    return ObjectInfo(
        key,
        said["size"],
        stamp.etag or "",
        stamp.modified or 0,
        seq=said["seq"],
        headers=said["headers"],
        metadata=said["metadata"],
        tags=said["tags"],
        owner_id=stamp.owner_id,
        checksums=stamp.checksums,
        checksum_type=stamp.checksum_type,
        parts=stamp.parts,
        version_id=said["version"],
        ordinal=said["ordinal"],
        latest=said["latest"],
        lock=Lock(*said["lock"]),
        acl=stamp.acl,
        seal=stamp.seal,
        encryption=Encryption(*said["encryption"]),
    )
