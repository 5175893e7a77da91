"""Reading numbers, tokens and encodings of a query. Each raises InvalidArgument that names it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from proxy.errors import InvalidArgument
from proxy.limits import MAX_KEYS, MAX_PART_NUMBER
from proxy.wire.dates import parse_http_date

_MOST = 2**31 - 1


def wrong(name: str, value: str, message: str) -> InvalidArgument:
    return InvalidArgument(message, fields={"ArgumentName": name, "ArgumentValue": value})


def number(query: Mapping[str, str], name: str, default: int = 0) -> int:
    """A whole number from 0 to 2147483647."""
    text = query.get(name, "")
    if text == "":
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= _MOST):
        raise wrong(name, text, f"Argument {name} must be an integer between 0 and {_MOST}")
    return int(text)


def page_size(query: Mapping[str, str], name: str, most: int = MAX_KEYS) -> int:
    """How many entries a page may have: at most `most`, which is also the default."""
    return min(number(query, name, most), most)


def part_number(query: Mapping[str, str]) -> int | None:
    """partNumber, from 1 to 10,000; None if it is not given."""
    text = query.get("partNumber")
    if text is None:
        return None
    found = int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else 0
    if not 1 <= found <= MAX_PART_NUMBER:
        raise wrong(
            "partNumber", text, f"Part number must be an integer between 1 and {MAX_PART_NUMBER}, inclusive"
        )
    return found


_IF_SIZE, _IF_MODIFIED = "x-amz-if-match-size", "x-amz-if-match-last-modified-time"


def delete_condition(headers: Mapping[str, str]) -> tuple[int | None, int | None]:
    """(size in bytes, time of change in milliseconds) that an object must have to be deleted."""
    size, moment = None, None
    if _IF_SIZE in headers:
        text = headers[_IF_SIZE]
        if not (text.isascii() and text.isdigit() and len(text) <= 18):
            raise wrong(_IF_SIZE, text, "The size must be a number of bytes.")
        size = int(text)
    if _IF_MODIFIED in headers:
        moment = parse_http_date(headers[_IF_MODIFIED])
        if moment is None:
            raise wrong(_IF_MODIFIED, headers[_IF_MODIFIED], "The time must be an HTTP date.")
        moment *= 1000
    return size, moment


def encoding_type(query: Mapping[str, str]) -> str | None:
    """`url` if keys are wanted percent-encoded."""
    text = query.get("encoding-type", "")
    if text not in ("", "url"):
        raise wrong("encoding-type", text, "Invalid Encoding Method specified in Request")
    return text or None


def make_token(last: str) -> str:
    """Where the next page starts, in a form that clients pass back unread."""
    return base64.urlsafe_b64encode(last.encode()).decode("ascii")


def read_token(name: str, token: str) -> str:
    """What `make_token` was given."""
    try:
        return base64.urlsafe_b64decode(token.encode("ascii")).decode()
    except (UnicodeError, binascii.Error):
        raise wrong(name, token, "The continuation token provided is incorrect") from None
