"""What a service can do, as probing found it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

Finding = bool | None
"""Whether the service can; None: it could not be found out, which counts as no."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """One field for each; see `MEANINGS`."""

    versioning: Finding = None
    conditional_put: Finding = None
    conditional_replace: Finding = None
    conditional_delete: Finding = None
    conditional_complete: Finding = None
    server_side_copy: Finding = None
    checksums: Finding = None
    ordered_listing: Finding = None
    exact_keys: Finding = None
    tagging: Finding = None
    object_lock: Finding = None
    encryption: Finding = None
    unsigned_streams: Finding = None
    strict_buckets: Finding = None

    def as_json(self) -> dict[str, Finding]:
        """Name -> true, false, null."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, object]) -> Capabilities:
        """What is not in it, or is no finding, is unknown."""
        known = {field.name for field in fields(cls)}
        return cls(
            **{name: value for name, value in found.items() if name in known and isinstance(value, bool)}
        )


MEANINGS: Mapping[str, str] = {
    "versioning": "keeps every version of an object",
    "conditional_put": "If-None-Match: * keeps a put from replacing anything",
    "conditional_replace": "If-Match lets a put replace one state of an object only",
    "conditional_delete": "If-Match lets a delete remove one state of an object only",
    "conditional_complete": "the same for CompleteMultipartUpload",
    "server_side_copy": "copies objects without moving them through us",
    "checksums": "verifies x-amz-checksum-*, keeps it and tells it",
    "ordered_listing": "lists keys in the order of their UTF-8 bytes",
    "exact_keys": "keeps keys with empty segments and backslashes as they are",
    "tagging": "keeps tags",
    "object_lock": "keeps what a legal hold locks",
    "encryption": "encrypts what it is asked to (SSE-S3), and says so",
    "unsigned_streams": "takes streams whose bytes are not signed",
    "strict_buckets": "refuses to write into a bucket that is not there",
}
"""In the order in which they are shown."""
