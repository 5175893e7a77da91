"""The documents that clients send, read into values.

What S3's schema does not know is MalformedXML, so nothing that a client demanded is passed over.
Source: Amazon S3 API Reference, the request syntax of each action.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from proxy.errors import InvalidArgument, MalformedXML
from proxy.wire.checksums import digest_of
from proxy.wire.xml.document import CHECKSUM_ELEMENTS
from proxy.wire.xml.parsing import Node, parse

MAX_PARTS = 10_000

_ALGORITHM_OF = {element: name for name, element in CHECKSUM_ELEMENTS.items()}


@dataclass(frozen=True, slots=True)
class CompletedPart:
    """One part of CompleteMultipartUpload; the ETag has no quotes, checksums are base64 by algorithm."""

    number: int
    etag: str
    checksums: Mapping[str, str] = field(default_factory=dict)


def read_complete(document: bytes) -> tuple[CompletedPart, ...]:
    """CompleteMultipartUpload, with 1 to 10,000 parts in the order in which they were sent.

    A part that is named twice in a row counts as it is named last.
    Raises MalformedXML, InvalidArgument (part numbers), BadDigest (checksums).
    """
    parts = parse(document, "CompleteMultipartUpload").all_of("Part", MAX_PARTS)
    named: list[CompletedPart] = []
    for part in map(_completed_part, parts):
        if named and named[-1].number == part.number:
            named.pop()
        named.append(part)
    return tuple(named)


def _completed_part(node: Node) -> CompletedPart:
    fields = node.only("PartNumber", "ETag", *_ALGORITHM_OF)
    if "PartNumber" not in fields or "ETag" not in fields:
        raise MalformedXML()
    checksums = {
        name: fields[element].text.strip() for element, name in _ALGORITHM_OF.items() if element in fields
    }
    for name, value in checksums.items():
        digest_of(name, value)
    return CompletedPart(_part_number(fields["PartNumber"].text), unquoted(fields["ETag"].text), checksums)


def _part_number(text: str) -> int:
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit()):
        raise MalformedXML()
    if len(digits) > 5 or not 1 <= int(digits) <= MAX_PARTS:
        raise InvalidArgument(
            f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive",
            fields={"ArgumentName": "partNumber", "ArgumentValue": digits},
        )
    return int(digits)


def boolean(text: str) -> bool:
    """`true`, `false`, or nothing. Raises MalformedXML."""
    word = text.strip().lower()
    if word not in ("true", "false", ""):
        raise MalformedXML()
    return word == "true"


def unquoted(text: str) -> str:
    """An ETag without its quotes."""
    return text.strip().strip('"')
