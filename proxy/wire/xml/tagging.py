"""The Tagging document, of buckets and of objects.

Source: Amazon S3 API Reference, PutObjectTagging and PutBucketTagging.
"""

from __future__ import annotations

from collections.abc import Mapping

from proxy.errors import MalformedXML
from proxy.wire.xml.document import document, element
from proxy.wire.xml.parsing import Node, parse

_MOST_ROWS = 1000
"""More than any set of tags may have: which tags are too many is said by the rules of tags."""


def tagging(tags: Mapping[str, str]) -> bytes:
    """Tagging, by key: the order in which tags were given is not kept."""
    rows = [
        f"<Tag>{element('Key', key)}{element('Value', value)}</Tag>" for key, value in sorted(tags.items())
    ]
    return document("Tagging", f"<TagSet>{''.join(rows)}</TagSet>")


def read_tagging(content: bytes) -> tuple[tuple[str, str], ...]:
    """(key, value) as they came, doubled ones too. Raises MalformedXML."""
    fields = parse(content, "Tagging").only("TagSet")
    if "TagSet" not in fields:
        raise MalformedXML()
    rows = fields["TagSet"].children
    if len(rows) > _MOST_ROWS:
        raise MalformedXML()
    return tuple(read_tag(row) for row in rows)


def read_tag(row: Node) -> tuple[str, str]:
    """(key, value) of one Tag. Raises MalformedXML."""
    if row.name != "Tag":
        raise MalformedXML()
    fields = row.only("Key", "Value")
    if len(fields) != 2 or any(one.children for one in fields.values()):
        raise MalformedXML()
    return fields["Key"].text, fields["Value"].text
