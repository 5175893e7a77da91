"""Building XML text: escaping, elements, whole documents."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from proxy.wire.checksums import ALGORITHMS
from proxy.wire.encoding import encode

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

# What XML 1.0 cannot hold goes out as a reference, as S3 does: clients that have such keys ask
# for encoding-type=url. A bare CR would be read back as a line feed.
_SPECIAL = re.compile('[&<>"\r\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]')
_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}

CHECKSUM_ELEMENTS: Mapping[str, str] = {name: f"Checksum{name.upper()}" for name in ALGORITHMS}
"""Algorithm, as in ObjectInfo.checksums -> element name."""


def escape(text: str) -> str:
    """Character data."""
    return _SPECIAL.sub(_reference, text) if _SPECIAL.search(text) else text


def url_escape(text: str) -> str:
    """Character data of answers to encoding-type=url; `/` stays readable."""
    return encode(text, keep_slash=True)


def escape_for(encoding_type: str | None) -> Callable[[str], str]:
    """How keys and prefixes are written: `url` or nothing."""
    return url_escape if encoding_type == "url" else escape


def element(name: str, value: str | int) -> str:
    """One element with text; the name is ours, the text anybody's."""
    return f"<{name}>{escape(value) if isinstance(value, str) else value}</{name}>"


def optional(name: str, value: str | int | None) -> str:
    """The element, or nothing for None and ""."""
    return element(name, value) if value not in (None, "") else ""


def flag(name: str, value: bool) -> str:
    return f"<{name}>{'true' if value else 'false'}</{name}>"


def quoted_etag(etag: str) -> str:
    """An ETag's element, with the quotes that belong to it."""
    return f"<ETag>&quot;{escape(etag)}&quot;</ETag>"


def checksum_elements(checksums: Mapping[str, str], checksum_type: str = "") -> str:
    values = "".join([element(CHECKSUM_ELEMENTS[name], value) for name, value in checksums.items()])
    return values + optional("ChecksumType", checksum_type) if values else ""


def document(root: str, *content: str, namespace: str | None = NAMESPACE) -> bytes:
    """A whole document in UTF-8. `content` is XML already."""
    attribute = f' xmlns="{namespace}"' if namespace else ""
    return f"{_DECLARATION}<{root}{attribute}>{''.join(content)}</{root}>".encode("utf-8", "replace")


def _reference(match: re.Match[str]) -> str:
    sign = match[0]
    return _NAMED.get(sign) or f"&#x{ord(sign):X};"
