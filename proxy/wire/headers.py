"""The headers that an object keeps: standard ones, user metadata, storage class, redirect.

Sources: Amazon S3 API Reference, PutObject; Amazon S3 User Guide, "Working with object metadata".
"""

from __future__ import annotations

from collections.abc import Mapping

from proxy.errors import InvalidRedirectLocation, InvalidStorageClass, MetadataTooLarge, NotImplementedByUs

DEFAULT_CONTENT_TYPE = "binary/octet-stream"
MAX_METADATA_BYTES = 2 * 1024
MAX_REDIRECT_BYTES = 2 * 1024

_METADATA_PREFIX = "x-amz-meta-"
_STORAGE_CLASS = "x-amz-storage-class"
_REDIRECT = "x-amz-website-redirect-location"
_KEPT_AS_THEY_ARE = (
    "cache-control",
    "content-disposition",
    "content-language",
    "expires",
)
# Classes whose objects can be read at once: we keep the name, the bytes lie where all others lie.
_READABLE_CLASSES = frozenset(
    {"REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"}
)
_ARCHIVE_CLASSES = frozenset({"GLACIER", "DEEP_ARCHIVE"})


def object_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """What an object keeps of a request's headers, lower-case names; no entry for STANDARD.

    Raises InvalidStorageClass, InvalidRedirectLocation, NotImplemented (classes that would have
    to be restored before they are read).
    """
    kept = {"content-type": headers.get("content-type") or DEFAULT_CONTENT_TYPE}
    for name in _KEPT_AS_THEY_ARE:
        if headers.get(name):
            kept[name] = headers[name]
    encoding = content_encoding(headers.get("content-encoding", ""))
    if encoding:
        kept["content-encoding"] = encoding
    storage_class = _storage_class(headers.get(_STORAGE_CLASS, "STANDARD"))
    if storage_class != "STANDARD":
        kept[_STORAGE_CLASS] = storage_class
    redirect = headers.get(_REDIRECT)
    if redirect is not None:
        kept[_REDIRECT] = _redirect(redirect)
    return kept


def content_encoding(text: str) -> str:
    """The encodings that stay with the object: `aws-chunked` is only how it travels."""
    if "aws-chunked" not in text.lower():
        return text
    names = (name.strip() for name in text.split(","))
    return ",".join(name for name in names if name and name.lower() != "aws-chunked")


def user_metadata(headers: Mapping[str, str]) -> dict[str, str]:
    """The x-amz-meta- headers without that prefix.

    Values stay latin-1 text, so that the bytes that go out are those that came in. Raises
    MetadataTooLarge above 2 KiB of names and values.
    """
    start = len(_METADATA_PREFIX)
    metadata = {name[start:]: value for name, value in headers.items() if name.startswith(_METADATA_PREFIX)}
    size = sum(len(name) + len(value) for name, value in metadata.items())
    if size > MAX_METADATA_BYTES:
        raise MetadataTooLarge(fields={"Size": str(size), "MaxSizeAllowed": str(MAX_METADATA_BYTES)})
    return metadata


def _storage_class(name: str) -> str:
    if name in _ARCHIVE_CLASSES:
        raise NotImplementedByUs(
            "Storage classes that need a restore before they are read are not implemented.",
            fields={"Header": _STORAGE_CLASS},
        )
    if name != "STANDARD" and name not in _READABLE_CLASSES:
        raise InvalidStorageClass(fields={"StorageClassRequested": name})
    return name


def _redirect(location: str) -> str:
    if len(location) > MAX_REDIRECT_BYTES:
        raise InvalidRedirectLocation(
            f"The length of website redirect location cannot exceed {MAX_REDIRECT_BYTES} characters."
        )
    if not location.startswith(("/", "http://", "https://")):
        raise InvalidRedirectLocation(fields={"Location": location})
    return location
