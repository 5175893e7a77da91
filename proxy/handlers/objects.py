"""PutObject, GetObject, HeadObject."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from proxy.backends.values import ObjectInfo
from proxy.errors import InvalidArgument, InvalidPart, InvalidRequest, NoSuchKey, NotModified
from proxy.handlers import encrypting, headers
from proxy.handlers.call import Answer, Call, Download
from proxy.handlers.lifecycle import of_expiration
from proxy.handlers.parameters import part_number
from proxy.wire.conditions import check_read, range_holds
from proxy.wire.ranges import content_range, parse_range

Span = tuple[int, int]
T = TypeVar("T")


def put_object(call: Call) -> Answer:
    if "partNumber" in call.request.query:
        raise InvalidArgument("A part needs the uploadId that it belongs to.")
    new = headers.new_object(call)
    info = call.store.put(new, call.body(), headers.precondition(call))
    answer = {"ETag": headers.quoted(info.etag)}
    answer.update(encrypting.told(info.encryption))
    answer.update(headers.of_new_version(info))
    answer.update(of_expiration(call, info))
    answer.update(headers.of_checksums(info.checksums, info.checksum_type))
    return Answer(200, answer)


def get_object(call: Call) -> Answer:
    key = encrypting.key_of_read(call)
    reader = _found(call.open)
    try:
        encrypting.unlock(reader, key)
        answer, (start, end) = _read(call, reader.info)
        if start == end:
            reader.close()
            return answer
        answer.body = Download(reader, start, end)
    except BaseException:
        reader.close()
        raise
    return answer


def head_object(call: Call) -> Answer:
    key = encrypting.key_of_read(call)
    info = _found(call.head)
    encrypting.check_key(info.encryption, key)
    answer, (start, end) = _read(call, info)
    answer.length = end - start
    return answer


def get_object_torrent(call: Call) -> Answer:
    """Always raises NoSuchKey: no object has a torrent."""
    call.head()
    raise NoSuchKey("There is no torrent of this object.")


def _found(look: Callable[[], T]) -> T:
    """Of a key that is not there it is said whether a delete marker hides it."""
    try:
        return look()
    except NoSuchKey as error:
        error.headers.setdefault("x-amz-delete-marker", "false")
        raise


def _read(call: Call, info: ObjectInfo) -> tuple[Answer, Span]:
    """Status and headers of a read, and the bytes that it is about."""
    request = call.request
    try:
        check_read(request.headers, info.etag, info.last_modified)
    except NotModified as unchanged:
        unchanged.headers.update(headers.of_version(call, info))
        raise
    found = headers.of_object(call, info)
    number = part_number(request.query)
    if number is not None:
        return _part(call, info, number, found)
    span = parse_range(request.headers.get("range"), info.size)
    if span is not None and not range_holds(request.headers.get("if-range"), info.etag, info.last_modified):
        span = None
    if span is not None:
        found["Content-Range"] = content_range(*span, info.size)
        return Answer(206, found), span
    if _wants_checksums(call):
        found.update(headers.of_checksums(info.checksums, info.checksum_type))
    return Answer(200, found), (0, info.size)


def _part(call: Call, info: ObjectInfo, number: int, found: dict[str, str]) -> tuple[Answer, Span]:
    """One part of an object; an object that was put whole is its own part 1.

    Source: Amazon S3 API Reference, GetObject, `partNumber`. Raises InvalidPart.
    """
    if "range" in call.request.headers:
        raise InvalidRequest("Cannot specify both Range header and partNumber query parameter")
    start, end, values = 0, info.size, info.checksums
    if info.parts:
        found["x-amz-mp-parts-count"] = str(len(info.parts))
        if number > len(info.parts):
            raise _no_part(number, len(info.parts))
        start = sum(part.size for part in info.parts[: number - 1])
        end = start + info.parts[number - 1].size
        values = info.parts[number - 1].checksums
    elif number > 1:
        raise _no_part(number, 1)
    if _wants_checksums(call):
        found.update(headers.of_checksums(values, info.checksum_type))
    if end > start:
        found["Content-Range"] = content_range(start, end, info.size)
    return Answer(206, found), (start, end)


def _no_part(number: int, count: int) -> InvalidPart:
    return InvalidPart(
        "The requested partnumber is not satisfiable",
        fields={"PartNumberRequested": str(number), "ActualPartCount": str(count)},
    )


def _wants_checksums(call: Call) -> bool:
    return call.request.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED"
