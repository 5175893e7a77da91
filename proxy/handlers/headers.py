"""The headers of an object's answers, and what the headers of a write say about the object."""

from __future__ import annotations

import re
from collections.abc import Mapping

from proxy.backends.values import NewObject, ObjectInfo, Precondition
from proxy.handlers.call import Call
from proxy.handlers.parameters import wrong
from proxy.wire import checksums
from proxy.wire.conditions import write_condition
from proxy.wire.dates import http_date
from proxy.wire.headers import DEFAULT_CONTENT_TYPE, object_headers, user_metadata
from proxy.wire.tags import parse_tagging

_OVERRIDES = {
    "response-cache-control": "cache-control",
    "response-content-disposition": "content-disposition",
    "response-content-encoding": "content-encoding",
    "response-content-language": "content-language",
    "response-content-type": "content-type",
    "response-expires": "expires",
}
_HEADER_VALUE = re.compile("[\t\x20-\x7e\x80-\xff]*")


def quoted(etag: str) -> str:
    return f'"{etag}"'


def of_object(call: Call, info: ObjectInfo) -> dict[str, str]:
    """What GET and HEAD say about an object, overrides of the query included; no length, no range."""
    headers = {
        "Last-Modified": http_date(info.last_modified),
        "ETag": quoted(info.etag),
        "Accept-Ranges": "bytes",
        "content-type": DEFAULT_CONTENT_TYPE,
    }
    headers.update(info.headers)
    for name, value in info.metadata.items():
        headers[f"x-amz-meta-{name}"] = value
    if info.tags:
        headers["x-amz-tagging-count"] = str(len(info.tags))
    query = call.request.query
    for name in _OVERRIDES.keys() & query.keys():
        headers[_OVERRIDES[name]] = _header_value(name, query[name])
    return headers


def _header_value(name: str, text: str) -> str:
    """Raises InvalidArgument for what would end the header, or is not ISO-8859-1."""
    if not _HEADER_VALUE.fullmatch(text):
        raise wrong(name, text, "Header value cannot be represented using ISO-8859-1.")
    return text


def of_checksums(values: Mapping[str, str], kind: str) -> dict[str, str]:
    """x-amz-checksum-* and, if there is any, x-amz-checksum-type."""
    headers = {checksums.HEADER_PREFIX + name: value for name, value in values.items()}
    if headers and kind:
        headers["x-amz-checksum-type"] = kind
    return headers


def new_object(call: Call) -> NewObject:
    """The object that a request's headers describe. Raises MetadataTooLarge, InvalidTag ..."""
    headers = call.request.headers
    return NewObject(
        key=call.request.key,
        headers=object_headers(headers),
        metadata=user_metadata(headers),
        tags=parse_tagging(headers.get("x-amz-tagging", "")),
        owner_id=call.caller.owner_id,
    )


def precondition(call: Call) -> Precondition:
    """If-Match and If-None-Match of a write."""
    condition = write_condition(call.request.headers)
    return Precondition(etags=condition.etags, absent=condition.absent, none_of=condition.none_of)
