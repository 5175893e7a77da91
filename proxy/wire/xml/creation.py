"""The document with which a bucket is made.

Source: Amazon S3 API Reference, CreateBucket, "Request Syntax".
"""

from __future__ import annotations

from proxy.errors import NotImplementedByUs
from proxy.wire.xml.parsing import Node, parse
from proxy.wire.xml.tagging import read_tag

_DIRECTORY_BUCKETS = frozenset({"Location", "Bucket"})
_MOST_TAGS = 1000
"""More than any set of tags may have: which tags are too many is said by the rules of tags."""


def read_creation(content: bytes) -> tuple[str, tuple[tuple[str, str], ...]]:
    """(LocationConstraint or "", tags as they came) of a CreateBucketConfiguration, which may be missing.

    Raises MalformedXML, and NotImplemented for directory buckets.
    """
    if not content.strip():
        return "", ()
    root = parse(content, "CreateBucketConfiguration")
    for child in root.children:
        if child.name in _DIRECTORY_BUCKETS:
            raise NotImplementedByUs(fields={"Element": child.name})
    fields = root.only("LocationConstraint", "Tags")
    location = fields["LocationConstraint"].text.strip() if "LocationConstraint" in fields else ""
    return location, _tags(fields["Tags"]) if "Tags" in fields else ()


def _tags(node: Node) -> tuple[tuple[str, str], ...]:
    if not node.children:
        return ()
    return tuple(read_tag(one) for one in node.all_of("Tag", _MOST_TAGS))
