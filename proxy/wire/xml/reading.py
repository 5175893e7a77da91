"""The documents that clients send, read into values.

What S3's schema does not know is MalformedXML, so nothing that a client demanded is passed over.
Source: Amazon S3 API Reference, the request syntax of each action.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from proxy.errors import InvalidArgument, MalformedXML, NotImplementedByUs
from proxy.wire.checksums import digest_of
from proxy.wire.xml.document import CHECKSUM_ELEMENTS
from proxy.wire.xml.parsing import Node, parse

MAX_DELETED_KEYS = 1000
MAX_PARTS = 10_000

_ALGORITHM_OF = {element: name for name, element in CHECKSUM_ELEMENTS.items()}


@dataclass(frozen=True, slots=True)
class DeletedKey:
    """One object to delete; `etag` (no quotes, None if not said) is a condition on it."""

    key: str
    version_id: str | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class DeleteRequest:
    """DeleteObjects. A quiet one wants to hear of failures only."""

    keys: tuple[DeletedKey, ...]
    quiet: bool


@dataclass(frozen=True, slots=True)
class CompletedPart:
    """One part of CompleteMultipartUpload; the ETag has no quotes, checksums are base64 by algorithm."""

    number: int
    etag: str
    checksums: Mapping[str, str] = field(default_factory=dict)


def read_delete(document: bytes) -> DeleteRequest:
    """Delete, with 1 to 1,000 keys. Raises MalformedXML, NotImplemented."""
    keys: list[DeletedKey] = []
    quiet = False
    for child in parse(document, "Delete").children:
        if child.name == "Quiet":
            quiet = _boolean(child.text)
        elif child.name == "Object" and len(keys) < MAX_DELETED_KEYS:
            keys.append(_deleted_key(child))
        else:
            raise MalformedXML()
    if not keys:
        raise MalformedXML()
    return DeleteRequest(tuple(keys), quiet)


def read_complete(document: bytes) -> tuple[CompletedPart, ...]:
    """CompleteMultipartUpload, with 1 to 10,000 parts in the order in which they were sent.

    Raises MalformedXML, InvalidArgument (part numbers), InvalidRequest (checksums).
    """
    parts = parse(document, "CompleteMultipartUpload").all_of("Part", MAX_PARTS)
    return tuple(_completed_part(part) for part in parts)


def read_location(document: bytes) -> str | None:
    """The LocationConstraint of CreateBucket; None for no document or none in it.

    Raises MalformedXML, and NotImplemented for directory buckets and bucket tags.
    """
    if not document.strip():
        return None
    root = parse(document, "CreateBucketConfiguration")
    for child in root.children:
        if child.name in ("Location", "Bucket", "Tags"):
            raise NotImplementedByUs(fields={"Element": child.name})
    found = root.only("LocationConstraint").get("LocationConstraint")
    return (found.text.strip() or None) if found else None


def _deleted_key(node: Node) -> DeletedKey:
    fields = node.only("Key", "VersionId", "ETag", "LastModifiedTime", "Size")
    if "Key" not in fields or not fields["Key"].text:
        raise MalformedXML()
    for name in ("LastModifiedTime", "Size"):
        if name in fields:
            raise NotImplementedByUs(fields={"Element": name})
    version = fields["VersionId"].text if "VersionId" in fields else ""
    etag = _unquoted(fields["ETag"].text) if "ETag" in fields else ""
    return DeletedKey(fields["Key"].text, version or None, etag or None)


def _completed_part(node: Node) -> CompletedPart:
    fields = node.only("PartNumber", "ETag", *_ALGORITHM_OF)
    if "PartNumber" not in fields or "ETag" not in fields:
        raise MalformedXML()
    checksums = {
        name: fields[element].text.strip() for element, name in _ALGORITHM_OF.items() if element in fields
    }
    for name, value in checksums.items():
        digest_of(name, value)
    return CompletedPart(_part_number(fields["PartNumber"].text), _unquoted(fields["ETag"].text), checksums)


def _part_number(text: str) -> int:
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit()):
        raise MalformedXML()
    if len(digits) > 5 or not 1 <= int(digits) <= MAX_PARTS:
        raise InvalidArgument(
            f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive",
            fields={"ArgumentName": "partNumber", "ArgumentValue": digits},
        )
    return int(digits)


def _boolean(text: str) -> bool:
    word = text.strip().lower()
    if word not in ("true", "false", ""):
        raise MalformedXML()
    return word == "true"


def _unquoted(text: str) -> str:
    return text.strip().strip('"')
