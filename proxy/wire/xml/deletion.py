"""DeleteObjects: what is asked for, and what became of it.

Source: Amazon S3 API Reference, DeleteObjects.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from proxy.errors import MalformedXML, S3Error
from proxy.wire.dates import parse_http_date
from proxy.wire.xml.document import document, element, optional
from proxy.wire.xml.parsing import Node, parse
from proxy.wire.xml.reading import boolean, unquoted

MAX_DELETED_KEYS = 1000
_MOST_DIGITS = 18


@dataclass(frozen=True, slots=True)
class DeletedKey:
    """One object to delete. Conditions on it, None if not said: `etag` without quotes, `size` in
    bytes, `modified` in seconds since the epoch."""

    key: str
    version_id: str | None = None
    etag: str | None = None
    size: int | None = None
    modified: int | None = None


@dataclass(frozen=True, slots=True)
class DeleteRequest:
    """DeleteObjects. A quiet one wants to hear of failures only."""

    keys: tuple[DeletedKey, ...]
    quiet: bool


@dataclass(frozen=True, slots=True)
class Deleted:
    """One key that went well; `marker` is the id of the delete marker that was made or removed."""

    key: str
    version_id: str = ""
    marker: str = ""


@dataclass(frozen=True, slots=True)
class DeleteFailure:
    """One key of DeleteObjects that is still there, and why."""

    key: str
    error: S3Error
    version_id: str = ""


def read_delete(content: bytes) -> DeleteRequest:
    """Delete, with 1 to 1,000 keys. Raises MalformedXML."""
    keys: list[DeletedKey] = []
    quiet = False
    for child in parse(content, "Delete").children:
        if child.name == "Quiet":
            quiet = boolean(child.text)
        elif child.name == "Object" and len(keys) < MAX_DELETED_KEYS:
            keys.append(_deleted_key(child))
        else:
            raise MalformedXML()
    if not keys:
        raise MalformedXML()
    return DeleteRequest(tuple(keys), quiet)


def delete_result(deleted: Iterable[Deleted], failures: Iterable[DeleteFailure]) -> bytes:
    """DeleteResult; pass no `deleted` for a quiet request."""
    done = [
        f"<Deleted>{element('Key', one.key)}{optional('VersionId', one.version_id)}"
        f"{_marker(one.marker)}</Deleted>"
        for one in deleted
    ]
    failed = [
        f"<Error>{element('Key', one.key)}{optional('VersionId', one.version_id)}"
        f"{element('Code', one.error.code)}{element('Message', one.error.message)}</Error>"
        for one in failures
    ]
    return document("DeleteResult", *done, *failed)


def _marker(version_id: str) -> str:
    if not version_id:
        return ""
    return f"<DeleteMarker>true</DeleteMarker>{element('DeleteMarkerVersionId', version_id)}"


def _deleted_key(node: Node) -> DeletedKey:
    fields = node.only("Key", "VersionId", "ETag", "LastModifiedTime", "Size")
    said = {name: found.text for name, found in fields.items()}
    if not said.get("Key"):
        raise MalformedXML()
    return DeletedKey(
        key=said["Key"],
        version_id=said.get("VersionId") or None,
        etag=unquoted(said.get("ETag", "")) or None,
        size=_size(said["Size"]) if "Size" in said else None,
        modified=_moment(said["LastModifiedTime"]) if "LastModifiedTime" in said else None,
    )


def _size(text: str) -> int:
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS):
        raise MalformedXML()
    return int(digits)


def _moment(text: str) -> int:
    found = parse_http_date(text.strip())
    if found is None:
        raise MalformedXML()
    return found
