"""Conditional requests: on reads, on the source of a copy, on writes.

Sources: RFC 9110, 13 "Conditional Requests"; Amazon S3 API Reference, GetObject and CopyObject
(which condition wins when two are given); Amazon S3 User Guide, "Conditional writes". ETags carry
no quotes; times are milliseconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from proxy.errors import NotModified, PreconditionFailed
from proxy.wire.dates import http_date, parse_http_date

_READ_NAMES = ("if-match", "if-unmodified-since", "if-none-match", "if-modified-since")
_COPY_PREFIX = "x-amz-copy-source-"
_WHEN = {name: "-".join(word.capitalize() for word in name.split("-")) for name in _READ_NAMES}


@dataclass(frozen=True, slots=True)
class WriteCondition:
    """If-Match (`etags`; "*" is any), If-None-Match: * (`absent`) or with tags (`none_of`)."""

    etags: tuple[str, ...] = ()
    absent: bool = False
    none_of: tuple[str, ...] = ()

    @property
    def given(self) -> bool:
        return bool(self.etags or self.absent or self.none_of)


def etag_list(header: str, *, weak: bool) -> tuple[str, ...]:
    """The tags of If-Match or If-None-Match without quotes; bare ones are taken, as S3 does.

    Weak tags (W/"...") count only where the comparison is the weak one (RFC 9110, 8.8.3.2).
    """
    tags = []
    for part in header.split(","):
        tag = part.strip()
        if tag.startswith("W/"):
            if not weak:
                continue
            tag = tag[2:]
        if len(tag) >= 2 and tag[0] == tag[-1] == '"':
            tag = tag[1:-1]
        if tag:
            tags.append(tag)
    return tuple(tags)


def failed(headers: Mapping[str, str], etag: str, last_modified: int) -> str | None:
    """The first condition that does not hold, by its lower-case name; None if all do.

    If-Unmodified-Since counts only without If-Match, If-Modified-Since only without
    If-None-Match; dates that are none are passed over.
    """
    if "if-match" in headers:
        if not _matches(headers["if-match"], etag, weak=False):
            return "if-match"
    elif _after(last_modified, headers.get("if-unmodified-since")) is True:
        return "if-unmodified-since"
    if "if-none-match" in headers:
        if _matches(headers["if-none-match"], etag, weak=True):
            return "if-none-match"
    elif _after(last_modified, headers.get("if-modified-since")) is False:
        return "if-modified-since"
    return None


def check_read(headers: Mapping[str, str], etag: str, last_modified: int) -> None:
    """Raise PreconditionFailed (412) or NotModified (304, with ETag and Last-Modified) for GET and HEAD."""
    name = failed(headers, etag, last_modified)
    if name in ("if-match", "if-unmodified-since"):
        raise PreconditionFailed(fields={"Condition": _WHEN[name]})
    if name is not None:
        raise NotModified(headers={"ETag": f'"{etag}"', "Last-Modified": http_date(last_modified)})


def check_copy_source(headers: Mapping[str, str], etag: str, last_modified: int) -> None:
    """Raise PreconditionFailed if one of the x-amz-copy-source-if- headers does not hold of the source."""
    given = {name: headers[_COPY_PREFIX + name] for name in _READ_NAMES if _COPY_PREFIX + name in headers}
    name = failed(given, etag, last_modified)
    if name is not None:
        raise PreconditionFailed(fields={"Condition": _COPY_PREFIX + name})


def range_holds(if_range: str | None, etag: str, last_modified: int) -> bool:
    """Whether a Range may be served: If-Range is absent, or is this very ETag or time.

    Source: RFC 9110, 13.1.5.
    """
    if if_range is None:
        return True
    if if_range.startswith(('"', "W/")):
        return etag in etag_list(if_range, weak=False)
    moment = parse_http_date(if_range)
    return moment == last_modified // 1000 if moment is not None else if_range == etag


def write_condition(headers: Mapping[str, str]) -> WriteCondition:
    """What a write demands of the object that it would replace."""
    none_of = etag_list(headers.get("if-none-match", ""), weak=True)
    return WriteCondition(
        etags=etag_list(headers["if-match"], weak=False) or ("",) if "if-match" in headers else (),
        absent="*" in none_of,
        none_of=() if "*" in none_of else none_of,
    )


def _matches(header: str, etag: str, *, weak: bool) -> bool:
    tags = etag_list(header, weak=weak)
    return "*" in tags or etag in tags


def _after(last_modified: int, header: str | None) -> bool | None:
    """Whether the object changed after that date, in whole seconds; None without a date."""
    moment = parse_http_date(header) if header is not None else None
    return None if moment is None else last_modified // 1000 > moment
