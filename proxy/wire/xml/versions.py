"""The documents of versioning: its configuration, and the listing of versions.

Source: Amazon S3 API Reference, PutBucketVersioning and ListObjectVersions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from proxy.errors import IllegalVersioningConfiguration, MalformedXML, NotImplementedByUs
from proxy.wire.dates import iso_ms
from proxy.wire.xml.document import document, element, escape_for, flag, optional
from proxy.wire.xml.listings import Asked, ListedObject, algorithms, common_prefixes, delimiter
from proxy.wire.xml.owners import NameOf, nameless, owner_writer
from proxy.wire.xml.parsing import parse

STATUSES = frozenset({"Enabled", "Suspended"})


class ListedVersion(ListedObject, Protocol):
    """What a listing shows of a version; proxy.backends.values.ObjectInfo is one."""

    @property
    def version_id(self) -> str: ...
    @property
    def marker(self) -> bool: ...
    @property
    def latest(self) -> bool: ...


def versioning(status: str = "") -> bytes:
    """VersioningConfiguration; it is empty where there was never one."""
    return document("VersioningConfiguration", optional("Status", status))


def read_versioning(content: bytes) -> str:
    """The status.

    Raises MalformedXML, IllegalVersioningConfiguration, NotImplemented (MFA delete).
    """
    fields = parse(content, "VersioningConfiguration").only("Status", "MfaDelete")
    if "MfaDelete" in fields:
        word = fields["MfaDelete"].text.strip()
        if word == "Enabled":
            raise NotImplementedByUs("MFA delete is not implemented.", fields={"Element": "MfaDelete"})
        if word != "Disabled":
            raise MalformedXML()
    if "Status" not in fields:
        raise IllegalVersioningConfiguration()
    status = fields["Status"].text.strip()
    if status not in STATUSES:
        raise MalformedXML()
    return status


def list_versions(
    asked: Asked,
    versions: Iterable[ListedVersion],
    prefixes: Iterable[str],
    *,
    key_marker: str = "",
    version_id_marker: str = "",
    next_marker: tuple[str, str] | None = None,
    name_of: NameOf = nameless,
    bucket_owner: str = "",
) -> bytes:
    """ListVersionsResult; truncated iff there is a `next_marker` (key or prefix, version id or "").

    What has no owner of its own (a delete marker) is the bucket owner's.
    """
    write = escape_for(asked.encoding_type)
    following = ""
    if next_marker is not None:
        following = f"<NextKeyMarker>{write(next_marker[0])}</NextKeyMarker>" + optional(
            "NextVersionIdMarker", next_marker[1]
        )
    return document(
        "ListVersionsResult",
        element("Name", asked.bucket),
        f"<Prefix>{write(asked.prefix)}</Prefix><KeyMarker>{write(key_marker)}</KeyMarker>",
        element("VersionIdMarker", version_id_marker),
        following,
        element("MaxKeys", asked.limit),
        delimiter(asked, write),
        flag("IsTruncated", next_marker is not None),
        *_rows(versions, write, owner_writer("Owner", name_of, bucket_owner)),
        *common_prefixes(prefixes, write),
    )


def _rows(
    versions: Iterable[ListedVersion], write: Callable[[str], str], owner: Callable[[str], str]
) -> list[str]:
    return [
        f"<DeleteMarker>{_place(one, write)}{owner(one.owner_id)}</DeleteMarker>"
        if one.marker
        else f"<Version>{_place(one, write)}<ETag>&quot;{one.etag}&quot;</ETag>"
        f"{algorithms(one) if one.checksums else ''}<Size>{one.size}</Size>"
        f"<StorageClass>{one.headers.get('x-amz-storage-class', 'STANDARD')}</StorageClass>"
        f"{owner(one.owner_id)}</Version>"
        for one in versions
    ]


def _place(one: ListedVersion, write: Callable[[str], str]) -> str:
    return (
        f"<Key>{write(one.key)}</Key>{element('VersionId', one.version_id)}"
        f"{flag('IsLatest', one.latest)}<LastModified>{iso_ms(one.last_modified)}</LastModified>"
    )
