"""The headers of an object's answers, and what the headers of a write say about the object."""

from __future__ import annotations

import re
from collections.abc import Mapping

from proxy.backends.values import NULL_VERSION, UNLOCKED, NewObject, ObjectInfo, Precondition
from proxy.errors import InvalidRequest
from proxy.handlers import encrypting
from proxy.handlers.call import Call
from proxy.handlers.granting import asked_acl, new_owner, require_on_new
from proxy.handlers.lifecycle import of_expiration
from proxy.handlers.locking import asked_lock
from proxy.handlers.parameters import wrong
from proxy.wire import checksums
from proxy.wire.conditions import write_condition
from proxy.wire.dates import http_date, iso_ms
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
    headers.update(encrypting.told(info.encryption))
    headers.update(of_version(call, info))
    headers.update(of_expiration(call, info))
    if info.tags and call.may("s3:GetObjectTagging", info):
        headers["x-amz-tagging-count"] = str(len(info.tags))
    if info.lock != UNLOCKED:
        headers.update(_of_lock(call, info))
    headers.update(_overrides(call))
    return headers


def of_version(call: Call, info: ObjectInfo) -> dict[str, str]:
    """x-amz-version-id, where the bucket keeps versions."""
    return {"x-amz-version-id": info.version_id} if call.here.settings.keeps_versions else {}


def of_new_version(info: ObjectInfo) -> dict[str, str]:
    """x-amz-version-id of what was written; the null version is not told, as in S3."""
    return {} if info.version_id == NULL_VERSION else {"x-amz-version-id": info.version_id}


def _of_lock(call: Call, info: ObjectInfo) -> dict[str, str]:
    """What of a version's lock the caller may see."""
    headers = {}
    lock = info.lock
    if lock.mode and call.may("s3:GetObjectRetention", info):
        headers["x-amz-object-lock-mode"] = lock.mode
        headers["x-amz-object-lock-retain-until-date"] = iso_ms(lock.until)
    if lock.hold and call.may("s3:GetObjectLegalHold", info):
        headers["x-amz-object-lock-legal-hold"] = "ON"
    return headers


def _overrides(call: Call) -> dict[str, str]:
    """Raises InvalidRequest for an anonymous request, InvalidArgument for what is no header."""
    query = call.request.query
    asked = _OVERRIDES.keys() & query.keys()
    if asked and call.caller.anonymous:
        raise InvalidRequest("Request specific response headers cannot be used for anonymous GET requests.")
    return {_OVERRIDES[name]: _header_value(name, query[name]) for name in asked}


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


def new_object(call: Call, *, tagged: bool = True) -> NewObject:
    """The object that a request's headers describe, under the version id that it is to have.

    Without `tagged`, the tags of the headers do not count. Raises MetadataTooLarge, InvalidTag,
    InvalidRequest (object lock) ..., AccessDenied for tags, locks and access lists that the
    caller may not set, and what `key_of_new` raises.
    """
    headers = call.request.headers
    key = encrypting.key_of_new(call)
    tags = parse_tagging(headers.get("x-amz-tagging", "")) if tagged else {}
    if tags:
        require_on_new(call, "s3:PutObjectTagging")
    return NewObject(
        key=call.request.key,
        headers=object_headers(headers),
        metadata=user_metadata(headers),
        tags=tags,
        owner_id=new_owner(call),
        version_id=call.new_version_id(),
        lock=asked_lock(call),
        acl=asked_acl(call),
        customer_key=key.key if key else None,
    )


def precondition(call: Call) -> Precondition:
    """If-Match and If-None-Match of a write."""
    condition = write_condition(call.request.headers)
    return Precondition(etags=condition.etags, absent=condition.absent, none_of=condition.none_of)
