"""CopyObject and UploadPartCopy: the bytes come from an object that is here already."""

from __future__ import annotations

import dataclasses

from proxy.backends.base import ObjectReader, ReaderBody
from proxy.backends.values import STORAGE_CLASS, NewObject
from proxy.errors import InvalidArgument, InvalidRequest, InvalidURI, NotImplementedByUs
from proxy.handlers import headers
from proxy.handlers.call import Answer, Call, document
from proxy.handlers.multipart import required_part_number, upload_of
from proxy.handlers.parameters import wrong
from proxy.limits import MAX_PUT_BYTES
from proxy.records import find_bucket
from proxy.store import Store
from proxy.wire import xml
from proxy.wire.conditions import check_copy_source
from proxy.wire.encoding import decode
from proxy.wire.ranges import parse_copy_range
from proxy.wire.request import check_key

_SOURCE = "x-amz-copy-source"
_ILLEGAL = (
    "This copy request is illegal because it is trying to copy an object to itself without changing the "
    "object's metadata, storage class, website redirect location or encryption attributes."
)
_TOO_LARGE = (
    f"The specified copy source is larger than the maximum allowable size for a copy source: {MAX_PUT_BYTES}"
)


def copy_object(call: Call) -> Answer:
    bucket, key = copy_source(call)
    with _open_source(call, bucket, key) as reader:
        if reader.info.size > MAX_PUT_BYTES:
            raise InvalidRequest(_TOO_LARGE)
        new = _described(call, reader, to_itself=(bucket, key) == (call.here.name, call.request.key))
        body = ReaderBody(reader, pulse=call.pulse)
        info = call.store.put(new, body, headers.precondition(call))
    return document(
        xml.copy_object(
            etag=info.etag,
            last_modified=info.last_modified,
            checksums=info.checksums,
            checksum_type=info.checksum_type,
        )
    )


def upload_part_copy(call: Call) -> Answer:
    number = required_part_number(call)
    upload = upload_of(call)
    bucket, key = copy_source(call)
    with _open_source(call, bucket, key) as reader:
        text = call.request.headers.get(f"{_SOURCE}-range")
        start, end = (0, reader.info.size) if text is None else parse_copy_range(text, reader.info.size)
        if end - start > MAX_PUT_BYTES:
            raise InvalidRequest(_TOO_LARGE)
        body = ReaderBody(reader, start, end, call.pulse)
        part = call.store.put_part(upload.upload_id, number, body)
    return document(xml.copy_part(etag=part.etag, last_modified=part.last_modified, checksums=part.checksums))


def copy_source(call: Call) -> tuple[str, str]:
    """(bucket, key) of x-amz-copy-source. Raises InvalidArgument, KeyTooLongError, NotImplemented."""
    text = call.request.headers[_SOURCE]
    path, question, version = text.partition("?versionId=")
    if question and version != "null":
        raise NotImplementedByUs("Object versions are not implemented.", fields={"Header": _SOURCE})
    try:
        raw_bucket, slash, raw_key = path.removeprefix("/").encode("latin-1").partition(b"/")
        bucket, key = decode(raw_bucket), decode(raw_key)
    except InvalidURI:
        raise wrong(_SOURCE, text, "Copy Source must be URL-encoded UTF-8.") from None
    if not bucket or not slash or not key:
        raise wrong(
            _SOURCE, text, "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"
        )
    check_key(key)
    return bucket, key


def _open_source(call: Call, bucket: str, key: str) -> ObjectReader:
    """The open source, its conditions checked. Raises NoSuchBucket, NoSuchKey, PreconditionFailed."""
    store = call.store if bucket == call.here.name else Store.of(find_bucket(bucket))
    reader = store.open(key)
    try:
        check_copy_source(call.request.headers, reader.info.etag, reader.info.last_modified)
    except BaseException:
        reader.close()
        raise
    return reader


def _described(call: Call, reader: ObjectReader, *, to_itself: bool) -> NewObject:
    """What the copy is to be: metadata and tags of the source or of the request.

    Raises InvalidRequest for a copy that would change nothing.
    """
    asked = headers.new_object(call)
    source = reader.info
    replaces = _directive(call, "x-amz-metadata-directive") == "REPLACE"
    if to_itself and not replaces and STORAGE_CLASS not in call.request.headers:
        raise InvalidRequest(_ILLEGAL)
    if not replaces:
        kept = {n: v for n, v in source.headers.items() if n not in _NEVER_COPIED}
        kept.update({n: v for n, v in asked.headers.items() if n in _NEVER_COPIED})
        asked = dataclasses.replace(asked, headers=kept, metadata=source.metadata)
    if _directive(call, "x-amz-tagging-directive") == "COPY":
        asked = dataclasses.replace(asked, tags=source.tags)
    return asked


_NEVER_COPIED = frozenset({STORAGE_CLASS, "x-amz-website-redirect-location"})
"""These are the request's or the default, whatever the directive says."""


def _directive(call: Call, name: str) -> str:
    """COPY or REPLACE. Raises InvalidArgument."""
    value = call.request.headers.get(name, "COPY")
    if value not in ("COPY", "REPLACE"):
        raise InvalidArgument(
            f"Unknown {name.removeprefix('x-amz-').replace('-', ' ')}.",
            fields={"ArgumentName": name, "ArgumentValue": value},
        )
    return value
