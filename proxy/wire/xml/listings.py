"""The documents of ListObjects, ListObjectsV2, ListParts and ListMultipartUploads.

Built as plain text, since a page has up to 1,000 entries. Times are milliseconds since the epoch.
Source: Amazon S3 API Reference, the response syntax of each action.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from proxy.wire.dates import iso_ms
from proxy.wire.xml.document import (
    checksum_elements,
    document,
    element,
    escape,
    escape_for,
    flag,
    optional,
    quoted_etag,
)
from proxy.wire.xml.owners import NameOf, nameless, owner_element, owner_writer


class ListedObject(Protocol):
    """What a listing shows of an object; proxy.backends.values.ObjectInfo is one."""

    @property
    def key(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def etag(self) -> str: ...
    @property
    def last_modified(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def owner_id(self) -> str: ...
    @property
    def checksums(self) -> Mapping[str, str]: ...
    @property
    def checksum_type(self) -> str: ...


class ListedPart(Protocol):
    """proxy.backends.values.PartInfo is one."""

    @property
    def number(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def etag(self) -> str: ...
    @property
    def last_modified(self) -> int: ...
    @property
    def checksums(self) -> Mapping[str, str]: ...


class ListedUpload(Protocol):
    """proxy.backends.values.UploadInfo is one."""

    @property
    def upload_id(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def initiated(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def owner_id(self) -> str: ...
    @property
    def checksum_algorithm(self) -> str: ...
    @property
    def checksum_type(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What a listing was asked for; S3 says it again in the answer."""

    bucket: str
    prefix: str = ""
    delimiter: str = ""
    limit: int = 1000
    encoding_type: str | None = None


def list_objects_v1(
    asked: Asked,
    objects: Iterable[ListedObject],
    prefixes: Iterable[str],
    *,
    marker: str = "",
    next_marker: str | None = None,
    truncated: bool,
    name_of: NameOf = nameless,
) -> bytes:
    """ListBucketResult of ListObjects. Pass `next_marker` only with a delimiter, as S3 does."""
    write = escape_for(asked.encoding_type)
    return document(
        "ListBucketResult",
        element("Name", asked.bucket),
        # Clients of the first version do not decode the prefix that they sent.
        element("Prefix", asked.prefix) + f"<Marker>{write(marker)}</Marker>",
        f"<NextMarker>{write(next_marker)}</NextMarker>" if next_marker else "",
        element("MaxKeys", asked.limit),
        delimiter(asked, write),
        flag("IsTruncated", truncated),
        *_contents(objects, write, owner_writer("Owner", name_of)),
        *common_prefixes(prefixes, write),
    )


def list_objects_v2(
    asked: Asked,
    objects: Iterable[ListedObject],
    prefixes: Iterable[str],
    *,
    start_after: str = "",
    token: str | None = None,
    next_token: str | None = None,
    fetch_owner: bool = False,
    name_of: NameOf = nameless,
) -> bytes:
    """ListBucketResult of ListObjectsV2; it is truncated iff there is a `next_token`."""
    write = escape_for(asked.encoding_type)
    contents = _contents(objects, write, owner_writer("Owner", name_of) if fetch_owner else _unsaid)
    common = common_prefixes(prefixes, write)
    return document(
        "ListBucketResult",
        element("Name", asked.bucket),
        f"<Prefix>{write(asked.prefix)}</Prefix>",
        f"<StartAfter>{write(start_after)}</StartAfter>" if start_after else "",
        element("ContinuationToken", token) if token is not None else "",
        optional("NextContinuationToken", next_token),
        element("KeyCount", len(contents) + len(common)),
        element("MaxKeys", asked.limit),
        delimiter(asked, write),
        flag("IsTruncated", next_token is not None),
        *contents,
        *common,
    )


def list_parts(
    *,
    bucket: str,
    key: str,
    upload: ListedUpload,
    parts: Iterable[ListedPart],
    marker: int,
    next_marker: int,
    limit: int,
    truncated: bool,
    name_of: NameOf = nameless,
) -> bytes:
    """ListPartsResult."""
    rows = [
        f"<Part><PartNumber>{part.number}</PartNumber><LastModified>{iso_ms(part.last_modified)}</LastModified>"
        f"{quoted_etag(part.etag)}<Size>{part.size}</Size>{checksum_elements(part.checksums)}</Part>"
        for part in parts
    ]
    return document(
        "ListPartsResult",
        element("Bucket", bucket),
        element("Key", key),
        element("UploadId", upload.upload_id),
        _upload_facts(upload, name_of),
        element("PartNumberMarker", marker),
        element("NextPartNumberMarker", next_marker),
        element("MaxParts", limit),
        flag("IsTruncated", truncated),
        *rows,
    )


def list_uploads(
    asked: Asked,
    uploads: Iterable[ListedUpload],
    prefixes: Iterable[str],
    *,
    key_marker: str = "",
    upload_id_marker: str = "",
    next_marker: tuple[str, str] | None = None,
    name_of: NameOf = nameless,
) -> bytes:
    """ListMultipartUploadsResult; truncated iff there is a `next_marker` (key, upload id)."""
    write = escape_for(asked.encoding_type)
    rows = [
        f"<Upload><Key>{write(upload.key)}</Key>{element('UploadId', upload.upload_id)}"
        f"{_upload_facts(upload, name_of)}<Initiated>{iso_ms(upload.initiated)}</Initiated></Upload>"
        for upload in uploads
    ]
    following = ""
    if next_marker is not None:
        following = f"<NextKeyMarker>{write(next_marker[0])}</NextKeyMarker>" + element(
            "NextUploadIdMarker", next_marker[1]
        )
    return document(
        "ListMultipartUploadsResult",
        element("Bucket", asked.bucket),
        f"<KeyMarker>{write(key_marker)}</KeyMarker>",
        element("UploadIdMarker", upload_id_marker),
        following,
        f"<Prefix>{write(asked.prefix)}</Prefix>",
        delimiter(asked, write),
        element("MaxUploads", asked.limit),
        flag("IsTruncated", next_marker is not None),
        *rows,
        *common_prefixes(prefixes, write),
    )


def _contents(
    objects: Iterable[ListedObject], write: Callable[[str], str], owner: Callable[[str], str]
) -> list[str]:
    return [
        f"<Contents><Key>{write(one.key)}</Key><LastModified>{iso_ms(one.last_modified)}</LastModified>"
        f"<ETag>&quot;{escape(one.etag)}&quot;</ETag>{algorithms(one) if one.checksums else ''}"
        f"<Size>{one.size}</Size>{owner(one.owner_id)}"
        f"<StorageClass>{one.headers.get('x-amz-storage-class', 'STANDARD')}</StorageClass></Contents>"
        for one in objects
    ]


def _unsaid(owner_id: str) -> str:
    return ""


def algorithms(one: ListedObject) -> str:
    """ChecksumAlgorithm and ChecksumType of one entry."""
    names = "".join([f"<ChecksumAlgorithm>{name.upper()}</ChecksumAlgorithm>" for name in one.checksums])
    return names + optional("ChecksumType", one.checksum_type)


def common_prefixes(prefixes: Iterable[str], write: Callable[[str], str]) -> list[str]:
    """CommonPrefixes of a page."""
    return [f"<CommonPrefixes><Prefix>{write(prefix)}</Prefix></CommonPrefixes>" for prefix in prefixes]


def delimiter(asked: Asked, write: Callable[[str], str]) -> str:
    """Delimiter and EncodingType, where they were asked for."""
    text = f"<Delimiter>{write(asked.delimiter)}</Delimiter>" if asked.delimiter else ""
    return text + optional("EncodingType", asked.encoding_type)


def _upload_facts(upload: ListedUpload, name_of: NameOf) -> str:
    name = name_of(upload.owner_id)
    return (
        f"{owner_element('Initiator', upload.owner_id, name)}{owner_element('Owner', upload.owner_id, name)}"
        f"<StorageClass>{upload.headers.get('x-amz-storage-class', 'STANDARD')}</StorageClass>"
        f"{optional('ChecksumAlgorithm', upload.checksum_algorithm.upper())}"
        f"{optional('ChecksumType', upload.checksum_type)}"
    )
