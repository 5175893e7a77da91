"""Times as S3 writes and reads them. Inside, times are milliseconds since the epoch, in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_DATE = 64
_AMZ_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z", re.ASCII)


@lru_cache(maxsize=4096)
def _http_second(second: int) -> str:
    return formatdate(second, usegmt=True)


def http_date(ms: int) -> str:
    """`Wed, 21 Oct 2015 07:28:00 GMT` (RFC 9110, 5.6.7); the milliseconds are cut off."""
    return _http_second(ms // 1000)


def parse_http_date(text: str) -> int | None:
    """Seconds since the epoch, or None for what is not a date: HTTP has such conditions ignored.

    ISO 8601, which some S3 clients send in conditions, is read too.
    """
    if len(text) > _LONGEST_DATE:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(seconds=1)


@lru_cache(maxsize=4096)
def _iso_second(second: int) -> str:
    return (_EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S")


def iso_ms(ms: int) -> str:
    """`2009-10-12T17:50:30.000Z`, as in every S3 document."""
    second, rest = divmod(ms, 1000)
    return f"{_iso_second(second)}.{rest:03d}Z"


def parse_iso_ms(text: str) -> int | None:
    """Milliseconds since the epoch of a time in ISO 8601, or None; without a zone it is UTC."""
    if len(text) > _LONGEST_DATE:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def iso_seconds(seconds: float) -> str:
    """`2009-10-12T17:50:30Z`, as in the error documents about time."""
    return f"{_iso_second(int(seconds))}Z"


def amz_date(seconds: float) -> str:
    """`20130524T000000Z`, the form of x-amz-date."""
    return (_EPOCH + timedelta(seconds=int(seconds))).strftime("%Y%m%dT%H%M%SZ")


def parse_amz_date(text: str) -> float | None:
    """Seconds since the epoch, or None for anything but `YYYYMMDDTHHMMSSZ`."""
    return _amz_moment(text) if len(text) == 16 else None


@lru_cache(maxsize=1024)
def _amz_moment(text: str) -> float | None:
    match = _AMZ_DATE.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:
        return None
