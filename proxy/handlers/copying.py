"""CopyObject and UploadPartCopy: the bytes come from an object that is here already."""

from __future__ import annotations

import dataclasses

from proxy.backends.base import Body, ReaderBody
from proxy.backends.values import STORAGE_CLASS, NewObject
from proxy.errors import InvalidRequest
from proxy.handlers import encrypting, granting, headers
from proxy.handlers.call import Answer, Call, document
from proxy.handlers.copy_source import CopySource, open_source
from proxy.handlers.lifecycle import of_expiration
from proxy.handlers.multipart import required_part_number, upload_of
from proxy.handlers.parameters import wrong
from proxy.limits import MAX_PUT_BYTES
from proxy.wire import checksums, xml
from proxy.wire.encryption import CUSTOMER, CUSTOMER_HEADERS, MANAGED_HEADER
from proxy.wire.ranges import parse_copy_range
from proxy.wire.summing import SummedBody

_ALGORITHM = "x-amz-checksum-algorithm"
_REDIRECT = "x-amz-website-redirect-location"
_NEVER_COPIED = frozenset({STORAGE_CLASS, _REDIRECT})
"""These are the request's or the default, whatever the directive says."""
_CHANGES = (STORAGE_CLASS, _REDIRECT, _ALGORITHM, MANAGED_HEADER, *CUSTOMER_HEADERS)
"""Headers that make a copy of an object onto itself something else than it was."""
_ILLEGAL = (
    "This copy request is illegal because it is trying to copy an object to itself without changing the "
    "object's metadata, storage class, website redirect location or encryption attributes."
)
_TOO_LARGE = (
    f"The specified copy source is larger than the maximum allowable size for a copy source: {MAX_PUT_BYTES}"
)


def copy_object(call: Call) -> Answer:
    """Raises what `open_source` does, and InvalidRequest for a copy that would change nothing."""
    with open_source(call) as source:
        if source.info.size > MAX_PUT_BYTES:
            raise InvalidRequest(_TOO_LARGE)
        new = _described(call, source)
        info = call.store.put(new, _body(call, source), headers.precondition(call))
    answer = document(
        xml.copy_object(
            etag=info.etag,
            last_modified=info.last_modified,
            checksums=info.checksums,
            checksum_type=info.checksum_type,
        )
    )
    answer.headers.update(source.headers)
    answer.headers.update(encrypting.told(info.encryption))
    answer.headers.update(headers.of_new_version(info))
    answer.headers.update(of_expiration(call, info))
    return answer


def upload_part_copy(call: Call) -> Answer:
    """Raises what `open_source` does, NoSuchUpload, and InvalidArgument or InvalidRange for the range."""
    number = required_part_number(call)
    upload = upload_of(call)
    key = encrypting.key_of_part(call, upload)
    with open_source(call) as source:
        text = call.request.headers.get("x-amz-copy-source-range")
        start, end = (0, source.info.size) if text is None else parse_copy_range(text, source.info.size)
        if end - start > MAX_PUT_BYTES:
            raise InvalidRequest(_TOO_LARGE)
        body = ReaderBody(source.reader, start, end, call.pulse)
        part = call.store.put_part(upload.upload_id, number, body, customer_key=key.key if key else None)
    answer = document(
        xml.copy_part(etag=part.etag, last_modified=part.last_modified, checksums=part.checksums)
    )
    answer.headers.update(source.headers)
    answer.headers.update(encrypting.told(upload.encryption))
    return answer


def _body(call: Call, source: CopySource) -> Body:
    """The source's bytes; read one by one only if a checksum is wanted that it does not have."""
    plain = ReaderBody(source.reader, pulse=call.pulse)
    wanted = call.request.headers.get(_ALGORITHM, "")
    if not wanted:
        return plain
    name = checksums.algorithm(wanted).name
    if list(plain.checksums) == [name] and source.info.checksum_type == "FULL_OBJECT":
        return plain
    return SummedBody(plain, name)


def _described(call: Call, source: CopySource) -> NewObject:
    """What the copy is to be: metadata and tags of the source or of the request.

    Raises InvalidRequest for a copy that would change nothing, AccessDenied for tags.
    """
    asked = headers.new_object(call, tagged=_directive(call, "x-amz-tagging-directive") == "REPLACE")
    replaces = _directive(call, "x-amz-metadata-directive") == "REPLACE"
    if source.is_target and not (replaces or _changes(call, source)):
        raise InvalidRequest(_ILLEGAL)
    if not replaces:
        kept = {n: v for n, v in source.info.headers.items() if n not in _NEVER_COPIED}
        kept.update({n: v for n, v in asked.headers.items() if n in _NEVER_COPIED})
        asked = dataclasses.replace(asked, headers=kept, metadata=source.info.metadata)
    if _directive(call, "x-amz-tagging-directive") == "COPY" and source.info.tags:
        source.require("s3:GetObjectTagging")
        granting.require_on_new(call, "s3:PutObjectTagging")
        asked = dataclasses.replace(asked, tags=source.info.tags)
    return asked


def _changes(call: Call, source: CopySource) -> bool:
    """Whether a copy onto itself makes something else of the object, its metadata apart."""
    return source.info.encryption.mode == CUSTOMER or any(name in call.request.headers for name in _CHANGES)


def _directive(call: Call, name: str) -> str:
    """COPY or REPLACE. Raises InvalidArgument."""
    value = call.request.headers.get(name, "COPY")
    if value not in ("COPY", "REPLACE"):
        raise wrong(name, value, f"Unknown {name.removeprefix('x-amz-').replace('-', ' ')}.")
    return value
