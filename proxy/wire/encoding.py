"""Percent-encoding as S3 reads and writes it.

Sources: RFC 3986; AWS General Reference, "Signature Version 4", the UriEncode function.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes

from proxy.errors import InvalidURI

MAX_TARGET_BYTES = 16 * 1024
"""Longest path and longest query string that are looked at; a key of 1,024 bytes needs 3 KiB."""

_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def decode(raw: bytes) -> str:
    """The text behind percent-encoded UTF-8; `+` stays. Raises InvalidURI."""
    if raw.isascii() and b"%" not in raw:
        return raw.decode("ascii")
    if _BROKEN_ESCAPE.search(raw):
        raise InvalidURI()
    try:
        return unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidURI("The URI is not percent-encoded UTF-8.") from None


def decode_query(raw: bytes) -> str:
    """As `decode`, but `+` is a space, as in every HTML form since the first."""
    return decode(raw.replace(b"+", b" ") if b"+" in raw else raw)


def encode(text: str | bytes, *, keep_slash: bool = False) -> str:
    """UriEncode: every byte but A-Z a-z 0-9 - . _ ~ (and `/`, if kept) as %XX in capitals."""
    return quote(text, safe="/-._~" if keep_slash else "-._~")
