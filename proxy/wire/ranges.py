"""Byte ranges: the Range header of reads and x-amz-copy-source-range.

Sources: RFC 9110, 14 "Range Requests"; Amazon S3 API Reference, GetObject and UploadPartCopy.
Ranges are half-open here: [start, end) in bytes.
"""

from __future__ import annotations

import re

from proxy.errors import InvalidArgument, InvalidRange

_RANGE = re.compile(r"bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*", re.ASCII | re.IGNORECASE)
_COPY_RANGE = re.compile(r"bytes=([0-9]{1,18})-([0-9]{1,18})", re.ASCII)
# No object is larger; more digits than that need not be counted.
_MOST_DIGITS = 18


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """The one range that is asked for of an object of `size` bytes; None for the whole object.

    Several ranges, other units and malformed ones are passed over, as S3 does. Raises
    InvalidRange for a range that begins behind the end, and for any of an empty object.
    """
    match = _RANGE.fullmatch(header) if header else None
    if header is None or match is None:
        return None
    first, last = match.groups()
    if first:
        start = _number(first)
        if last and _number(last) < start:
            return None
        end = min(_number(last) + 1, size) if last else size
    elif last:
        start, end = max(size - _number(last), 0), size
    else:
        return None
    if start >= end:
        raise InvalidRange(
            fields={"ActualObjectSize": str(size), "RangeRequested": header},
            headers={"Content-Range": f"bytes */{size}"},
        )
    return start, end


def content_range(start: int, end: int, size: int) -> str:
    """The Content-Range header of an answer with those bytes."""
    return f"bytes {start}-{end - 1}/{size}"


def parse_copy_range(header: str, size: int) -> tuple[int, int]:
    """The range of a part's source, which must lie within its `size` bytes.

    Raises InvalidArgument for what is no range, InvalidRange for one that ends behind the source.
    """
    match = _COPY_RANGE.fullmatch(header)
    if match is None or int(match[1]) > int(match[2]):
        raise InvalidArgument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last "
            "are the zero-based offsets of the first and last bytes to copy",
            fields={"ArgumentName": "x-amz-copy-source-range", "ArgumentValue": header},
        )
    if int(match[2]) >= size:
        raise InvalidRange(
            f"Range specified is not valid for source object of size: {size}",
            fields={"ActualObjectSize": str(size), "RangeRequested": header},
        )
    return int(match[1]), int(match[2]) + 1


def _number(digits: str) -> int:
    return int(digits) if len(digits) <= _MOST_DIGITS else 10**_MOST_DIGITS
