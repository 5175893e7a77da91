"""Tags: the x-amz-tagging header and the rules that every set of tags keeps.

Sources: Amazon S3 User Guide, "Categorizing your objects using tags"; Amazon S3 API Reference,
PutBucketTagging.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from proxy.errors import InvalidArgument, InvalidTag, InvalidURI
from proxy.wire.encoding import MAX_TARGET_BYTES, decode_query

MAX_OBJECT_TAGS = 10
MAX_BUCKET_TAGS = 50
MAX_KEY_LENGTH = 128
MAX_VALUE_LENGTH = 256

_SIGNS = frozenset("_.:/=+-@")


def parse_tagging(text: str) -> dict[str, str]:
    """Tags of an x-amz-tagging header: `a=1&b=2`, form-encoded. Raises InvalidArgument, InvalidTag."""
    if not text:
        return {}
    raw = text.encode("latin-1")
    try:
        if len(raw) > MAX_TARGET_BYTES:
            raise InvalidURI()
        pairs = [
            (decode_query(name), decode_query(value))
            for name, _, value in (pair.partition(b"=") for pair in raw.split(b"&"))
        ]
    except InvalidURI:
        raise InvalidArgument(
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters "
            "without tag name duplicates.",
            fields={"ArgumentName": "x-amz-tagging", "ArgumentValue": text},
        ) from None
    return checked_tags(pairs)


def checked_tags(pairs: Iterable[tuple[str, str]], most: int = MAX_OBJECT_TAGS) -> dict[str, str]:
    """The tags as a mapping. Raises InvalidTag for too many, too long, doubled or reserved ones."""
    tags: dict[str, str] = {}
    for key, value in pairs:
        if len(tags) == most:
            raise InvalidTag(f"The number of tags cannot be greater than {most}")
        if not 1 <= len(key) <= MAX_KEY_LENGTH or not _allowed(key):
            raise InvalidTag("The TagKey you have provided is invalid", fields={"TagKey": key})
        if len(value) > MAX_VALUE_LENGTH or not _allowed(value):
            raise InvalidTag("The TagValue you have provided is invalid", fields={"TagValue": value})
        if key.startswith("aws:"):
            raise InvalidTag("System tags cannot be added/updated by requester", fields={"TagKey": key})
        if key in tags:
            raise InvalidTag("Cannot provide multiple Tags with the same key", fields={"TagKey": key})
        tags[key] = value
    return tags


def _allowed(text: str) -> bool:
    """Letters, numbers and spaces of any script, and a few signs."""
    return all(sign in _SIGNS or unicodedata.category(sign)[0] in "LNZ" for sign in text)
