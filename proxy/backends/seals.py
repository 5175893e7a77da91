"""The values that say how bodies are sealed. Backends keep them and never look into them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SealedSegment:
    """One stretch of a sealed body, sealed in one go: `size` bytes of plaintext in `stored` bytes.

    `body_id` is hexadecimal.
    """

    body_id: str
    size: int
    stored: int


@dataclass(frozen=True, slots=True)
class Seal:
    """How a body is sealed.

    `wrap` is the sealed data key; `segments` make up the body, in order. An open upload has a wrap
    and no segments.
    """

    wrap: str
    segments: tuple[SealedSegment, ...] = ()

    @property
    def stored(self) -> int:
        """How many bytes the sealed body has."""
        return sum(segment.stored for segment in self.segments)


@dataclass(frozen=True, slots=True)
class Encryption:
    """What clients are told of an object's encryption at rest.

    `mode` is "" (none), AES256, aws:kms or customer (SSE-C); `key` is the KMS key's id, or the MD5
    of the customer's key in base64.
    """

    mode: str = ""
    key: str = ""


UNENCRYPTED = Encryption()


@dataclass(frozen=True, slots=True)
class Reseal:
    """Another wrap for a version whose body stays as it is; counts only while its wrap is `old`.

    With `upload_id` for that open upload; then `version_id` says nothing.
    """

    key: str
    version_id: str
    old: str
    new: str
    upload_id: str = ""


@dataclass(frozen=True, slots=True)
class SealEntry:
    """How one version is sealed, as a walk over a place tells it; `wrap` is "" for a plain body.

    `etag` and `segments` are what another wrap binds; a backend with `seals_ahead` may leave them
    away, for a wrap that was made ahead binds neither. `encryption` is what the backend knows of it by
    itself (a service's own encryption).
    """

    key: str
    version_id: str
    size: int
    wrap: str
    locked: bool = False
    latest: bool = True
    encryption: Encryption = UNENCRYPTED
    etag: str = ""
    segments: tuple[SealedSegment, ...] = ()


@dataclass(frozen=True, slots=True)
class SealListing:
    """One page of SealEntry in the order of `list_versions`, delete markers left out."""

    entries: tuple[SealEntry, ...]
    last: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class PlainFacts:
    """What was found out about the plaintext of a body; `etag` is its MD5 in hex."""

    size: int
    etag: str
    checksums: Mapping[str, str] = field(default_factory=dict)
