"""The documents that S3 answers with, but for listings. Times are milliseconds since the epoch.

Source: Amazon S3 API Reference, the response syntax of each action.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from proxy.errors import S3Error
from proxy.wire.dates import iso_ms
from proxy.wire.xml.document import (
    checksum_elements,
    document,
    element,
    flag,
    optional,
    quoted_etag,
)
from proxy.wire.xml.owners import identity, owner_element

_SCHEMA = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"'


def error(failure: S3Error, *, resource: str, request_id: str, host_id: str = "") -> bytes:
    """The error document. It has no namespace."""
    return document(
        "Error",
        element("Code", failure.code),
        element("Message", failure.message),
        *[element(name, value) for name, value in failure.fields.items()],
        element("Resource", resource),
        element("RequestId", request_id),
        element("HostId", host_id),
        namespace=None,
    )


def list_buckets(
    buckets: Iterable[tuple[str, int]],
    *,
    owner_id: str,
    owner_name: str = "",
    prefix: str = "",
    next_token: str | None = None,
) -> bytes:
    """ListAllMyBucketsResult of (name, created)."""
    rows = [
        f"<Bucket>{element('Name', name)}<CreationDate>{iso_ms(created)}</CreationDate></Bucket>"
        for name, created in buckets
    ]
    return document(
        "ListAllMyBucketsResult",
        owner_element("Owner", owner_id, owner_name),
        f"<Buckets>{''.join(rows)}</Buckets>",
        optional("Prefix", prefix),
        optional("ContinuationToken", next_token),
    )


def location(region: str) -> bytes:
    """LocationConstraint; us-east-1 is the empty one."""
    return document("LocationConstraint", "" if region == "us-east-1" else region)


def private_acl(owner_id: str, owner_name: str = "") -> bytes:
    """AccessControlPolicy: the owner has every right, nobody else has one."""
    grantee = f"<Grantee {_SCHEMA}>{identity(owner_id, owner_name)}</Grantee>"
    return document(
        "AccessControlPolicy",
        owner_element("Owner", owner_id, owner_name),
        f"<AccessControlList><Grant>{grantee}<Permission>FULL_CONTROL</Permission></Grant></AccessControlList>",
    )


def copy_object(
    *, etag: str, last_modified: int, checksums: Mapping[str, str] | None = None, checksum_type: str = ""
) -> bytes:
    """CopyObjectResult."""
    return _copied("CopyObjectResult", etag, last_modified, checksum_elements(checksums or {}, checksum_type))


def copy_part(*, etag: str, last_modified: int, checksums: Mapping[str, str] | None = None) -> bytes:
    """CopyPartResult."""
    return _copied("CopyPartResult", etag, last_modified, checksum_elements(checksums or {}))


def initiate_upload(*, bucket: str, key: str, upload_id: str) -> bytes:
    """InitiateMultipartUploadResult."""
    return document(
        "InitiateMultipartUploadResult",
        element("Bucket", bucket),
        element("Key", key),
        element("UploadId", upload_id),
    )


def complete_upload(
    *,
    location: str,
    bucket: str,
    key: str,
    etag: str,
    checksums: Mapping[str, str] | None = None,
    checksum_type: str = "",
) -> bytes:
    """CompleteMultipartUploadResult; `location` is the object's URL."""
    return document(
        "CompleteMultipartUploadResult",
        element("Location", location),
        element("Bucket", bucket),
        element("Key", key),
        quoted_etag(etag),
        checksum_elements(checksums or {}, checksum_type),
    )


@dataclass(frozen=True, slots=True)
class AttributePart:
    """One part in GetObjectAttributes."""

    number: int
    size: int
    checksums: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AttributeParts:
    """One page of an object's parts in GetObjectAttributes; `total` counts them all."""

    total: int
    marker: int
    next_marker: int
    max_parts: int
    truncated: bool
    parts: tuple[AttributePart, ...]


def object_attributes(
    *,
    etag: str | None = None,
    checksums: Mapping[str, str] | None = None,
    checksum_type: str = "",
    parts: AttributeParts | None = None,
    storage_class: str | None = None,
    size: int | None = None,
) -> bytes:
    """GetObjectAttributesResponse with what was asked for; the ETag has no quotes here."""
    values = checksum_elements(checksums or {}, checksum_type)
    return document(
        "GetObjectAttributesResponse",
        optional("ETag", etag),
        f"<Checksum>{values}</Checksum>" if values else "",
        _attribute_parts(parts) if parts is not None else "",
        optional("StorageClass", storage_class),
        optional("ObjectSize", size),
    )


def _attribute_parts(page: AttributeParts) -> str:
    rows = [
        f"<Part>{checksum_elements(one.checksums)}<PartNumber>{one.number}</PartNumber><Size>{one.size}</Size></Part>"
        for one in page.parts
    ]
    return (
        f"<ObjectParts>{flag('IsTruncated', page.truncated)}{element('MaxParts', page.max_parts)}"
        f"{element('NextPartNumberMarker', page.next_marker)}{element('PartNumberMarker', page.marker)}"
        f"{''.join(rows)}{element('PartsCount', page.total)}</ObjectParts>"
    )


def _copied(root: str, etag: str, last_modified: int, values: str) -> bytes:
    return document(root, f"<LastModified>{iso_ms(last_modified)}</LastModified>", quoted_etag(etag), values)
