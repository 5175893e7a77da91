"""The documents of services, read into the values of `answers`.

They are read leniently: what a service adds is passed over, what it must say and does not say makes
the answer unreadable (MalformedXML, which the calls turn into a fault of the service).
Source: Amazon S3 API Reference, the response syntax of each action.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote_plus

from proxy.backends.s3.answers import (
    Facts,
    Listed,
    Made,
    OpenUpload,
    Page,
    Part,
    PartPage,
    Removed,
    UploadPage,
    VersionPage,
)
from proxy.errors import MalformedXML
from proxy.wire.dates import parse_iso_ms
from proxy.wire.xml.parsing import Node, tree
from proxy.wire.xml.reading import boolean, unquoted


class Decoder:
    """Keys and prefixes as the document has them: url-encoded if it says so."""

    def __init__(self, encoded: bool) -> None:
        self._encoded = encoded

    def __call__(self, text: str) -> str:
        if not self._encoded:
            return text
        try:
            return unquote_plus(text, errors="strict")
        except UnicodeDecodeError:
            raise MalformedXML() from None


def page(document: bytes) -> Page:
    """ListObjectsV2."""
    root = _root(document, "ListBucketResult")
    texts, decode = _texts(root), _decoder(root)
    token = _must(texts, "NextContinuationToken") if boolean(texts.get("IsTruncated", "")) else ""
    return Page(
        tuple(_listed(node, decode) for node in root.children if node.name == "Contents"),
        _prefixes(root, decode),
        token,
    )


def version_page(document: bytes) -> VersionPage:
    """ListObjectVersions."""
    root = _root(document, "ListVersionsResult")
    texts, decode = _texts(root), _decoder(root)
    after = None
    if boolean(texts.get("IsTruncated", "")):
        after = decode(_must(texts, "NextKeyMarker")), texts.get("NextVersionIdMarker", "")
    names = ("Version", "DeleteMarker")
    return VersionPage(
        tuple(_listed(node, decode) for node in root.children if node.name in names),
        _prefixes(root, decode),
        after,
    )


def part_page(document: bytes) -> PartPage:
    """ListParts."""
    root = _root(document, "ListPartsResult", "ListPartsResponse")
    texts = _texts(root)
    more = boolean(texts.get("IsTruncated", ""))
    parts = tuple(_part(_texts(node)) for node in root.children if node.name == "Part")
    return PartPage(parts, parts[-1].number if more and parts else 0)


def upload_page(document: bytes) -> UploadPage:
    """ListMultipartUploads."""
    root = _root(document, "ListMultipartUploadsResult")
    texts, decode = _texts(root), _decoder(root)
    after = None
    if boolean(texts.get("IsTruncated", "")):
        after = decode(_must(texts, "NextKeyMarker")), texts.get("NextUploadIdMarker", "")
    found = []
    for node in root.children:
        if node.name == "Upload":
            said = _texts(node)
            found.append(
                OpenUpload(decode(said["Key"]), said["UploadId"], _moment(said.get("Initiated", "")))
            )
    return UploadPage(tuple(found), after)


def made(facts: Facts, document: bytes, *roots: str) -> Made:
    """CopyObjectResult, CopyPartResult, CompleteMultipartUploadResult."""
    texts = _texts(_root(document, *roots))
    return Made(
        facts,
        unquoted(texts.get("ETag", "")),
        _moment(texts.get("LastModified", "")),
        _checksums(texts),
    )


def upload_id(document: bytes) -> str:
    """InitiateMultipartUploadResult."""
    return _must(_texts(_root(document, "InitiateMultipartUploadResult")), "UploadId")


def removals(document: bytes) -> tuple[Removed, ...]:
    """DeleteResult. (Keys are what XML can hold: see `writable`.)"""
    found = []
    for node in _root(document, "DeleteResult").children:
        said = _texts(node)
        if node.name == "Deleted":
            found.append(
                Removed(
                    _must(said, "Key"),
                    said.get("VersionId", ""),
                    boolean(said.get("DeleteMarker", "")),
                    said.get("DeleteMarkerVersionId", ""),
                )
            )
        elif node.name == "Error":
            code = said.get("Code", "") or "InternalError"
            found.append(
                Removed(
                    said.get("Key", ""), said.get("VersionId", ""), code=code, message=said.get("Message", "")
                )
            )
    return tuple(found)


def tags(document: bytes) -> dict[str, str]:
    """Tagging."""
    found: dict[str, str] = {}
    for group in _root(document, "Tagging").children:
        for node in group.children if group.name == "TagSet" else ():
            said = _texts(node)
            found[_must(said, "Key")] = said.get("Value", "")
    return found


def texts(document: bytes, *roots: str) -> dict[str, str]:
    """The direct children of a flat document."""
    return {name: text.strip() for name, text in _texts(_root(document, *roots)).items()}


def bucket_names(document: bytes) -> tuple[str, ...]:
    """ListBuckets."""
    return tuple(
        _must(_texts(node), "Name")
        for group in _root(document, "ListAllMyBucketsResult").children
        if group.name == "Buckets"
        for node in group.children
    )


def _root(document: bytes, *names: str) -> Node:
    """The tree, whose root has one of the names (a page of something else must not read as empty)."""
    found = tree(document)
    if found.name not in names:
        raise MalformedXML()
    return found


def _listed(node: Node, decode: Decoder) -> Listed:
    said = _texts(node)
    return Listed(
        decode(_must(said, "Key")),
        _number(said.get("Size", "0")),
        unquoted(said.get("ETag", "")),
        _moment(said.get("LastModified", "")),
        said.get("StorageClass", ""),
        said.get("VersionId", ""),
        boolean(said.get("IsLatest", "true")),
        node.name == "DeleteMarker",
    )


def _prefixes(root: Node, decode: Decoder) -> tuple[str, ...]:
    return tuple(
        decode(_must(_texts(node), "Prefix")) for node in root.children if node.name == "CommonPrefixes"
    )


def _part(said: Mapping[str, str]) -> Part:
    return Part(
        _number(_must(said, "PartNumber")),
        _number(said.get("Size", "0")),
        unquoted(said.get("ETag", "")),
        _moment(said.get("LastModified", "")),
        _checksums(said),
    )


def _checksums(said: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix("Checksum").lower(): text.strip()
        for name, text in said.items()
        if name.startswith("Checksum") and name not in ("ChecksumType", "ChecksumAlgorithm")
    }


def _texts(node: Node) -> dict[str, str]:
    return {child.name: child.text for child in node.children}


def _must(said: Mapping[str, str], name: str) -> str:
    if not said.get(name):
        raise MalformedXML()
    return said[name]


def _number(text: str) -> int:
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
        raise MalformedXML()
    return int(digits)


def _moment(text: str) -> int:
    return parse_iso_ms(text.strip()) or 0


def _decoder(root: Node) -> Decoder:
    return Decoder(
        any(child.name == "EncodingType" and child.text.strip() == "url" for child in root.children)
    )
